#!/usr/bin/env python3
"""Goal: another process that uses the TPM between our commands delays anchors, wears nothing, alarms nobody.

Method: a listener between daemon and swtpm sends GetRandom before every command of an audit session, as a TPM
shared without a resource manager would see it, for a while or without end. C is read from the TPM before and
after: as many increments as anchors, however often the session was broken.
"""
import threading

from luck import (EXTEND, GET_RANDOM, READ, SESSION_DIGEST, UNAVAILABLE, Machine, TpmBetween, ask, into_namespace,
                  unless_it_stood_still, wait_until)

IN_SESSION = (EXTEND, READ, SESSION_DIGEST)
TRIES = 8  # daemon/README.md: tries against contention


class Neighbour:
    """Asks the TPM for random bytes just before commands of these kinds, as often as it is told."""

    def __init__(self, machine):
        self.machine, self.left, self.came = machine, 0, 0

    def __call__(self, code, command, forward):
        if self.left and code in IN_SESSION and is_audited(code, command):
            self.left -= 1
            self.came += 1
            ask(self.machine.tpm.port, GET_RANDOM)
        return forward()


def is_audited(code, command):
    """GetSessionAuditDigest, or a command whose first session is an HMAC session: the audit session."""
    return code == SESSION_DIGEST or command[22] == 0x02


def disturbed(machine, neighbour, times):
    """Within the tries an anchor is made: by a read-back once the first session was broken."""
    before, came = machine.spent(), neighbour.came
    machine.send()
    neighbour.left = times
    machine.anchor()
    assert neighbour.left == 0 and neighbour.came == came + times, neighbour.left
    assert machine.spent() == before + 1, f"disturbed {times} times: {machine.spent() - before} increments"
    machine.told({"read_back_receipt": 1})
    machine.check(unanchored=0)


def contended(machine, neighbour):
    """Without end: the daemon says contended, spends one increment, not one a try, and recovers by itself."""
    before, came = machine.spent(), neighbour.came
    machine.send()
    neighbour.left = 10**9
    assert machine.stele("anchor").returncode == UNAVAILABLE
    wait_until(lambda: neighbour.came > came + 4 * TRIES, "several rounds of tries")
    assert machine.state() == "contended"
    assert machine.send() == 0, "events wait for the TPM"
    assert machine.spent() == before + 1, f"{machine.spent() - before} increments in {neighbour.came - came} disturbances"
    report = machine.verify()
    assert report["exit"] == 0 and report["coverage"]["unanchored"] > 0, report
    neighbour.left = 0
    wait_until(lambda: machine.state() == "anchoring", "the daemon goes on")
    machine.anchor()
    made = machine.spent() - before
    assert made == 2, f"the anchor that was contended and one more: {made} increments"
    machine.told({"read_back_receipt": 1, "journal_remark": 2})
    machine.check(unanchored=0)


def in_a_loop(machine, between):
    """A second client of the same TPM that never pauses: whatever becomes of each anchor, one increment each."""
    unspent = machine.spent() - machine.status()["anchoring"]["counter_anchors"]
    ended, asked = threading.Event(), []

    def neighbour():
        while not ended.is_set():
            asked.append(ask(between.port, GET_RANDOM))

    client = threading.Thread(target=neighbour)
    client.start()
    try:
        for _ in range(5):
            machine.send()
            machine.stele("anchor")  # made, or refused as contended
    finally:
        ended.set()
        client.join()
    wait_until(lambda: machine.state() == "anchoring", "the daemon goes on")
    machine.anchor()
    assert len(asked) > 100, f"the second client came to its turn {len(asked)} times only"
    report = machine.verify()
    assert machine.spent() - unspent == report["anchors"]["counter"], "an anchor incremented C more than once"
    for name in ("read_back_receipt", "journal_remark"):  # as the two met
        machine.findings[name] = sum(f["finding"] == name for f in report["findings"])
    machine.check(unanchored=0)


def main():
    with Machine("a") as machine:
        neighbour = Neighbour(machine)
        machine.provision(quote_interval="1h")
        between = TpmBetween(machine.tpm, neighbour)
        machine.write_config(tcti=between.tcti, quote_interval="1h")
        machine.start_daemon()
        machine.send()
        machine.anchor()
        machine.tally["boots"] = 1
        older = machine.copy("older")
        for times in (1, 2, TRIES - 1):
            disturbed(machine, neighbour, times)
        contended(machine, neighbour)
        in_a_loop(machine, between)
        machine.check_still_caught(older)
        machine.stop_daemon()
        between.close()


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
