#!/usr/bin/env python3
"""Goal: the two verifiers follow the same rules where no hash and no signature tells: runs, folds, voids, flags.
Method: random lives of a daemon, its crashes and its TPM's resets, signed by a TPM on paper; most with a lie.

Usage: signed_stores_test.py [COUNT]"""
import pathlib
import random
import sys
import tempfile

from bent_stores_test import write
from comparing import Comparison
from paper_tpm import AK
from signed_log import SignedLog

SEED, COUNT, STEPS = 20261125, 700, 25
AT_LEAST = {"verified": 60, "tampered": 150, "undetermined": 80}
HONEST = ("verified", "undetermined")


def life(number):
    rng = random.Random(f"{SEED}-signed-{number}")
    log = SignedLog(rng, lies=rng.choice([0, 0, 1, 1, 2]))
    for _ in range(rng.randrange(1, STEPS)):
        log.step()
    return log


def main(count=COUNT):
    comparison = Comparison(f"stores signed on paper (seed {SEED})")
    with tempfile.TemporaryDirectory(prefix="stele-signed-") as scratch:
        for number in range(int(count)):
            holder = tempfile.TemporaryDirectory(dir=scratch)
            directory = pathlib.Path(holder.name)
            log = life(number)
            write(directory, log.paper().files())
            (directory / "trust").write_text(log.trust())
            # stele-verify checks each signature; openssl need not do so again.
            comparison.know(AK, log.tpm.signed)
            expected = {} if log.told else {"expected": HONEST}
            comparison.add(f"life {number}: {'; '.join(log.told) or 'honest'}", directory, directory / "trust",
                           done=holder.cleanup, **expected)
        problems = comparison.report()
    scarce = [name for name, least in AT_LEAST.items() if comparison.conclusions[name] < least]
    print(problems or "\n".join(f"too few are {name} to compare anything" for name in scarce))
    return 1 if problems or scarce else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
