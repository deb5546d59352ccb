#!/usr/bin/env python3
"""Goal: the second verifier concludes what stele-verify does of every named store of the tamper tests.
Method: `tamper_cases`, which writes them out, and what it says must come out.

Usage: tamper_stores_test.py TAMPER_CASES"""
import pathlib
import subprocess
import sys
import tempfile

from comparing import CONCLUSIONS, Comparison, leaves_of

EXPECTED = {"tampered": ("tampered",), "verified": ("verified",), "unchanged": CONCLUSIONS}
AT_LEAST = 500


def main(tamper_cases):
    with tempfile.TemporaryDirectory(prefix="stele-tamper-") as scratch:
        scratch = pathlib.Path(scratch)
        subprocess.run([tamper_cases, scratch], check=True, stdout=subprocess.DEVNULL)
        comparison = Comparison("stores of the tamper tests")
        good = leaves_of(scratch / "benign-good")
        for line in (scratch / "expected").read_text().splitlines():
            name, expected = line.split()
            comparison.add(name, scratch / name, scratch / "trust", EXPECTED[expected], good)
        problems = comparison.report()
        if sum(comparison.conclusions.values()) < AT_LEAST:
            problems += "\ntoo few stores to say anything"
        print(problems)
        return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
