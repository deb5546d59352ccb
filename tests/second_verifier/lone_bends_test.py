#!/usr/bin/env python3
"""Goal: each rule that the other suites hardly meet is in both verifiers: where it alone decides, both say tampered.
Method: the golden stores, and the tamper tests' good one, with one bend each that nothing else can see; and twins.

Usage: lone_bends_test.py TAMPER_CASES"""
import pathlib
import random
import sys
import tempfile

import lone_bends
from bent_stores_test import bases, write
from comparing import Comparison
from paper_tpm import AK
from signed_log import SignedLog


def bent_papers(base):
    """What was done, the files, and what must be said."""
    for recipes, expected in ((lone_bends.TAMPERED, "tampered"), (lone_bends.HARMLESS, "verified")):
        for name, bend in recipes.items():
            paper = base.paper.copy()
            bend(paper)
            yield name, paper.files(), expected
    for name, bend in lone_bends.TAMPERED_FILES.items():
        files = base.paper.files()
        bend(files)
        yield name, files, "tampered"


def compare(comparison, scratch, tamper_cases):
    for base in bases(scratch, tamper_cases):
        texts = {"as it is": base.trust.read_text()}
        texts.update((name, bend(texts["as it is"])) for name, bend in lone_bends.TRUST.items())
        stores = list(bent_papers(base))
        stores += [(name, base.paper.files(), "verified" if name == "as it is" else "tampered") for name in texts]
        for name, files, expected in stores:
            add(comparison, scratch, f"{base.name}: {name}", files, texts.get(name, texts["as it is"]), expected)
    for name, bend in lone_bends.SIGNED.items():
        log = SignedLog(random.Random(name), lies=0)
        log.anchor(False)
        bend(log)
        comparison.know(AK, log.tpm.signed)
        add(comparison, scratch, name, log.paper().files(), log.trust(), "tampered")


def add(comparison, scratch, name, files, trust, expected):
    holder = tempfile.TemporaryDirectory(dir=scratch)
    directory = pathlib.Path(holder.name)
    write(directory / "data", files)
    (directory / "trust").write_text(trust)
    comparison.add(name, directory / "data", directory / "trust", (expected,), done=holder.cleanup)


def main(tamper_cases):
    with tempfile.TemporaryDirectory(prefix="stele-lone-") as scratch:
        comparison = Comparison("stores that one rule decides")
        compare(comparison, pathlib.Path(scratch), tamper_cases)
        problems = comparison.report()
        print(problems)
        return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
