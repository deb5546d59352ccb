"""Goal: whatever becomes of the bytes of a data directory, stele-verify ends by itself with a verdict, and never says
verified of changed content. Method: every file truncated in steps and at every border of its structure, and a seeded
sample of its bits flipped; a verified verdict must be about a prefix of the honest log, with no anchor that was not
there whole, and is allowed only where the format says that a crash could have done it."""
import concurrent.futures
import json
import pathlib
import random
import shutil
import struct
import threading
import unittest

from forger import RECEIPT, Forger, audit_of, root_of
from on_disk import groups
from scene import BIN, EXITS, FILLS_A_SEGMENT, OK, SMALL_SEGMENTS, TAMPERED, UNDETERMINED, Scene, run

SEED, FLIPS, STEPS, JOBS = 27, 90, 40, 2
EVIDENCE = ("segments", "journal")


def entry_borders(path):
    """Where entries begin, and the journal's end."""
    data, borders = path.read_bytes(), [128]
    while borders[-1] < len(data):
        borders.append(borders[-1] + 48 + struct.unpack_from(">I", data, borders[-1] + 12)[0])
    return borders


class Honest:
    """What is true of a store, to hold verdicts about damaged copies against."""

    def __init__(self, scene, store):
        self.scene, self.store = scene, store
        self.report = scene.judge("verified", store)
        forger = Forger(store)
        self.roots = {size: root_of(forger.records, size).hex() for size in range(len(forger.records) + 1)}
        self.anchored = max(statement.size for statement in forger.statements)
        self.groups = groups(store)
        self.journal = store / "journal" / f"{0:016x}"
        self.borders = entry_borders(self.journal)
        self.counter_receipts = [end for (kind, payload), end in zip(forger.entries, self.borders[1:])
                                 if kind == RECEIPT and audit_of(payload)][1:]  # without the genesis receipt
        self.files = sorted(path.relative_to(store) for path in store.rglob("*") if path.is_file())

    def may_be_torn(self, name, at):
        """Whether a crash can leave damage from this byte on: in a newest unit that nothing anchored covers."""
        if name.parts[0] == "journal":
            return at >= self.borders[-2]
        last = self.groups[-1]
        return last.path == self.store / name and at >= last.begin and last.first >= self.anchored

    def damages(self, chance):
        """(file, kind, where): truncations to a length, and flips of a bit."""
        for name in self.files:
            size = (self.store / name).stat().st_size
            evidence = name.parts[0] in EVIDENCE
            lengths = set(range(0, size, max(1, size // (STEPS if evidence else 3))))
            if evidence:
                borders = self.borders if name.parts[0] == "journal" else [
                    place for group in self.groups if group.path == self.store / name
                    for place in (group.begin, group.begin + 56, group.end - 72, group.end)]
                lengths |= {place + by for place in chance.sample(borders, min(len(borders), 12)) for by in (-1, 0, 1)}
            for length in sorted(length for length in lengths if length < size):
                yield name, "truncated to", length
            for _ in range(FLIPS if evidence else 3):
                yield name, "bit flipped", chance.randrange(8 * size) if size else 0


class Damaged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = scene = Scene(extra=SMALL_SEGMENTS)
        cls.addClassCleanup(scene.close)
        scene.anchors(2)
        scene.append(b"of one group\n" * 270)
        scene.say(FILLS_A_SEGMENT)
        scene.anchor()
        scene.say(b"quoted")
        scene.quote()
        scene.say(b"in the tail", b"at the end of it")
        cls.with_a_tail = Honest(scene, scene.copy())
        scene.stop_daemon()
        cls.ended_in_order = Honest(scene, scene.copy())
        assert cls.with_a_tail.report["coverage"]["unanchored"]
        assert not cls.ended_in_order.report["coverage"]["unanchored"]
        cls.mine = threading.local()

    def test_every_verdict_about_a_log_with_an_unanchored_tail(self):
        self.walk(self.with_a_tail)

    def test_every_verdict_about_a_log_that_ended_in_order(self):
        self.walk(self.ended_in_order)

    def walk(self, honest):
        cases = list(honest.damages(random.Random(SEED)))
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            verdicts = list(pool.map(lambda case: self.verdict(honest, *case), cases))
        told = {}
        for case, (code, report) in zip(cases, verdicts):
            with self.subTest(file=str(case[0]), damage=f"{case[1]} {case[2]}"):
                self.hold(honest, *case, code, report)
            told.setdefault(case[0].parts[0], []).append(code)
        for folder in EVIDENCE:
            self.assertIn(TAMPERED, told[folder], "no damage was ever noticed")
        print(f"{len(cases)} damaged copies: {sum(code == TAMPERED for code, _ in verdicts)} tampered, "
              f"{sum(code == UNDETERMINED for code, _ in verdicts)} undetermined, "
              f"{sum(code == OK for code, _ in verdicts)} verified as a prefix")

    def verdict(self, honest, name, kind, where):
        """Exit code and report about a copy with this one damage; each thread has a copy of its own."""
        if getattr(self.mine, "honest", None) is not honest:
            self.mine.honest, self.mine.copy = honest, pathlib.Path(
                shutil.copytree(honest.store, f"{honest.store}-{threading.get_ident()}", dirs_exist_ok=True))
        path = self.mine.copy / name
        good = path.read_bytes()
        bad = bytearray(good[:where] if kind == "truncated to" else good)
        if kind == "bit flipped" and good:
            bad[where // 8] ^= 1 << where % 8
        assert bad != good or not good
        path.write_bytes(bad)
        done = run(BIN / "stele-verify", self.mine.copy, "-o", "json", "--trust", self.scene.pinned)
        path.write_bytes(good)
        return done.returncode, json.loads(done.stdout or b"null")

    def hold(self, honest, name, kind, where, code, report):
        self.assertIn(code, (OK, TAMPERED, UNDETERMINED))  # a signal would be negative
        self.assertEqual(code, EXITS[report["conclusion"]])
        if name.parts[0] not in EVIDENCE:
            self.assertEqual({**report, "exit": code}, honest.report)  # no evidence: nothing changes
        elif code == OK:
            self.assertEqual(report["log"]["root"], honest.roots[report["log"]["size"]])
            at = where // 8 if kind == "bit flipped" else where
            whole = [end for end in honest.counter_receipts if name.parts[0] != "journal" or end <= at]
            self.assertEqual(report["anchors"]["counter"], len(whole))
            if kind == "bit flipped":
                self.assertTrue(honest.may_be_torn(name, at), f"verified with a changed byte at {at}")
            elif name.parts[0] == "segments":
                self.assertGreaterEqual(report["log"]["size"], honest.anchored)


if __name__ == "__main__":
    unittest.main(verbosity=2)
