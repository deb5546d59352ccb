"""Goal: no byte of any anchored record can be changed; the record is named. Method: one byte of each part of each
record's leaf and content, one at a time, in the files of a store of several segments; nothing is recomputed."""
import re
import unittest

from on_disk import flip, spots
from scene import FILLS_A_SEGMENT, SMALL_SEGMENTS, Scene

# Parts of a leaf and a byte of each.
LEAF_PARTS = {"version": 0, "kind": 1, "time": 9, "source": 17, "commitment": 49}


class OneByte(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(extra=SMALL_SEGMENTS)
        cls.addClassCleanup(cls.scene.close)
        cls.scene.anchors(2)
        cls.scene.say(FILLS_A_SEGMENT)
        cls.scene.append(b"of one group\nof one group\nof one group\n")
        cls.scene.anchor()
        cls.scene.say(b"quoted only")
        cls.scene.quote()
        cls.scene.kill()
        report = cls.scene.judge("verified", integrity="pass", completeness="pass", platform="unknown")
        anchored = report["coverage"]["counter_anchored"] + report["coverage"]["quote_anchored"]
        cls.spots = [spot for spot in spots(cls.scene.data) if spot.index < anchored]
        cls.behind = [spot for spot in spots(cls.scene.data) if spot.index >= anchored]
        assert len({spot.path for spot in cls.spots}) > 1
        assert [spot.index for spot in cls.behind] == [anchored]  # what came of the auditor's question

    def changed(self, spot, byte, bits, **expected):
        flip(spot.path, byte, bits)
        try:
            return self.scene.judge("tampered", integrity="fail", **expected)
        finally:
            flip(spot.path, byte, bits)

    def test_of_a_salt_or_content_names_the_record(self):
        for spot in self.spots:
            places = [spot.salt, *([spot.content, spot.content + spot.length - 1] if spot.length else [])]
            for byte in places:
                with self.subTest(index=spot.index, byte=byte):
                    self.changed(spot, byte, 0x20, fault="commitment_mismatch", at={"index": spot.index})

    def test_of_a_leaf_names_the_few_records_it_is_among(self):
        for spot in self.spots:
            for part, offset in LEAF_PARTS.items():
                with self.subTest(index=spot.index, part=part):
                    report = self.changed(spot, spot.leaf + offset, 1, fault="tree_root_mismatch")
                    words = [d["detail"] for d in report["defects"] if d["fault"] == "tree_root_mismatch"]
                    first, end = map(int, re.match(r"records \[(\d+), (\d+)\)", words[0]).groups())
                    self.assertTrue(first <= spot.index < end, words)

    def test_of_a_commitment_names_the_record(self):
        for spot in self.spots:
            with self.subTest(index=spot.index):
                self.changed(spot, spot.leaf + LEAF_PARTS["commitment"], 1, fault="commitment_mismatch",
                             at={"index": spot.index})

    def test_behind_the_last_anchor_nothing_is_promised_and_that_is_said(self):
        spot, = self.behind
        flip(spot.path, spot.content, 0x20)
        try:
            report = self.scene.judge("verified", integrity="pass")
            torn = [finding["at"] for finding in report["findings"] if finding["finding"] == "torn_tail"]
            self.assertEqual((torn, report["log"]["size"]), ([{"index": spot.index}], spot.index))
        finally:
            flip(spot.path, spot.content, 0x20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
