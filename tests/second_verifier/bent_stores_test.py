#!/usr/bin/env python3
"""Goal: the two verifiers conclude the same of any store, however it was bent.
Method: golden stores, and the tamper tests' own, bent in seeded ways, most with all unkeyed hashes made anew.

Usage: bent_stores_test.py TAMPER_CASES [COUNT [ONE OUTDIR]]: the last writes one bent store out, to look at.
"""
import pathlib
import random
import subprocess
import sys
import tempfile

import bends
import file_bends
from comparing import Comparison, leaves_of
from paper import Paper

SEED, COUNT = 20261125, 600
AT_LEAST = {"verified": 100, "tampered": 200, "undetermined": 20}
GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


class Base:
    def __init__(self, name, data, trust):
        self.name, self.trust, self.paper, self.leaves = name, trust, Paper(data), leaves_of(data)


def bases(scratch, tamper_cases):
    subprocess.run([tamper_cases, scratch / "tamper"], check=True, stdout=subprocess.DEVNULL)
    found = [Base("tamper", scratch / "tamper" / "benign-good", scratch / "tamper" / "trust")]
    for store in sorted(GOLDEN.glob("v*/mode-*")):
        found.append(Base("-".join(store.parts[-2:]), store / "data", store / "trust"))
    return found


def bent(found, number):
    """The recipe, the base and the files of a bent store; the same ones for a number for ever."""
    rng = random.Random(f"{SEED}-{number}")
    base = found[number % len(found)]
    other = found[(number + 1) % len(found)].paper.copy()
    paper = base.paper.copy()
    count = rng.choice([0, 1, 1, 1, 2])
    recipe = [bends.bend(rng, paper, other) for _ in range(count)]
    level = rng.randrange(len(bends.MENDS)) if count else 0
    bends.mend(paper, level)
    files = paper.files()
    if count == 0 or rng.random() < 0.15:
        recipe.append(rng.choice(file_bends.FILES)(rng, files))
    return f"{number} of {base.name}: {'; '.join(recipe)} (made anew: {bends.MENDS[level]})", base, files


def write(directory, files):
    for room in ("journal", "segments"):
        (directory / room).mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        path = directory / path
        if isinstance(data, bytes):
            path.write_bytes(data)
        elif data[0] == "directory":
            path.mkdir()
        else:
            (directory / "elsewhere").write_bytes(data[1])
            path.symlink_to(directory / "elsewhere")


def main(tamper_cases, count=COUNT, one=None, out=None):
    with tempfile.TemporaryDirectory(prefix="stele-bent-") as scratch:
        scratch = pathlib.Path(scratch)
        found = bases(scratch, tamper_cases)
        if one is not None:
            recipe, base, files = bent(found, int(one))
            write(pathlib.Path(out), files)
            (pathlib.Path(out) / "trust").write_bytes(base.trust.read_bytes())
            print(recipe)
            return 0
        comparison = Comparison(f"bent stores (seed {SEED})")
        for number in range(int(count)):
            recipe, base, files = bent(found, number)
            holder = tempfile.TemporaryDirectory(dir=scratch)
            directory = pathlib.Path(holder.name) / "data"
            write(directory, files)
            comparison.add(recipe, directory, base.trust, good=base.leaves, done=holder.cleanup)
        problems = comparison.report()
        scarce = [name for name, least in AT_LEAST.items() if comparison.conclusions[name] < least]
        print(problems or "\n".join(f"too few are {name} to compare anything" for name in scarce))
        return 1 if problems or scarce else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
