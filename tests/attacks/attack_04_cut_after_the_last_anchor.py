"""Goal: what no anchor covers can be cut, and the verdict says so; not one record more. Method: the tail of a
running run cut record by record; then below quote anchors, with and without them, under a fresh challenge."""
import unittest

from forger import Forger
from scene import Scene, detail_of


class CutTail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.anchors(2)
        for number in range(3):
            cls.scene.say(b"quoted %d" % number)
            cls.scene.quote()
        cls.scene.say(*(b"tail %d" % number for number in range(4)))
        report = cls.scene.judge("verified", completeness="pass")
        cls.size, cls.unanchored = report["log"]["size"], report["coverage"]["unanchored"]
        assert cls.unanchored and report["coverage"]["quote_anchored"]
        cls.scene.kill()
        cls.honest = Forger(cls.scene.data)
        cls.signer = cls.scene.signer()
        cls.addClassCleanup(cls.signer.socket.close)

    def test_the_tail_can_be_cut_and_what_is_left_of_it_is_stated(self):
        for left in range(self.unanchored):
            with self.subTest(left=left):
                store = self.scene.forge(lambda forger: forger.cut(self.size - self.unanchored + left))
                report = self.scene.judge("verified", store, integrity="pass", completeness="pass", freshness="unknown")
                self.assertEqual(report["coverage"]["unanchored"], left)
                if left:
                    self.assertIn(f"{left} records", detail_of(report, "unanchored_tail"))
                # A challenge proves what was anchored, no more: this is the bound that P5 states.
                self.scene.challenge("verified", lambda nonce: self.signer.answer(self.honest, nonce), store,
                                     freshness="pass")

    def test_records_below_a_quote_anchor_are_missed(self):
        for left in range(1, self.size - self.unanchored):
            with self.subTest(left=left):
                store = self.scene.forge(lambda forger: forger.cut(left))
                self.scene.judge("tampered", store, fault="records_missing", at={"index": left}, completeness="fail")

    def test_quote_anchors_cut_with_their_records_fail_a_challenge_in_the_same_run(self):
        kept = [s for s in self.honest.statements if s.seq == 3][:-1]
        self.assertEqual(len(kept), 3)  # the counter anchor and two of its three quote anchors
        for statement in kept:
            with self.subTest(quote_seq=statement.quote_seq):
                store = self.scene.forge(lambda forger: forger.keep_anchors(statement.seq, statement.quote_seq))
                self.scene.judge("verified", store, freshness="unknown")
                report = self.scene.challenge("tampered", lambda nonce: self.signer.answer(Forger(store), nonce), store,
                                              fault="answer_mismatch", freshness="fail", integrity="pass")
                self.assertIn("quote anchors were cut", report["defects"][0]["detail"])
                self.scene.challenge("tampered", lambda nonce: self.signer.answer(self.honest, nonce), store,
                                     fault="answer_mismatch", freshness="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
