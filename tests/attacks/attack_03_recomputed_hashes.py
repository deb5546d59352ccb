"""Goal: a changed record is found at the anchor that covers it though every hash that needs no key was computed
anew. Method: each record changed, up to the statements' roots and digests themselves; the tail, which nothing
anchors, can be changed, and the verdict says from where."""
import unittest

from forger import Forger
from scene import SMALL_SEGMENTS, Scene, findings


class Recomputed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(extra=SMALL_SEGMENTS)
        cls.addClassCleanup(cls.scene.close)
        cls.scene.anchors(3)
        cls.scene.say(b"quoted only")
        cls.scene.quote()
        cls.scene.say(b"anchored by nothing", b"nor this")
        cls.scene.kill()
        report = cls.scene.judge("verified", integrity="pass", completeness="pass")
        cls.anchored = report["log"]["size"] - report["coverage"]["unanchored"]
        cls.honest = Forger(cls.scene.data)

    def covering(self, index):
        return [s for s in self.honest.statements if s.size > index][0]

    def test_up_to_the_groups_is_found_at_the_anchor_that_covers_it(self):
        for index in range(1, self.anchored):
            for field in ("content", "time_ns", "salt", "kind"):
                with self.subTest(index=index, field=field):
                    old = getattr(self.honest.records[index], field)
                    new = {"content": b"forged", "time_ns": 1, "salt": bytes(32), "kind": 6 if old != 6 else 5}[field]
                    store = self.scene.forge(lambda forger: forger.change(index, **{field: new}))
                    covering = self.covering(index)
                    size_before = max([s.size for s in self.honest.statements if s.size <= index], default=0)
                    single = covering.size - size_before == 1
                    at = {"index": index} if single else {"anchor": covering.seq}
                    self.scene.judge("tampered", store, fault="tree_root_mismatch", at=at, integrity="fail")

    def test_up_to_the_statements_is_found_at_the_first_receipt_over_it(self):
        for index in range(1, self.anchored):
            with self.subTest(index=index):
                def change(forger):
                    forger.change(index, content=b"forged")
                    forger.restate()
                self.scene.judge("tampered", self.scene.forge(change), fault="receipt_extra_data",
                                 at={"anchor": self.covering(index).seq}, integrity="fail")

    def test_with_the_anchors_above_it_cut_nothing_claims_to_cover_it(self):
        def change(forger):
            forger.change(self.anchored - 1, content=b"forged")
            forger.keep_anchors(3, with_records=False)
        store = self.scene.forge(change)
        report = self.scene.judge("verified", store, finding="unanchored_tail", freshness="unknown")
        self.assertEqual((report["anchors"]["counter"], report["coverage"]["quote_anchored"]), (3, 0))
        self.assertLessEqual(report["coverage"]["counter_anchored"], self.anchored - 1)
        with self.scene.signer() as signer:
            self.scene.challenge("tampered", lambda nonce: signer.answer(Forger(store), nonce), store, freshness="fail",
                                 fault="answer_mismatch")

    def test_past_the_last_anchor_it_is_stated_to_be_possible(self):
        for index in range(self.anchored, len(self.honest.records)):
            with self.subTest(index=index):
                store = self.scene.forge(lambda forger: forger.change(index, content=b"forged"))
                report = self.scene.judge("verified", store, finding="unanchored_tail")
                places = [f["at"] for f in report["findings"] if f["finding"] == "unanchored_tail"]
                self.assertEqual(places, [{"index": self.anchored}])
                self.assertIn("unanchored_tail", findings(report))
                self.scene.judge("undetermined", store, "--require", "unanchored_tail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
