#!/usr/bin/env python3
"""Goal: a wall clock that jumps by years, forwards and back, running or between two starts, is never tampering.

Method: the daemon runs under libfaketime, the TPM's clock goes on. A step that shows (an anchor dated before the one
before it, records dated outside their anchors) must be explained by what is in the evidence: a finding about clocks,
or a note that the daemon sealed about the step; never by a verdict. The verdict needs no clock: the verifier's own
stands still meanwhile.
"""
from luck import CLOCK_FINDINGS, OK, Bent, into_namespace, unless_it_stood_still

WHILE_RUNNING = ["+3y", "+0", "-7y", "+0", "-1h", "+20y", "-10y", "+0"]
AT_A_START = ["+5y", "-5y", "@1970-01-02 00:00:00", "@2099-01-01 00:00:00", "+0"]


class Years(Bent):
    def check_bent(self):
        """Verified; findings about clocks and nothing else; every event there. How much has been said about steps."""
        report = self.verify()
        assert report["exit"] == OK, report
        others = {f["finding"] for f in report["findings"]} - CLOCK_FINDINGS
        assert others == {"simulator"}, report
        assert report["coverage"]["boots"] == 1 and report["coverage"]["unanchored"] == 0, report
        self.check_events()
        return report["finding_count"] + len(self.notes("clock_step"))


def while_running(machine):
    for offset in WHILE_RUNNING:
        machine.send()
        machine.anchor()
        before = machine.check_bent()
        machine.bend(offset)
        machine.send()
        machine.anchor()
        machine.send()
        machine.anchor()
        assert machine.check_bent() > before, f"{offset}: not a word about the step"


def at_a_start(machine):
    for offset in AT_A_START:
        machine.stop_daemon()
        machine.bend(offset)
        machine.start_bent()
        machine.send()
        machine.anchor()
        machine.check_bent()


def records_out_of_their_time(machine):
    """The clock is set back for some records and put right before their anchor: the block is named, or the step is."""
    machine.send()
    machine.anchor()
    noted = len(machine.notes("clock_step"))
    machine.bend("-2y")
    machine.send()
    machine.bend("+0")
    machine.send()
    machine.anchor()
    machine.check_bent()
    named = [f for f in machine.verify()["findings"] if f["finding"] == "back_dated"]
    assert named or len(machine.notes("clock_step")) > noted, "two years back and forth, and not a word about it"


def main():
    with Years("a") as machine:
        machine.provision(quote_interval="1h")
        machine.bend("+0")
        machine.start_bent()
        machine.send()
        machine.anchor()
        machine.tally["boots"] = 1
        machine.check()
        older = machine.copy("older")
        records_out_of_their_time(machine)
        while_running(machine)
        at_a_start(machine)
        machine.check_still_caught(older)
        machine.stop_daemon()
        machine.check_bent()


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
