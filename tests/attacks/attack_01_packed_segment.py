"""Goal: a packed segment hides nothing. Method: the daemon packs its closed segments; root flips bytes of them, opens a
block with zstd, edits an event and packs it again, and takes away the segment that follows."""
import struct
import subprocess
import unittest

from scene import Scene, wait_until

SEGMENTS = '[limits]\nsegment_bytes = "64KiB"\n[storage]\npack = true\n'
FLIPS = 250  # of a packed segment's bytes, one at a time
VERSION = range(8, 10)  # another version is undetermined: golden_test.py
BLOCK = ">4sBBHIIIII"  # magic, codec, cipher, zero, key id, first, count, stored, plain


def is_packed(path):
    return path.read_bytes()[:10] == b"STELESEG\0\2"


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


class Packed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(extra=SEGMENTS)
        cls.addClassCleanup(cls.scene.close)
        for half in range(2):
            cls.scene.append(b"".join(b"user=alice action=login session=%d-%d\n" % (half, n) for n in range(1500)))
            cls.scene.anchor()
        cls.scene.say(b"in the newest segment")
        cls.scene.anchor()
        cls.segments = sorted((cls.scene.data / "segments").glob("[0-9a-f]" * 16))
        wait_until(lambda: all(is_packed(path) for path in cls.segments[:-1]), "every closed segment is packed")
        cls.scene.kill()
        cls.honest = cls.scene.judge("verified", integrity="pass", completeness="pass")
        assert len(cls.segments) >= 3 and not is_packed(cls.segments[-1])

    def judged(self, path, data):
        """The verdict about this one file with other bytes."""
        good = path.read_bytes()
        self.assertNotEqual(data, good)
        path.write_bytes(data)
        try:
            return self.scene.verify()
        finally:
            path.write_bytes(good)

    def test_no_flipped_byte_changes_a_record_unnoticed(self):
        path, flipped, harmless = self.segments[0], 0, 0
        good = path.read_bytes()
        for at in range(0, len(good), len(good) // FLIPS):
            if at in VERSION:
                continue
            report = self.judged(path, good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1:])
            flipped += 1
            if report["conclusion"] == "verified":  # a bit that zstd does not read: the records are the same
                self.assertEqual(report["log"], self.honest["log"])
                harmless += 1
            else:
                failed = {verdict for verdict in ("integrity", "completeness") if report[verdict] == "fail"}
                self.assertEqual((report["conclusion"], report["exit"]), ("tampered", 1), at)
                self.assertTrue(failed, report["defects"])
        self.assertGreaterEqual(flipped, FLIPS - len(VERSION))
        self.assertLess(harmless, flipped / 20)

    def test_an_event_edited_within_a_block_is_named(self):
        path = self.segments[0]
        good = path.read_bytes()
        at = next(at for at in range(len(good)) if good[at:at + 6] == b"STBK\1\0")
        *front, first, count, stored, plain = struct.unpack_from(BLOCK, good, at)
        frame = good[at + 28:at + 28 + stored]
        opened = bytearray(zstd(frame, "-d"))
        self.assertEqual(len(opened), plain)
        place = bytes(opened).index(b"user=alice")
        opened[place:place + 10] = b"user=mally"
        again = zstd(bytes(opened), "-3", "--no-check")
        block = struct.pack(BLOCK, *front, first, count, len(again), plain) + again
        report = self.judged(path, good[:at] + block + good[at + 28 + stored:])
        self.assertEqual((report["conclusion"], report["integrity"]), ("tampered", "fail"))
        self.assertIn("commitment_mismatch", [defect["fault"] for defect in report["defects"]])

    def test_what_follows_a_packed_segment_cannot_be_taken_away(self):
        newest = self.segments[-1]
        good = newest.read_bytes()
        newest.unlink()
        try:
            report = self.scene.verify()
        finally:
            newest.write_bytes(good)
        self.assertEqual(report["conclusion"], "tampered")
        self.assertIn("segment_missing", [defect["fault"] for defect in report["defects"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
