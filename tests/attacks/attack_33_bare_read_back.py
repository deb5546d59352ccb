"""Goal: quote anchors cannot be cut by ending the run with a counter anchor whose receipt does not show P.

Method: quote anchors are cut off and other events put in their place; root increments C and extends E for a final
statement and reads them back: without a quote, with a quote of P as it is, and after a reset of the TPM. The first two
are refused; the third is an unclean end whose exposed window begins before the cut.
"""
import unittest

from forged_history import FINAL, History, RECEIPT
from root import Root
from tpm_receipts import QUOTE, READ_BACK, audited, quoted, read_back_extra, receipt


class BareReadBack(unittest.TestCase):
    def setUp(self):
        self.root = Root("a", end="kill")
        self.addCleanup(self.root.close)

    def cut(self, hand):
        """A log whose last quote anchors were cut, with a final statement put into C and E; its digest."""
        whole = History(self.root.host.data)
        for number in range(4):
            whole.append(b"quote-anchored %d" % number)
            whole.anchor(hand, QUOTE)
        path = whole.write(self.root.new_folder("whole"))
        self.root.challenge("verified", lambda nonce: whole.answer(hand, nonce), path=path)
        history = History(path)
        history.cut(history.seq, quotes=1)
        self.assertLess(len(history.records), len(whole.records))
        history.append(b"in the place of what was cut")
        digest, s = history.statement(flags=FINAL), self.root.secrets
        hand.increment(s.counter_auth)
        hand.extend(s.extend_auth, digest)
        return history, digest

    def test_in_its_run_it_must_show_p(self):
        with self.root.hand() as hand:
            history, digest = self.cut(hand)
            opened = list(history.entries)
            audit = audited(hand, read_back_extra(digest))
            history.add(RECEIPT, receipt(READ_BACK, digest, audit))
            at = {"anchor": history.seq}
            self.root.expect("tampered", path=history.write(self.root.new_folder("bare")), integrity="fail",
                             defect="value_out_of_range", at=at)
            history.replay(opened)
            hand.extend_pcr(self.root.secrets.pcr, digest)
            history.add(RECEIPT, receipt(READ_BACK, digest, audit, quoted(hand, digest)))
            self.root.expect("tampered", path=history.write(self.root.new_folder("quoted")), completeness="fail",
                             defect="fold_mismatch", at=at)

    def test_after_a_reset_it_is_an_unclean_end_from_before_the_cut(self):
        self.after_a_reset(lambda history, hand, add: (history.boot(hand), add()))

    def test_put_before_the_bundle_of_its_run_too(self):
        self.after_a_reset(lambda history, hand, add: (add(), history.boot(hand)))

    def after_a_reset(self, in_order):
        with self.root.hand() as hand:
            anchored = len(History(self.root.host.data).records)
            history, digest = self.cut(hand)
            self.root.power_cycle(hand)

            def add():
                history.add(RECEIPT, receipt(READ_BACK, digest, audited(hand, read_back_extra(digest))))
            in_order(history, hand, add)
            history.append(b"in the next run")
            history.anchor(hand)
            path = history.write(self.root.new_folder("reset"))
            report = self.root.challenge("verified", lambda nonce: history.answer(hand, nonce), path=path)
            end, = [f for f in report["findings"] if f["finding"] == "unclean_end"]
            self.assertIn(f"records from {anchored} on", end["detail"])
            self.assertEqual(report["coverage"]["unclean_ends"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
