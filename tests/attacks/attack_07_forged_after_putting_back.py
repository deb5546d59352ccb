"""Goal: a log put back and continued with forged events never passes for the log. Method: root goes on from a copy
k anchors old: with the daemon; with the later receipts laid over forged records; with C and E written by hand and
everything signed anew by the AK."""
import struct
import time
import unittest

from forger import INTENT, RECEIPT, Forger, H, event
from scene import Scene, wait_until


class GoneOn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.anchors(2)
        cls.old = cls.scene.copy()
        cls.scene.anchors(3, "what root wants to hide")
        cls.memory = cls.scene.folder / "memory"
        cls.scene.judge("verified", None, "--memory", cls.memory)
        cls.scene.kill()
        cls.honest = Forger(cls.scene.copy())

    def forge(self, change, store=None):
        def changed(forger):
            forger.append(event(b"forged 0", time.time_ns()), event(b"forged 1", time.time_ns()))
            change(forger)
        return self.scene.forge(changed, store or self.old)

    def test_by_the_daemon(self):
        self.scene.put_back(self.old)
        self.scene.start_daemon()
        wait_until(lambda: self.scene.status()["anchoring"]["state"] == "stopped", "anchoring stops")
        index, = self.scene.say(b"forged")
        self.scene.stop_daemon()
        report = self.scene.judge("verified", freshness="unknown", finding="unanchored_tail")
        self.assertLessEqual(report["coverage"]["counter_anchored"], index)  # it is no part of what is vouched for
        with self.scene.signer() as signer:
            self.scene.challenge("tampered", lambda nonce: signer.answer(Forger(self.scene.data), nonce),
                                 fault="answer_mismatch", freshness="fail")
        self.scene.judge("tampered", None, "--memory", self.memory, fault="memory_mismatch", freshness="fail")

    def test_with_the_later_anchors_laid_over_forged_records(self):
        def laid_over(forger):
            forger.entries = list(self.honest.entries)
            sizes = [statement.size for statement in self.honest.statements]
            while len(forger.records) < sizes[-1]:
                forger.append(event(b"forged", time.time_ns()))
        # Records [old size, …) are forged; the first anchor over them says so.
        first = Forger(self.old).statements[-1]
        over = [s for s in self.honest.statements if s.size > first.size][0]
        self.scene.judge("tampered", self.forge(laid_over), fault="tree_root_mismatch", at={"anchor": over.seq},
                         integrity="fail")

        def restated(forger):
            laid_over(forger)
            forger.restate()
        self.scene.judge("tampered", self.forge(restated), fault="receipt_extra_data", at={"anchor": over.seq},
                         integrity="fail")

    def test_with_a_quote_anchor_made_by_hand(self):
        with self.scene.signer() as signer:
            store = self.forge(signer.quote_anchor)
            newest = Forger(store).statements[-1]
            self.assertTrue(newest.is_quote)
            self.scene.judge("tampered", store, fault="fold_mismatch", at={"anchor": newest.seq}, completeness="fail",
                             platform="unknown")

    def test_with_a_counter_anchor_made_by_hand(self):
        with self.scene.signer() as signer:
            counter, extend = signer.state()
            store = self.forge(signer.anchor)
            self.assertEqual(signer.state()[0], counter + 1)
            forger = Forger(store)
            newest, receipt = forger.statements[-1], forger.entries[-1][1]
            at = {"anchor": newest.seq}
            self.scene.judge("tampered", store, fault="counter_mismatch", at=at, completeness="fail", platform="unknown")
            self.scene.challenge("tampered", lambda nonce: signer.answer(forger, nonce), store, completeness="fail")

            # Fields that nobody signed can be made to say what the chain wants: the audited session says otherwise.
            self.assertEqual(struct.unpack_from(">Q", receipt, 44), (counter + 1,))
            wanted = struct.pack(">Q", newest.counter) + H(newest.prev_extend, newest.digest)
            forger.entries[-1] = RECEIPT, receipt[:44] + wanted + receipt[84:]
            lie = forger.write(self.scene.new_path("lie"))
            self.scene.judge("tampered", lie, fault="receipt_digest", at=at, integrity="fail", platform="unknown")

            # A statement that names the counter as it now is skips the anchors between.
            forger.entries[-2] = INTENT, newest._replace(counter=counter + 1).payload
            skips = forger.write(self.scene.new_path("skips"))
            self.scene.judge("tampered", skips, fault="counter_mismatch", at=at, completeness="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
