#!/usr/bin/env python3
"""Goal: a disk that takes seconds for each sync reads as that: neither as a wall clock that was held back, nor as
records that were back-dated.

Method: strace holds every fdatasync of the daemon back for longer than the verifier bears without a word, while several
senders send and wait and anchors are due. What waited says so itself: remarks beside the statement, a note behind the
group. Those are all that the verdict names.
"""
import collections
import contextlib

from luck import LISTED, Machine, Sender, into_namespace, says_that_it_waited, unless_it_stood_still, wait_until
from host_faults import SlowSyncs  # of the crash tests, to which luck knows the way

SYNC_S = 7  # more than the trust file's slack of 5 s
NOTED_S = 4  # the daemon's own limit: of an anchor that is dated so long after a record that it does not cover
SENDERS = 3
LOOKS = 4  # an anchor takes four such syncs; whether it is dated beside a group that waits is chance


def waits(machine):
    """The findings, by name, in which the log says that something waited: those not listed too."""
    report = machine.verify()
    named = collections.Counter(f["finding"] for f in report["findings"] if says_that_it_waited(f))
    if beyond := report["finding_count"] - len(report["findings"]):
        most, count = named.most_common(1)[0]
        assert count == LISTED, report
        named[most] += beyond
    return named


def has_told(machine):
    return machine.notes("slow_commit") and waits(machine)["journal_remark"] >= 2


def slow(machine):
    syncs = SlowSyncs(machine, SYNC_S)
    senders = [Sender(machine.ingest, machine.ledger) for _ in range(SENDERS)]
    try:
        for sender in senders:
            sender.start()
        for _ in range(LOOKS - 1):
            with contextlib.suppress(AssertionError):
                wait_until(lambda: has_told(machine), "what waits says so")
                break
        else:
            wait_until(lambda: has_told(machine), "what waits says so")
    finally:
        syncs.end()
    for sender in senders:
        sender.stop()
    machine.anchor()
    machine.wait_until_anchored()


def main():
    with Machine("a") as machine:
        machine.begin(quote_interval="10s")
        older = machine.copy("older")
        slow(machine)
        noted = machine.notes("slow_commit")
        assert noted and all(n["until_ns"] - n["since_ns"] >= NOTED_S * 10**9 for n in noted), noted
        machine.told(waits(machine))
        machine.check(unanchored=0)
        machine.send()
        machine.anchor()
        machine.check_still_caught(older)
        machine.stop_daemon()
        machine.check(unanchored=0)


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
