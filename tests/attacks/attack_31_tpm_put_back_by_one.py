"""Goal: root put the TPM back by one anchor and left: the daemon makes no second receipt for that counter value.

Method: the TPM's state as it was before anchor n; the daemon anchors n and is killed once the receipt is stored; the
state is put back; the daemon starts. It must stop, and the journal hold one receipt for n, the one it had.
"""
import unittest

from forged_history import History, INTENT, RECEIPT
from root import Root, wait_until
from tpm_receipts import FULL, READ_BACK


def receipts_of(history, counter):
    """The receipts of counter anchors that show this value of C."""
    receipts = [payload for kind, payload in history.entries if kind == RECEIPT]
    return [one for one in receipts if one[10] in (FULL, READ_BACK) and int.from_bytes(one[44:52], "big") == counter]


class TpmPutBackByOne(unittest.TestCase):
    def test_the_daemon_stops_and_makes_no_second_receipt(self):
        for mode in "ab":
            with self.subTest(mode), Root(mode) as root:
                before = History(root.host.data)
                tpm = root.copy_tpm()
                root.host.start_daemon()
                # A start makes a counter anchor by itself: that is n.
                wait_until(lambda: root.host.status()["anchoring"]["counter_anchors"] > before.seq, "anchor n")
                root.end_daemon("kill")
                anchored = History(root.host.data)
                self.assertEqual(anchored.seq, before.seq + 1)
                only = receipts_of(anchored, anchored.counter)
                self.assertEqual(len(only), 1)
                root.put_tpm_back(tpm)
                with root.hand() as hand:
                    self.assertEqual((hand.counter_value(), hand.extend_value()), (before.counter, before.extend))
                for _ in range(3):
                    root.expect_stopped("the TPM was put back")
                after = History(root.host.data)
                self.assertEqual(receipts_of(after, anchored.counter), only)
                intents = [kind for kind, _ in after.entries].count(INTENT)
                self.assertEqual(intents, [kind for kind, _ in anchored.entries].count(INTENT))
                root.expect("verified", freshness="unknown")


if __name__ == "__main__":
    unittest.main(verbosity=2)
