"""Goal: ordinary indexes at C's and E's handles, holding whatever root writes, pass for neither.

Method: Mode B; C and E are really deleted and ordinary indexes defined in their place, with the values of an older
anchor, then with those of a forged newer one; the real AK signs exclusive sessions over them. Every definition that
differs in one attribute is tried too. The daemon must refuse them by Name.
"""
import unittest

from forged_history import GENESIS, History, RECEIPT
from root import Root
from tpm_hands import COUNTER_ATTRIBUTES, EXTEND_ATTRIBUTES, H, ORDINARY_ATTRIBUTES, Refused
from tpm_receipts import READ_BACK, audited, quoted, read_back_extra, receipt

# Each legal alone or with what is there: PPREAD, PPWRITE, OWNERWRITE, without OWNERREAD, without NO_DA, READ_STCLEAR.
ONE_ATTRIBUTE = [1 << 16, 1 << 0, 1 << 1, 1 << 17, 1 << 25, 1 << 31]


def replace(root, hand, counter, extend):
    """Ordinary indexes in the place of C and E, with these values."""
    s = root.secrets
    wanted = (s.counter, s.counter_auth, counter.to_bytes(8, "big")), (s.extend, s.extend_auth, extend)
    for index, auth, value in wanted:
        hand.undefine(index)
        hand.define(index, ORDINARY_ATTRIBUTES, len(value), auth)
        hand.write(index, auth, value)
    assert (hand.counter_value(), hand.extend_value()) == (counter, extend)
    assert hand.index_name(s.counter) != s.counter_name and hand.index_name(s.extend) != s.extend_name


class OrdinaryIndexes(unittest.TestCase):
    def test_the_values_of_an_older_anchor_do_not_make_a_cut_log_fresh(self):
        with Root("b", end="kill") as root, root.hand() as hand:
            history = History(root.host.data)
            history.cut(history.seq - 2)
            replace(root, hand, history.counter, history.extend)
            path = history.write(root.new_folder("cut"))
            root.expect("verified", path=path, freshness="unknown")
            report = root.challenge("tampered", lambda nonce: history.answer(hand, nonce), path=path, freshness="fail",
                                    defect="answer_mismatch")
            self.assertIn("session digest", str(report["defects"]))

    def test_the_values_of_a_forged_anchor_make_no_receipt(self):
        with Root("b", end="kill") as root, root.hand() as hand:
            history = History(root.host.data)
            history.append(b"what root wants to have been logged")
            digest = history.statement()
            hand.extend_pcr(root.secrets.pcr, digest)
            replace(root, hand, history.counter + 1, H(history.extend, digest))
            audit = audited(hand, read_back_extra(digest))
            self.assertEqual((audit.counter, audit.extend), (history.counter + 1, H(history.extend, digest)))
            history.add(RECEIPT, receipt(READ_BACK, digest, audit, quoted(hand, digest)))
            root.expect("tampered", path=history.write(root.new_folder("forged")), defect="receipt_digest",
                        integrity="fail", at={"anchor": history.seq})
            with self.assertRaises(Refused):  # and an ordinary index does not count
                hand.increment(root.secrets.counter_auth)

    def test_a_genesis_that_names_them_is_another_logs(self):
        with Root("b", end="kill") as root, root.hand() as hand:
            history = History(root.host.data)
            replace(root, hand, history.counter, history.extend)
            s = root.secrets
            genesis = history.entries[0][1].replace(s.counter_name, hand.index_name(s.counter))
            genesis = genesis.replace(s.extend_name, hand.index_name(s.extend))
            self.assertNotEqual(genesis, history.entries[0][1])
            history.entries[0], history.log_id = (GENESIS, genesis), H(genesis)
            history.edit(0, genesis)
            root.expect("tampered", path=history.write(root.new_folder("renamed")), defect="genesis_mismatch",
                        integrity="fail")

    def test_the_daemon_refuses_them_by_name(self):
        with Root("b", end="kill") as root:
            newest = History(root.host.data)
            with root.hand() as hand:
                replace(root, hand, newest.counter, newest.extend)
            root.expect_stopped("its Name differs")
            root.expect("verified", freshness="unknown")

    def test_one_attribute_makes_another_name(self):
        with Root("b", anchors=1, end="kill") as root, root.hand() as hand:
            s, history, tried = root.secrets, History(root.host.data), 0
            path = history.write(root.new_folder("left"))
            for index, attributes, auth, size in ((s.counter, COUNTER_ATTRIBUTES, s.counter_auth, 8),
                                                  (s.extend, EXTEND_ATTRIBUTES, s.extend_auth, 32)):
                hand.undefine(index)
                for one in ONE_ATTRIBUTE:
                    hand.define(index, attributes ^ one, size, auth)
                    if index == s.counter:
                        hand.increment(auth)
                    else:
                        for digest in history.digests:
                            hand.extend(auth, digest)
                        self.assertEqual(hand.extend_value(), history.extend)
                    self.assertNotIn(hand.index_name(index), (s.counter_name, s.extend_name))
                    report = root.challenge("tampered", lambda nonce: history.answer(hand, nonce), path=path,
                                            defect="answer_mismatch", freshness="fail")
                    self.assertIn("session digest", str(report["defects"]))
                    hand.undefine(index)
                    tried += 1
                hand.define(index, attributes, size, auth)
                if index == s.counter:
                    hand.increment(auth)
            self.assertEqual(tried, 2 * len(ONE_ATTRIBUTE))


if __name__ == "__main__":
    unittest.main(verbosity=2)
