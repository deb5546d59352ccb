"""Both verifiers over the same stores: their conclusions, counted and compared."""
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess

import second_verifier

BIN = pathlib.Path(os.environ.get("STELE_BIN", "build/dev/bin")).resolve()
CONCLUSIONS = ("verified", "tampered", "undetermined")
AHEAD = 8  # stores that stele-verify judges while the second verifier is busy


def first_says(directory, trust):
    """stele-verify's exit code and words."""
    command = [BIN / "stele-verify", directory, "--trust", trust, "--jobs", "1", "-o", "json"]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=300)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace").strip()


def defects_of(report):
    return json.loads(report)["defects"][:3] if report.startswith("{") else report


def leaves_of(directory):
    """Of all groups before a torn end."""
    log_id, leaves = (directory / "segments" / f"{0:016x}").read_bytes()[16:48], []
    try:
        for group in second_verifier.Segments(directory / "segments", log_id, 2**64):
            leaves += [leaf for leaf, _content in group]
    except second_verifier.Tampered:
        pass
    return leaves


class Tpm(second_verifier.Tpm):
    """Asks openssl once about each signature, and never about those that are known to be good."""

    known = {}

    def verifies(self, *signed):
        if (self.ak, *signed) not in self.known:
            self.known[self.ak, *signed] = super().verifies(*signed)
        return self.known[self.ak, *signed]


second_verifier.Tpm = Tpm


class Comparison:
    """add() stores, then report(): what disagreed."""

    def __init__(self, title):
        self.title, self.waiting, self.problems = title, [], []
        self.conclusions = collections.Counter()
        self.workers = concurrent.futures.ThreadPoolExecutor(2)

    def know(self, ak, signed):
        """Signatures that need no openssl: stele-verify has to find them good anyway."""
        Tpm.known.update(((ak, *signature), True) for signature in signed)

    def add(self, recipe, directory, trust, expected=CONCLUSIONS, good=None, done=lambda: None):
        """Judges a store soon; done() is called then. good: leaves of the store that it was made of."""
        first = self.workers.submit(first_says, directory, trust)
        self.waiting.append((recipe, directory, trust, expected, good, first, done))
        if len(self.waiting) > AHEAD:
            self.settle(*self.waiting.pop(0))

    def settle(self, recipe, directory, trust, expected, good, first, done):
        second, words = second_verifier.conclude(directory, trust)
        code, report = first.result()
        conclusion = CONCLUSIONS[code] if code < len(CONCLUSIONS) else f"exit {code}"
        self.conclusions[conclusion] += 1
        if second != code or conclusion not in expected:
            self.problems.append(f"{recipe}\n  expected: {' or '.join(expected)}\n  stele-verify: {conclusion}, "
                                 f"{defects_of(report)}\n  second: {words}")
        elif conclusion == "verified" and good is not None:
            coverage = json.loads(report)["coverage"]
            covered = coverage["counter_anchored"] + coverage["quote_anchored"]
            if leaves_of(directory)[:covered] != good[:covered]:
                self.problems.append(f"{recipe}\n  both verify records that were never anchored")
        done()

    def report(self):
        for waiting in self.waiting:
            self.settle(*waiting)
        self.waiting = []
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self.conclusions.items()))
        print(f"second verifier: compared {sum(self.conclusions.values())} {self.title}: {counts}; "
              f"disagreements {len(self.problems)}", flush=True)
        return "\n".join(self.problems[:10])
