#!/usr/bin/env python3
"""Goal: `stele provision` killed at any step, by a signal or with the power, completes when run again.

Method: failpoints kill the command at each of its steps, in both modes; sometimes the TPM loses its power too, or
alone, before or after it carried out one of the commands.
The second run may need what the auditor decrypts (mode A, between the owner's lock and the end). The log that
comes out anchors and is verified; what an interrupted attempt left is never taken for a log of its own.
"""
import contextlib

from luck import (EXTEND, INCREMENT, SESSION_DIGEST, UNAVAILABLE, Executioner, Machine, OK, TpmBetween, failing,
                  into_namespace, need_failpoints, run, unless_it_stood_still)

BOTH = ["keep.before_rename:1", "keep.done:1", "provision.identity", "create.before_rename:1", "create.done:1",
        "provision.genesis", "provision.key", "provision.counter_defined", "provision.counter_written",
        "provision.extend_defined", "provision.extend_written", "provision.receipt_signed",
        "provision.receipt_kept", "provision.checkpoint_key", "provision.trust", "provision.endorsement"]
MODE_A = ["provision.escrow", "keep.before_rename:2", "keep.done:2", "provision.owner", "provision.lockout",
          "provision.clear", "keep.before_rename:3"]
MODE_B = ["keep.before_rename:2"]
LOCKED = {"provision.owner", "provision.lockout"}  # the owner's secret is in the escrow alone


# Commands of provisioning: code, and which of its kind. The owner's lock is the second HierarchyChangeAuth.
COMMANDS = {"CreatePrimary": (0x131, 1), "EvictControl": (0x120, 1), "define C": (0x12A, 1), "increment C": (INCREMENT, 1),
            "define E": (0x12A, 2), "extend E": (EXTEND, 1), "sign the genesis receipt": (SESSION_DIGEST, 1),
            "lock endorsement": (0x129, 1), "lock owner": (0x129, 2), "lock lockout": (0x129, 3),
            "disable clear": (0x127, 1)}
IN_MODE_A = {"lock owner", "lock lockout", "disable clear"}
NEEDS_AUDITOR = {("lock owner", "unheard"), ("lock lockout", "unsent"), ("lock lockout", "unheard"),
                 ("disable clear", "unsent")}


def provision(machine, failpoint=None, plain=None, tcti=None):
    arguments = ["provision", "--tcti", tcti or machine.tpm.tcti, "--origin", machine.origin, "--mode", machine.mode]
    if machine.mode == "a" and plain:
        arguments += ["--escrow-plain", plain]
    elif machine.mode == "a":
        arguments += ["--escrow", machine.folder / "escrow", "--escrow-key", machine.folder / "auditor.pem"]
    with failing(failpoint) if failpoint else contextlib.nullcontext():
        return machine.stele(*arguments)


def decrypt(machine):
    plain = machine.folder / "escrow.plain"
    done = run("openssl", "cms", "-decrypt", "-inform", "PEM", "-in", machine.folder / "escrow", "-inkey",
               machine.folder / "auditor.key", "-out", plain)
    assert done.returncode == 0, done.stderr
    return plain


def finish(machine, failpoint, needs_auditor):
    """Runs the command again: to its end, or to the demand for what only the auditor can decrypt."""
    again = provision(machine)
    if needs_auditor:
        assert again.returncode == 78 and b"--escrow-plain" in again.stderr, again
        again = provision(machine, plain=decrypt(machine))
    assert again.returncode == OK, (failpoint, again)
    once_more = provision(machine)
    assert once_more.returncode == OK and b"nothing to do" in once_more.stdout, (failpoint, once_more)


def fresh(machine):
    machine.forget()
    machine.tpm.start()
    machine.write_config()


def killed_at(machine, failpoint, power):
    fresh(machine)
    killed = provision(machine, failpoint)
    assert killed.returncode == -9, (failpoint, killed)
    if power:
        machine.kill_tpm()
        machine.new_boot()
        machine.tpm.start()
    finish(machine, failpoint, failpoint in LOCKED)
    check_log(machine)


def tpm_dies_at(machine, name, moment):
    """The TPM loses its power at one of the command's own commands; it is not known whether that was carried out."""
    fresh(machine)
    executioner = Executioner(machine)
    executioner.order(COMMANDS[name][0], moment, COMMANDS[name][1])
    between = TpmBetween(machine.tpm, executioner)
    failed = provision(machine, tcti=between.tcti)
    assert failed.returncode == UNAVAILABLE and executioner.deaths == 1, (name, moment, failed)
    between.close()
    finish(machine, name, (name, moment) in NEEDS_AUDITOR)
    check_log(machine)


def check_log(machine):
    """What came out is a log like any other: it anchors, is verified, and its hierarchies are locked."""
    machine.start_daemon()
    machine.send()
    machine.anchor()
    machine.tally["boots"] = 1
    report = machine.check()
    assert report["anchors"]["mode"] == machine.mode and report["platform"] == "unknown", report
    if machine.mode == "a":
        locked = run("tpm2_changeauth", "-T", machine.tpm.tcti, "-c", "owner", "root")
        assert locked.returncode != 0, "mode A left the owner hierarchy open"
    machine.kill_daemon()
    machine.kill_tpm()


def another_logs_escrow(machine):
    """A file that no attempt of ours wrote is never replaced, however often the command is run."""
    fresh(machine)
    escrow = machine.folder / "escrow"
    escrow.write_text("-----BEGIN CMS-----\nanother log's\n")
    for _ in range(2):
        assert provision(machine).returncode == 73
        assert escrow.read_text() == "-----BEGIN CMS-----\nanother log's\n"
    machine.kill_tpm()


def main():
    for mode in "ab":
        steps = BOTH + (MODE_A if mode == "a" else MODE_B)
        with Machine(mode) as machine:
            if mode == "a":
                machine.escrow_certificate()
                another_logs_escrow(machine)
            for number, failpoint in enumerate(steps):
                for power in (False, True) if number % 2 == ("ab".index(mode)) else (False,):
                    killed_at(machine, failpoint, power)
            for number, name in enumerate(COMMANDS):
                for moment in ("unsent", "unheard"):
                    if mode == "a" and (name in IN_MODE_A or number % 2):
                        tpm_dies_at(machine, name, moment)
                    elif mode == "b" and name not in IN_MODE_A and not number % 2:
                        tpm_dies_at(machine, name, moment)


if __name__ == "__main__":
    need_failpoints()
    into_namespace()
    unless_it_stood_still(main)
