#!/usr/bin/env python3
"""`stele era begin` killed before the N-th of each kind of call that keeps or says something: it goes on.

Files: at every rename, fsync, fdatasync and unlink; TPM: at every write, each of which says a step that has just
been done in it. Each kill starts from the same log and TPM, an era ended by a foreign writer. Afterwards the
command, run again, comes to its end, a daemon anchors, and the verdict is `verified` with the auditor's approval.
"""
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from era_host import EraHost  # noqa: E402
from stele_host import BIN, OK, Tpm, run  # noqa: E402

CALLS = ["rename", "fsync", "fdatasync", "unlink", "write"]
COMMAND = ("era", "begin", "--yes")


class Ended(EraHost):
    """An era that a foreign writer ended, to be put back again and again."""

    def prepare(self):
        self.begin_log()
        self.stop_daemon()
        self.move_counter()
        self.snapshot()
        self.tpm.stop()
        shutil.copytree(self.tpm.state, self.folder / "tpm.ended")

    def again(self):
        self.put_back()
        self.tpm.stop()
        shutil.rmtree(self.tpm.state)
        shutil.copytree(self.folder / "tpm.ended", self.tpm.state)
        self.tpm.start()

    def under_strace(self, *options):
        # Without -f: what counts is the main thread, which keeps the files and says the steps.
        return run("strace", "-qq", *options, BIN / "stele", *COMMAND, "--config", self.config)

    def counts(self):
        """How often an undisturbed run makes each call."""
        table = self.folder / "calls"
        self.again()
        done = self.under_strace("-c", "-U", "name,calls", "-o", table)
        assert done.returncode == OK, done.stderr
        found = dict(re.findall(r"^(\w+)\s+(\d+)\s*$", table.read_text(), re.M))
        return {call: int(found.get(call, 0)) for call in CALLS}


def check(host, call, number):
    host.again()
    killed = host.under_strace("-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={number}")
    assert killed.returncode in (-9, 137), f"{call} {number}: ended with {killed.returncode}"
    host.stele(*COMMAND, expect=OK)
    host.live_on()
    report = host.judge(host.approve("--accept-lost", 1))
    assert report["conclusion"] == "verified", (call, number, report)
    unapproved = host.verify()
    assert unapproved["conclusion"] == "undetermined", (call, number, unapproved)


def main():
    kills = 0
    with Ended() as host:
        host.prepare()
        counts = host.counts()
        assert min(counts.values()) > 0, counts
        for call, count in counts.items():
            for number in range(1, count + 1):
                check(host, call, number)
                kills += 1
    print(f"era begin: {kills} kills of {sum(counts.values())} calls {counts}: lost 0, false alarms 0, missed 0")


if __name__ == "__main__":
    main()
