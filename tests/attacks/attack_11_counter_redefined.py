"""Goal: C deleted and defined again never repeats a value, stops the daemon, and has no exclusive receipt for its first
increment.

Method: Mode B, where root knows ownerAuth; tpm2_nvundefine, then the same definition again. Root's hand makes the
exclusive session of a right statement over the index that was never written: its digest holds the unwritten Name.
"""
import unittest

from forged_history import History, RECEIPT
from root import Root, state_of
from tpm_hands import COUNTER_ATTRIBUTES, H, Refused, UNWRITTEN
from tpm_receipts import FULL, READ_BACK, audited, quoted, read_back_extra, receipt


def redefine(root, hand):
    s = root.secrets
    before = hand.index_name(s.counter)
    hand.undefine(s.counter)
    hand.define(s.counter, COUNTER_ATTRIBUTES, 8, s.counter_auth)
    assert hand.index_name(s.counter) != before, "C still counts as written"


class CounterRedefined(unittest.TestCase):
    def test_the_daemon_stops_when_it_is_gone_unwritten_and_written_again(self):
        with Root("b") as root:
            newest = History(root.host.data)
            done = root.tool("tpm2_nvundefine", "-C", "o", hex(root.secrets.counter))
            self.assertEqual(done.returncode, 0, done.stderr)
            root.expect_stopped("counter index is gone")
            with root.hand() as hand:
                hand.define(root.secrets.counter, COUNTER_ATTRIBUTES, 8, root.secrets.counter_auth)
                with self.assertRaises(Refused) as refused:
                    hand.counter_value()
                self.assertEqual(refused.exception.code, UNWRITTEN)
            root.expect_stopped("counter index exists but was never written")
            with root.hand() as hand:
                hand.increment(root.secrets.counter_auth)
                self.assertEqual(state_of(hand), [newest.counter + 1, newest.extend])  # c+1 with E_n
                self.assertEqual(hand.index_name(root.secrets.counter), root.secrets.counter_name)
                path = newest.write(root.new_folder("left"))
                root.challenge("tampered", lambda nonce: newest.answer(hand, nonce), path=path, freshness="fail",
                               defect="answer_mismatch", integrity="pass")
            root.expect_stopped("somebody else anchors")
            root.expect("verified", freshness="unknown")

    def test_no_value_repeats(self):
        with Root("b", anchors=1) as root, root.hand() as hand:
            seen = [hand.counter_value()]
            for number in range(6):
                redefine(root, hand)
                for _ in range(number % 3 + 1):
                    hand.increment(root.secrets.counter_auth)
                    seen.append(hand.counter_value())
            self.assertEqual(seen, sorted(set(seen)))

    def test_the_first_increment_has_no_exclusive_receipt(self):
        with Root("b") as root, root.hand() as hand:
            history = History(root.host.data)
            redefine(root, hand)
            history.append(b"over a counter that was never written")
            digest = history.statement()
            hand.extend_pcr(root.secrets.pcr, digest)
            audit = audited(hand, digest, digest)
            # Everything is as it must be, but the Name in the session.
            self.assertEqual((audit.counter, audit.extend), (history.counter + 1, H(history.extend, digest)))
            made = list(history.entries)
            history.add(RECEIPT, receipt(FULL, digest, audit, quoted(hand, digest)))
            newest = {"anchor": history.seq}
            root.expect("tampered", path=history.write(root.new_folder("first")), integrity="fail",
                        defect="receipt_digest", at=newest)
            history.replay(made)
            read_back = audited(hand, read_back_extra(digest))
            history.add(RECEIPT, receipt(READ_BACK, digest, read_back, quoted(hand, digest)))
            root.expect("undetermined", path=history.write(root.new_folder("read-back")), integrity="pass",
                        completeness="unknown", defect="read_back_rule", at=newest)


if __name__ == "__main__":
    unittest.main(verbosity=2)
