#!/usr/bin/env python3
"""Goal: a disk that is full, freed and full again never reads as tampering, and its pauses are in the log.

Method: the data directory lies on a tmpfs of the test's own that is shrunk to what is used and grown again, while
events and anchors are due; the daemon is also killed, and the machine loses its power, on the full disk.
"""
import shutil
import subprocess
import time

from luck import (OK, Machine, Sender, end_mount, into_namespace, mount, remount, unless_it_stood_still, used,
                  wait_until)

ROOM, LITTLE = 64 << 20, 16 << 10
LONG_S = 6  # more than the trust file's slack and ten quote intervals: a gap, were its cause not on record


def fill(machine):
    """Until the daemon itself says that the disk is full: nothing more is acknowledged, nobody is told otherwise."""
    remount(machine.data, f"size={used(machine.data) + LITTLE}")
    sender = Sender(machine.ingest, machine.ledger, batch=500)
    sender.start()
    wait_until(lambda: machine.status()["queue"]["disk_full"], "the disk is full")
    return sender


def filled_and_freed(machine, hold_s=0):
    before = len(machine.notes("disk_full"))
    sender = fill(machine)
    full_until = time.monotonic() + hold_s
    wait_until(lambda: time.monotonic() > full_until, "the disk was full for long")
    newest = machine.ledger.newest
    report = machine.verify()
    assert report["exit"] == OK, report
    remount(machine.data, f"size={ROOM}")
    wait_until(lambda: machine.ledger.newest > newest, "events are taken again")
    sender.stop()
    machine.anchor()
    told = machine.notes("disk_full")
    assert len(told) > before, "the pause is not in the log"
    assert all(n["since_ns"] < n["until_ns"] for n in told), told
    exposed = machine.check_with_pauses()["coverage"]["longest_exposure_s"]
    assert exposed >= hold_s - 1, f"the disk was full for {hold_s} s; the longest exposure is given as {exposed} s"


def killed_on_the_full_disk(machine, power):
    sender = fill(machine)
    if power:
        machine.kill_tpm()
        machine.new_boot()
    machine.kill_daemon()
    sender.stop()
    machine.check_with_pauses(tail=True)
    if power:
        machine.tpm.start()
        machine.told({"unclean_end": 1}, boots=1, unclean_ends=1)
    remount(machine.data, f"size={ROOM}")
    machine.start_daemon()
    machine.send()
    machine.anchor()
    machine.check_with_pauses()


def journal_disk_full():
    """Only the anchors have no room: events are taken, the pause is owed to the journal until it can be written."""
    with Machine("a") as machine:
        machine.begin(quote_interval="20ms")
        machine.stop_daemon()
        journal, aside = machine.data / "journal", machine.folder / "aside"
        shutil.copytree(journal, aside)
        mount(journal, "size=1m")
        try:
            shutil.copytree(aside, journal, dirs_exist_ok=True)
            machine.start_daemon()
            machine.anchor()
            remount(journal, f"size={used(journal)}")
            wait_until(lambda: machine.send() == OK and machine.state() == "unavailable", "no room for anchors")
            full_until = time.monotonic() + LONG_S
            assert "disk is full" in machine.status()["anchoring"]["reason"]
            wait_until(lambda: time.monotonic() > full_until, "the disk was full for long")
            assert machine.send() == OK, "events wait for anchors"
            report = machine.verify()
            assert report["exit"] == OK and report["coverage"]["unanchored"] > 0, report
            remount(journal, "size=1m")
            wait_until(lambda: machine.state() == "anchoring", "anchors are made again")
            machine.anchor()
            machine.told({"journal_remark": 2})
            exposed = machine.check(unanchored=0)["coverage"]["longest_exposure_s"]
            assert exposed >= LONG_S - 1, f"no room for {LONG_S} s; the longest exposure is given as {exposed} s"
            machine.stop_daemon()
        finally:
            machine.kill_daemon()
            subprocess.run(["umount", "-l", journal], check=False)


class Cramped(Machine):
    def check_with_pauses(self, **options):
        """How often the anchorer paused on the full disk too depends on what was due: remarks as they stand."""
        count = sum(f["finding"] == "journal_remark" for f in self.verify()["findings"])
        self.findings["journal_remark"] = count
        return self.check(**options)


def main():
    with Cramped("a") as machine:
        machine.data.mkdir()
        mount(machine.data, f"size={ROOM}")
        try:
            machine.begin(quote_interval="20ms")
            older = machine.copy("older")
            filled_and_freed(machine, hold_s=LONG_S)
            killed_on_the_full_disk(machine, power=False)
            filled_and_freed(machine)
            killed_on_the_full_disk(machine, power=True)
            machine.send()
            machine.check_still_caught(older)
            machine.stop_daemon()
            machine.check_with_pauses(unanchored=0)
        finally:
            end_mount(machine)


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
    unless_it_stood_still(journal_disk_full)
