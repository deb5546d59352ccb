"""Goal: no record and no segment can be deleted, duplicated, swapped, inserted or brought in from another log.
Method: each done to a store of several segments, as bytes alone and with every unkeyed hash recomputed."""
import os
import shutil
import time
import unittest

from forger import Forger, event
from on_disk import groups, segment_paths
from root import VERDICTS
from scene import FILLS_A_SEGMENT, SMALL_SEGMENTS, Scene


def lived(origin=b"ours"):
    scene = Scene(extra=SMALL_SEGMENTS)
    for number in range(4):
        scene.say(origin + b" small %d" % number, origin + b" large %d " % number + FILLS_A_SEGMENT)
        scene.anchor()
    scene.say(origin + b" last")
    scene.anchor()
    scene.kill()
    scene.judge("verified", integrity="pass", completeness="pass", platform="unknown")
    return scene


class Moved(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = lived()
        cls.addClassCleanup(cls.scene.close)
        assert len(segment_paths(cls.scene.data)) == 5

    def copy(self):
        copy = self.scene.copy()
        shutil.rmtree(copy / "tree", ignore_errors=True)
        return copy

    def refused(self, store, *faults):
        report = self.scene.judge("tampered", store)
        found = {defect["fault"] for defect in report["defects"]}
        self.assertTrue(found & set(faults), report["defects"])
        # What is not there fails completeness; what is there and is not what was anchored, integrity.
        failed = {verdict for verdict in VERDICTS if report[verdict] == "fail"}
        expected = {"completeness" if fault.endswith("_missing") else "integrity" for fault in found}
        self.assertEqual(failed, expected, report["defects"])
        return report

    # -- records

    def test_groups_deleted_duplicated_and_swapped_as_bytes(self):
        for number in range(len(groups(self.scene.data)) - 1):
            for name, edit in (("delete", lambda a, b: b), ("duplicate", lambda a, b: a + a + b),
                               ("swap", lambda a, b: b + a)):
                copy = self.copy()
                one, other = groups(copy)[number:number + 2]
                data = one.path.read_bytes()
                after = data[one.end:other.end] if one.path == other.path else b""
                with self.subTest(name, group=number):
                    edited = data[:one.begin] + edit(data[one.begin:one.end], after) + data[one.end + len(after):]
                    if edited == data:
                        continue  # nothing to swap with: the next test moves segments
                    one.path.write_bytes(edited)
                    faults = ("segment_damaged",) if one.path != other.path else ("group_damaged",)
                    self.refused(copy, *faults, "group_damaged")
                shutil.rmtree(copy)

    def recomputed(self, change):
        """Refused at the first anchor over a record that is not the one that was; or records are missing below it."""
        honest, store = Forger(self.scene.data), self.scene.forge(change)
        forged = [record.leaf for record in Forger(store).records]
        same = [ours.leaf == theirs for ours, theirs in zip(honest.records, forged)]
        first = same.index(False) if False in same else len(same)
        covering = [statement for statement in honest.statements if statement.size > first][0]
        report = self.refused(store, "tree_root_mismatch", "records_missing")
        if covering.size > len(forged):
            places = [("records_missing", {"index": len(forged)})]
        else:
            places = [("tree_root_mismatch", {"anchor": covering.seq}), ("tree_root_mismatch", {"index": first})]
        found = [(defect["fault"], defect["at"]) for defect in report["defects"]]
        self.assertTrue(set(map(str, found)) & set(map(str, places)), (first, report["defects"]))

    def test_a_record_deleted_and_all_recomputed(self):
        for index in range(1, len(Forger(self.scene.data).records)):
            with self.subTest(index=index):
                self.recomputed(lambda forger: forger.delete(index))

    def test_a_record_duplicated_and_all_recomputed(self):
        for index in range(1, len(Forger(self.scene.data).records) - 1):
            with self.subTest(index=index):
                self.recomputed(lambda forger: forger.insert(index, forger.records[index]))

    def test_two_records_swapped_and_all_recomputed(self):
        for index in range(1, len(Forger(self.scene.data).records) - 1):
            with self.subTest(index=index):
                self.recomputed(lambda forger: forger.swap(index, index + 1))

    def test_a_record_inserted_and_all_recomputed(self):
        for index in range(1, len(Forger(self.scene.data).records)):
            with self.subTest(index=index):
                self.recomputed(lambda forger: forger.insert(index, event(b"never sent", time.time_ns())))

    # -- segments

    def test_a_segment_deleted(self):
        for number, path in enumerate(segment_paths(self.scene.data)):
            copy = self.copy()
            with self.subTest(segment=number):
                os.remove(copy / "segments" / path.name)
                self.refused(copy, "segment_missing" if number < 4 else "records_missing")

    def test_a_segment_deleted_and_the_later_ones_renamed(self):
        for number in range(4):
            copy = self.copy()
            with self.subTest(segment=number):
                paths = segment_paths(copy)
                for earlier, later in zip(paths[number:], paths[number + 1:]):
                    os.replace(later, earlier)
                self.refused(copy, "segment_damaged")

    def test_two_segments_exchanged(self):
        for number in range(4):
            copy = self.copy()
            with self.subTest(segment=number):
                one, other = segment_paths(copy)[number:number + 2]
                first = one.read_bytes()
                one.write_bytes(other.read_bytes())
                other.write_bytes(first)
                self.refused(copy, "segment_damaged")

    def test_segments_deleted_or_exchanged_and_all_recomputed(self):
        for number in range(1, 4):
            with self.subTest(segment=number):
                self.recomputed(lambda forger: forger.segments.pop(number))
                self.recomputed(lambda forger: forger.segments.insert(number, forger.segments.pop(number + 1)))
                self.recomputed(lambda forger: forger.segments.insert(number, forger.segments[number]))

    # -- another log

    def test_another_log_as_a_whole_and_its_segments_spliced_in(self):
        with lived(b"theirs") as other:
            self.scene.judge("tampered", other.data, fault="genesis_mismatch", at={"entry": 0}, integrity="fail")
            theirs = Forger(other.data)
            for number in range(5):
                copy = self.copy()
                with self.subTest(segment=number):
                    shutil.copy(segment_paths(other.data)[number], segment_paths(copy)[number])
                    self.refused(copy, "segment_damaged", "genesis_mismatch")
                    self.recomputed(lambda forger: forger.segments.__setitem__(number, theirs.segments[number]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
