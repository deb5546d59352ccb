#!/usr/bin/env python3
"""Goal: boots, clean or not, with or without the daemon, are counted and named, never taken for tampering.

Method: one machine lives through them, its boot_id and its TPM's resets as a real one's; after each the figures
boots, boots_without_log, unclean_ends, unexplained_resets and the findings must be exactly what happened.
"""
from luck import Machine, into_namespace, need_failpoints, unless_it_stood_still


def clean_reboot(machine):
    machine.reboot()
    machine.start_daemon()
    machine.send()
    machine.anchor()
    machine.told(boots=1)
    machine.check(unanchored=0)


def power_cut(machine):
    """Under quote anchors: what only they covered is exposed, and the finding says from which record on."""
    machine.anchor()
    sealed = machine.verify()["coverage"]["counter_anchored"]
    machine.send()
    machine.wait_until_anchored()
    quoted = machine.check()["coverage"]
    assert quoted["counter_anchored"] == sealed and quoted["quote_anchored"] >= 3, quoted
    machine.cut_power()
    assert not machine.clock_is_safe(), "that was no unclean stop"
    machine.start_daemon()
    machine.anchor()
    machine.told({"unclean_end": 1}, boots=1, unclean_ends=1)
    report = machine.check(unanchored=0)
    end = [f for f in report["findings"] if f["finding"] == "unclean_end"][-1]
    assert f"records from {sealed} on," in end["detail"], (sealed, end)


def boots_without_the_daemon(machine, times):
    """Maintenance, another system: resets that the log knows only by the TPM's count."""
    machine.stop_daemon()
    for _ in range(times + 1):
        machine.reboot(stop=False)
    machine.start_daemon()
    machine.anchor()
    machine.told({"ran_without_log": 1, "unexplained_reset": 1}, boots=1, boots_without_log=times,
                 unexplained_resets=times)
    report = machine.check()
    said = next(f for f in report["findings"][::-1] if f["finding"] == "ran_without_log")
    assert said["detail"].startswith(f"{times} boot"), said


def boot_that_never_anchored(machine):
    """The daemon came up, took events, and the power went before its first anchor: their window is named."""
    machine.reboot()
    machine.die_at("anchor.A0", machine.send)
    machine.check(tail=True)
    machine.cut_power()
    machine.start_daemon()
    machine.anchor()
    machine.told({"unclean_end": 1, "ran_without_log": 1, "unexplained_reset": 1}, boots=1, unclean_ends=1,
                 boots_without_log=1, unexplained_resets=1)
    machine.check(unanchored=0)


def reset_without_a_boot(machine):
    """The TPM alone lost its power (a loose module, a firmware fault) under the running daemon."""
    machine.anchor()
    machine.kill_tpm()
    machine.tpm.start()
    machine.send()
    machine.wait_until_anchored()
    machine.told({"unclean_end": 1, "unexplained_reset": 1}, boots=1, unclean_ends=1, unexplained_resets=1)
    machine.check()


def two_boots_before_the_first_anchor():
    """Freshly installed, and unlucky: provisioned, then two boots without an anchor."""
    with Machine("a") as machine:
        machine.provision()
        for _ in range(2):
            machine.die_at("anchor.A0")
            report = machine.verify()
            assert (report["exit"], [d["fault"] for d in report["defects"]]) == (2, ["no_anchor"]), report
            machine.cut_power()
        machine.start_daemon()
        machine.send()
        machine.anchor()
        # The boot in which provisioning took place explains nothing; the second of the two made no anchor.
        machine.told({"unclean_end": 2, "ran_without_log": 1, "unexplained_reset": 1}, boots=1, unclean_ends=2,
                     boots_without_log=1, unexplained_resets=1)
        machine.check()


def main():
    with Machine("a") as machine:
        machine.begin()
        older = machine.copy("older")
        for _ in range(2):
            clean_reboot(machine)
            power_cut(machine)
        boots_without_the_daemon(machine, 1)
        boots_without_the_daemon(machine, 3)
        boot_that_never_anchored(machine)
        reset_without_a_boot(machine)
        machine.check_still_caught(older)
        machine.stop_daemon()
        machine.check(unanchored=0, quote_anchored=0)
    two_boots_before_the_first_anchor()


if __name__ == "__main__":
    need_failpoints()
    into_namespace()
    unless_it_stood_still(main)
