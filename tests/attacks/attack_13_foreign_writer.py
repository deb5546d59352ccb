"""Goal: whoever increments C or extends E beside the daemon is noticed, and what he wrote is never taken over.

Method: with the authValues of DIR/secrets, while the daemon does not run: it must stop anchoring, repair nothing, and
the log it left fails a challenge that root answers. The same while it runs and while it makes an anchor, through a
proxy that lets root's commands in between.
"""
import unittest

from forged_history import History, INTENT, RECEIPT
from interposer import Interposer
from root import Root, wait_until
from stele_host import OK

NV_INCREMENT, NV_EXTEND = 0x134, 0x136
STRANGE = b"\x5a" * 32


def increment(hand):
    hand.increment(hand.secrets.counter_auth)


def extend(hand):
    hand.extend(hand.secrets.extend_auth, STRANGE)


def increment_and_extend(hand):
    increment(hand)
    extend(hand)


class ForeignWriter(unittest.TestCase):
    WRITES = {increment: "somebody else anchors", extend: "somebody else writes to it",
              increment_and_extend: "somebody else anchors"}

    def test_beside_a_daemon_that_does_not_run(self):
        for write, words in self.WRITES.items():
            with self.subTest(write.__name__), Root("a") as root:
                before = History(root.host.data)
                with root.hand() as hand:
                    write(hand)
                    self.assertNotEqual((hand.counter_value(), hand.extend_value()), (before.counter, before.extend))
                    path = before.write(root.new_folder("left"))
                    root.challenge("tampered", lambda nonce: before.answer(hand, nonce), path=path, freshness="fail",
                                   defect="answer_mismatch", integrity="pass", completeness="pass")
                for _ in range(2):
                    root.expect_stopped(words)
                after = History(root.host.data)
                self.assertEqual((after.seq, after.extend), (before.seq, before.extend))
                report = root.expect("verified", freshness="unknown")
                self.assertIn("journal_remark", root.findings(report))  # the log says itself why it ends there
                self.assertIn("unanchored_tail", root.findings(report))

    def running(self, root):
        proxy = Interposer(root.host.tpm.port)
        self.addCleanup(proxy.close)
        root.host.write_config(tcti=proxy.tcti)
        root.host.start_daemon()
        wait_until(lambda: root.host.status()["anchoring"]["state"] == "anchoring", "anchoring")
        return proxy

    def stopped(self, root, words):
        wait_until(lambda: root.host.status()["anchoring"]["state"] == "stopped", "the daemon stops anchoring")
        self.assertIn(words, root.host.status()["anchoring"]["reason"])
        root.end_daemon()

    def test_beside_a_daemon_that_runs(self):
        for write, words in self.WRITES.items():
            with self.subTest(write.__name__), Root("a") as root:
                proxy = self.running(root)
                root.host.anchor()
                before = History(root.host.data)
                with proxy.hand(root.secrets) as hand:
                    write(hand)
                root.host.append(b"never to be anchored\n")
                self.assertEqual(root.host.stele("anchor").returncode, 69)
                self.stopped(root, words)
                after = History(root.host.data)
                self.assertEqual((after.seq, after.extend), (before.seq, before.extend))
                root.expect("verified", freshness="unknown")

    def test_between_the_commands_of_an_anchor(self):
        cases = {(NV_INCREMENT, increment): "somebody else anchors",
                 (NV_INCREMENT, extend): "somebody else writes to it",
                 (NV_EXTEND, extend): "somebody else writes to it"}
        for (code, write), words in cases.items():
            with self.subTest(f"{write.__name__} after {code:#x}"), Root("a") as root:
                proxy = self.running(root)
                root.host.anchor()
                before = History(root.host.data)
                with proxy.inner_hand(root.secrets) as hand:
                    proxy.once_after(code, lambda: write(hand))
                    root.host.append(b"in the anchor that is disturbed\n")
                    self.assertNotEqual(root.host.stele("anchor").returncode, OK)
                    self.stopped(root, words)
                    after = History(root.host.data)
                    self.assertEqual((after.seq, after.extend), (before.seq, before.extend))
                    kinds = [kind for kind, _ in after.entries]
                    self.assertEqual(kinds.count(INTENT), kinds.count(RECEIPT))  # the genesis receipt has no intent
                    self.assertIn("open_intent", root.findings(root.expect("verified", freshness="unknown")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
