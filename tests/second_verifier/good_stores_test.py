#!/usr/bin/env python3
"""Goal: both verifiers conclude the same of what honest hosts leave, and never call it tampering.
Method: real daemons and software TPMs in both modes: copies taken while they run, after kills at every journal
write (in builds with failpoints), TPM resets, and with their ends torn off."""
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from comparing import Comparison  # noqa: E402
from stele_host import Host, OK, wait_until  # noqa: E402

HONEST = ("verified", "undetermined")
JOURNAL_WRITES = 6  # the daemon is killed at each of the first ones
TEAR = (1, 40, 100, 250)  # bytes


class Life:
    """A host whose store is copied again and again."""

    def __init__(self, host, mode, comparison, scratch):
        self.host, self.mode, self.comparison, self.scratch = host, mode, comparison, scratch
        self.trust = scratch / f"trust-{mode}"
        shutil.copy(host.trust(), self.trust)
        self.copies = 0

    def copy(self):
        """Journal before segments, as a verifier beside a live writer reads: so no statement lacks its records."""
        self.copies += 1
        copy = self.scratch / f"{self.mode}-{self.copies}"
        for room in ("journal", "segments"):
            shutil.copytree(self.host.data / room, copy / room)
        return copy

    def snapshot(self, words, expected=HONEST):
        self.comparison.add(f"mode {self.mode}: {words}", self.copy(), self.trust, expected)

    def torn(self, words, covered=False):
        """The end of the newest file torn off: tampering below an anchor only."""
        for room in ("journal", "segments"):
            for count in TEAR:
                copy = self.copy()
                last = max((copy / room).iterdir())
                os.truncate(last, last.stat().st_size - count)
                expected = ("tampered",) if covered and room == "segments" else HONEST
                self.comparison.add(f"mode {self.mode}: {words}, {room} torn by {count}", copy, self.trust, expected)

    def anchored(self):
        wait_until(lambda: self.host.status()["anchoring"]["unanchored"] == 0, "an anchor over all records")

    def reset_tpm(self):
        self.host.tpm.stop()
        self.host.tpm.start()

    def kill_daemon(self):
        self.host.daemon.kill()
        self.host.daemon.wait()

    def run(self):
        host = self.host
        self.snapshot("provisioned", ("undetermined",))
        host.start_daemon()
        self.anchored()
        for events in (b"one\ntwo\n", b"three\n", b"four\n\n"):
            host.append(events)
            self.anchored()
            self.snapshot("while it runs")
        host.anchor()
        self.kill_daemon()
        self.snapshot("killed after an anchor", ("verified",))
        host.write_config(quote_interval="1h")
        host.start_daemon()
        self.anchored()
        host.append(b"never anchored\n" * 3)
        host.append(b"nor this\n")
        self.kill_daemon()
        self.snapshot("killed with a tail", ("verified",))
        self.torn("killed with a tail")
        self.reset_tpm()
        self.killed_at_journal_writes()
        host.write_config()
        host.start_daemon()
        host.append(b"last\n")
        host.anchor()
        host.anchor()
        host.stop_daemon()
        self.snapshot("stopped", ("verified",))
        self.torn("stopped", covered=True)

    def killed_at_journal_writes(self):
        for point in ("before_write", "after_sync"):
            for number in range(1, JOURNAL_WRITES + 1):
                os.environ["STELE_FAILPOINT"] = f"journal.append.{point}=kill:{number}"
                try:
                    self.short_life()
                finally:
                    del os.environ["STELE_FAILPOINT"]
                words = f"killed {point} of journal entry {number}"
                self.snapshot(words)
                if number % 3 == 0:
                    self.reset_tpm()
                self.host.start_daemon()
                self.anchored()
                self.kill_daemon()
                self.snapshot(f"{words}, and recovered")

    def short_life(self):
        host = self.host
        host.start_daemon(wait=False)
        wait_until(lambda: host.is_ready() or host.daemon.poll() is not None, "ready or killed")
        for _ in range(JOURNAL_WRITES // 2):
            if host.daemon.poll() is None:
                host.stele("anchor")
        if host.daemon.poll() is None:
            self.kill_daemon()


def main():
    with tempfile.TemporaryDirectory(prefix="stele-good-") as scratch:
        comparison = Comparison("stores of real hosts")
        for mode in "ab":
            with Host(mode) as host:
                host.provision()
                Life(host, mode, comparison, pathlib.Path(scratch)).run()
        problems = comparison.report()
        print(problems)
        return 1 if problems or comparison.conclusions["verified"] < 20 else OK


if __name__ == "__main__":
    sys.exit(main())
