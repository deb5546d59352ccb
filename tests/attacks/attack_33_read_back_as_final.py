"""Goal: a run whose quote anchors were cut never ends cleanly. Method: root cuts them, makes a final anchor over what
is left and finishes it by a read-back, the one receipt that needs no P: by the next daemon, or by hand; then by
receipts that would count as full."""
import unittest

from forger import FINAL, RECEIPT, Forger
from scene import Scene, detail_of

READ_BACK = 2


class ReadBackAsFinal(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)
        self.scene.anchors(2)
        self.scene.say(b"what root wants to hide")
        self.scene.quote()
        self.scene.judge("verified", integrity="pass", completeness="pass")
        self.scene.kill()

    def final_anchor(self, receipt):
        """The log cut to its last counter anchor, and a final one on top."""
        def change(forger):
            forger.keep_anchors(3)
            self.size = len(forger.records)
            with self.scene.signer() as signer:
                signer.anchor(forger, FINAL, receipt)
        store = self.scene.forge(change)
        assert b"hide" not in b"".join(record.content for record in Forger(store).records)
        return store

    def next_run(self, store):
        self.scene.put_back(store)
        self.scene.cut_power()
        self.scene.start_daemon()
        self.scene.say(b"the next run")
        self.scene.anchor()
        kinds = [payload[10] for kind, payload in Forger(self.scene.data).entries if kind == RECEIPT]
        self.assertEqual(kinds.count(READ_BACK), 2)  # the genesis' and this one

    def unclean(self):
        report = self.scene.judge("verified", finding="unclean_end", integrity="pass", completeness="pass")
        self.assertEqual(report["coverage"]["unclean_ends"], 1)
        self.assertIn(f"records from {self.size} on", detail_of(report, "unclean_end"))
        places = [finding["at"] for finding in report["findings"] if finding["finding"] == "read_back_receipt"]
        self.assertEqual(places, [{"anchor": 4}])
        self.scene.judge("undetermined", None, "--require", "unclean_end")

    def test_finished_by_the_next_daemon_it_is_an_unclean_end_with_its_window(self):
        self.next_run(self.final_anchor("none"))
        self.unclean()

    def test_finished_by_hand_in_its_run_it_must_show_p(self):
        self.scene.judge("tampered", self.final_anchor("read-back"), fault="value_out_of_range", at={"anchor": 4},
                         integrity="fail")

    def test_finished_by_a_daemon_of_the_same_run_p_gives_it_away(self):
        self.scene.put_back(self.final_anchor("none"))
        self.scene.start_daemon()
        self.scene.anchor()
        self.scene.judge("undetermined", fault="foreign_extend", completeness="unknown")
        self.scene.stop_daemon()

    def test_a_full_receipt_shows_that_p_is_not_the_fold(self):
        self.scene.judge("tampered", self.final_anchor("full"), fault="fold_mismatch", at={"anchor": 4},
                         completeness="fail")

    def test_a_full_receipt_without_its_quote_is_none(self):
        self.scene.judge("tampered", self.final_anchor("unquoted"), integrity="fail", platform="unknown")


if __name__ == "__main__":
    unittest.main(verbosity=2)
