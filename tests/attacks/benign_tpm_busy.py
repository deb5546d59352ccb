#!/usr/bin/env python3
"""Goal: a TPM that is busy, for a moment or for long, delays anchors and nothing else.

Method: a listener between daemon and swtpm answers RETRY, YIELDED, TESTING, NV_RATE or NV_UNAVAILABLE in the TPM's
stead. For a moment: the anchor is made all the same, C incremented once, no finding. For longer than the daemon's
patience (10 s): status says unavailable, events are still taken, the pause is a remark in the journal.
"""
from luck import (EXTEND, INCREMENT, PCR_EXTEND, QUOTE, READ, SESSION_DIGEST, UNAVAILABLE, Machine, TpmBetween,
                  into_namespace, said, unless_it_stood_still, wait_until)

BUSY = {"RETRY": 0x922, "YIELDED": 0x908, "TESTING": 0x90A, "NV_RATE": 0x920, "NV_UNAVAILABLE": 0x923}
COMMANDS = (INCREMENT, EXTEND, READ, SESSION_DIGEST, PCR_EXTEND, QUOTE)
WEIGHTY = (INCREMENT, QUOTE)
ESYS_TRIES = 5  # made by the TSS itself: a moment is longer than that
MOMENT = ESYS_TRIES + 2


class Occupied:
    """Says busy to the next commands of each kind, or to every command."""

    def __init__(self):
        self.code, self.left, self.always, self.refused = 0, {}, False, 0

    def __call__(self, code, _command, forward):
        if not self.always and not self.left.get(code):
            return forward()
        if not self.always:
            self.left[code] -= 1
        self.refused += 1
        return said(self.code)


def busy_for_a_moment(machine, occupied):
    for name, code in BUSY.items():
        commands = COMMANDS if name == "RETRY" else WEIGHTY
        occupied.code, occupied.left = code, dict.fromkeys(commands, MOMENT)
        before, refused = machine.spent(), occupied.refused
        machine.send()
        machine.anchor()
        assert machine.spent() == before + 1, f"{name}: one anchor, {machine.spent() - before} increments"
        assert occupied.refused - refused == MOMENT * len(commands), (name, occupied.left)
        machine.send()
        machine.wait_until_anchored()
        machine.check()


def busy_for_long(machine, occupied):
    machine.anchor()
    before, refused = machine.spent(), occupied.refused
    occupied.code, occupied.always = BUSY["RETRY"], True
    machine.send()
    wait_until(lambda: occupied.refused > refused, "an anchor meets the busy TPM")
    machine.send()  # behind the intent that waits: as long without an anchor, and no gap either
    first = machine.ledger.newest
    wait_until(lambda: machine.state() == "unavailable", "the daemon gives up for now")
    status = machine.status()["anchoring"]
    assert "0x922" in status["reason"].lower() or "RETRY" in status["reason"].upper(), status
    assert machine.stele("anchor").returncode == UNAVAILABLE
    assert machine.send() == 0 and machine.ledger.newest > first, "events wait for the TPM"
    assert machine.status()["anchoring"]["unanchored"] >= 9
    report = machine.verify()
    assert report["exit"] == 0 and report["coverage"]["unanchored"] >= 9, report
    occupied.always = False
    wait_until(lambda: machine.state() == "anchoring", "the daemon goes on")
    machine.anchor()
    assert machine.spent() == before + 1, "waiting costs no increments"
    machine.told({"journal_remark": 2})
    exposed = machine.check(unanchored=0)["coverage"]["longest_exposure_s"]
    assert exposed >= 9, f"the pause lasted over 10 s; the longest exposure is given as {exposed} s"


def main():
    with Machine("a") as machine:
        occupied = Occupied()
        machine.provision(quote_interval="20ms")
        between = TpmBetween(machine.tpm, occupied)
        machine.write_config(tcti=between.tcti, quote_interval="20ms")
        machine.start_daemon()
        machine.send()
        machine.anchor()
        machine.tally["boots"] = 1
        older = machine.copy("older")
        busy_for_a_moment(machine, occupied)
        busy_for_long(machine, occupied)
        machine.check_still_caught(older)
        machine.stop_daemon()
        between.close()


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
