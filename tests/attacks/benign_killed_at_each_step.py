#!/usr/bin/env python3
"""Goal: a SIGKILL, or a power cut, at any step A0-A9 and Q1-Q5 of an anchor never reads as tampering.

Method: failpoints kill the daemon at each step; beside the dead daemon and after the next start the
verdict is read, every acknowledged event compared, the counter's increments counted. Then the same
with a power cut: the TPM loses its power without a shutdown and the machine boots.
"""
from luck import LISTED, Machine, OK, UNDETERMINED, into_namespace, need_failpoints, unless_it_stood_still

COUNTER_STEPS = [f"anchor.A{n}" for n in range(10)]
QUOTE_STEPS = [f"quote.Q{n}" for n in range(1, 6)]
SPENT = {"anchor.A3", "anchor.A4", "anchor.A5", "anchor.A6", "anchor.A7"}  # C incremented, receipt not stored
RECOVERIES = [("anchor.A3", "recovery.extend"), ("anchor.A4", "recovery.read_back"), ("anchor.A4", "anchor.A7"),
              ("anchor.A1", "anchor.A2"), ("quote.Q2", "recovery.bundle"), ("quote.Q2", "quote.Q3")]


def die_and_start(machine, step, power):
    """One death at the step; the start that follows it must find everything."""
    machine.die_at(step, machine.send)
    sealed = machine.check(tail=True)["coverage"]["counter_anchored"]
    if power:
        machine.cut_power()
        machine.told({"unclean_end": 1}, boots=1, unclean_ends=1)
    if step in SPENT:
        machine.told({"read_back_receipt": 1})
    machine.start_daemon()
    machine.anchor()
    report = machine.check(unanchored=0, quote_anchored=0)
    if power and machine.tally["unclean_ends"] <= LISTED:
        ends = [f["detail"] for f in report["findings"] if f["finding"] == "unclean_end"]
        assert f"records from {sealed} on," in ends[-1], (sealed, ends)


def die_in_recovery(machine):
    """Killed at a step, and killed again while the next start mends it."""
    for first, second in RECOVERIES:
        machine.die_at(first, machine.send)
        machine.die_at(second, machine.send)
        machine.check(tail=True)
        machine.start_daemon()
        machine.anchor()
        if first in SPENT:
            machine.told({"read_back_receipt": 1})
        machine.check()
        machine.stop_daemon()


def every_step(power):
    with Machine("a") as machine:
        machine.begin(quote_interval="1s")
        older = machine.copy("older")
        unspent = machine.spent() - machine.check()["anchors"]["counter"]
        machine.stop_daemon()
        for step in COUNTER_STEPS + QUOTE_STEPS:
            die_and_start(machine, step, power)
            machine.stop_daemon()
        if not power:
            die_in_recovery(machine)
        machine.start_daemon()
        machine.anchor()
        made = machine.check()["anchors"]["counter"]
        assert machine.spent() - unspent == made, "an anchor incremented C more than once"
        machine.check_still_caught(older, second_opinion=not power)


def before_the_first_anchor():
    """The only time when nothing can be said: no anchor has a receipt yet."""
    with Machine("a") as machine:
        machine.provision()
        for step in ("anchor.A0", "anchor.A1", "anchor.A2"):
            machine.die_at(step)
            report = machine.verify()
            assert report["exit"] == UNDETERMINED, report
            assert [d["fault"] for d in report["defects"]] == ["no_anchor"], report["defects"]
            assert (report["integrity"], report["completeness"]) == ("unknown", "unknown"), report
        machine.start_daemon()
        machine.send()
        machine.anchor()
        machine.tally["boots"] = 1
        machine.check(OK)


def mode_b_read_backs():
    """Mode B: one read-back is buried under two exclusive receipts; two in a row stay unknown, never tampered."""
    with Machine("b") as machine:
        machine.begin(refill="1h")
        machine.stop_daemon()
        machine.die_at("anchor.A4")
        machine.findings["read_back_receipt"] = 1
        machine.die_at("anchor.A0")  # the read-back is made, the next anchor not begun
        machine.check(UNDETERMINED, "read_back_rule", tail=True)
        machine.start_daemon()
        machine.anchor()
        machine.anchor()
        machine.check(OK)
        machine.kill_daemon()
        for _ in range(2):
            machine.die_at("anchor.A4")
            machine.findings["read_back_receipt"] += 1
        machine.start_daemon()
        for _ in range(3):
            machine.anchor()
        machine.check(UNDETERMINED, "read_back_rule")
        report = machine.verify()
        assert (report["integrity"], report["completeness"]) == ("pass", "unknown"), report


if __name__ == "__main__":
    need_failpoints()
    into_namespace()
    unless_it_stood_still(before_the_first_anchor)
    unless_it_stood_still(mode_b_read_backs)
    unless_it_stood_still(every_step, power=False)
    unless_it_stood_still(every_step, power=True)
