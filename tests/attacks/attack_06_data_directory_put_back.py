"""Goal: a data directory put back to an older copy is neither continued nor believed. Method: copies taken k anchors
ago; the daemon is started on each: it refuses to anchor, says why and leaves C and E alone; a challenge fails."""
import unittest

from forger import Forger
from scene import Scene, wait_until

UNAVAILABLE = 69


class PutBack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.copies = {}
        for k in (20, 7, 2, 1):
            cls.scene.say(b"before the copy")
            cls.scene.anchor()
            cls.copies[k] = cls.scene.copy()
            for _ in range(k - {20: 7, 7: 2, 2: 1, 1: 0}[k]):
                cls.scene.say(b"after the copy")
                cls.scene.anchor()
        # Each copy was followed by the next copy's own anchor too.
        newest = cls.scene.status()["anchoring"]["counter_anchors"]
        cls.behind = {copy: newest - Forger(copy).statements[-1].seq for copy in cls.copies.values()}
        cls.memory = cls.scene.folder / "memory"
        cls.scene.judge("verified", None, "--memory", cls.memory)
        cls.scene.kill()

    def state(self):
        with self.scene.signer() as signer:
            return signer.state()

    def test_the_daemon_refuses_to_anchor_and_a_challenge_fails(self):
        self.assertTrue(min(self.behind.values()) >= 1 and max(self.behind.values()) >= 20, self.behind)
        before = self.state()
        for copy, behind in self.behind.items():
            with self.subTest(behind=behind):
                self.scene.put_back(copy)
                self.scene.judge("verified", freshness="unknown")  # offline it is an honest, older log
                self.scene.start_daemon()
                wait_until(lambda: self.scene.status()["anchoring"]["state"] == "stopped", "anchoring stops")
                self.assertRegex(self.scene.status()["anchoring"]["reason"], "put back")
                self.assertEqual(self.scene.stele("anchor").returncode, UNAVAILABLE)
                self.assertEqual(self.scene.stele("answer", "--nonce", "5a" * 32, "-o", "-").returncode, UNAVAILABLE)
                self.scene.stop_daemon()
                self.assertEqual(self.state(), before, "C or E was written")
                report = self.scene.judge("verified", freshness="unknown", finding="journal_remark")
                self.assertEqual(report["anchors"]["counter"], Forger(copy).statements[-1].seq)
                with self.scene.signer() as signer:
                    self.scene.challenge("tampered", lambda nonce: signer.answer(Forger(self.scene.data), nonce),
                                         fault="answer_mismatch", freshness="fail", integrity="pass")
                self.scene.judge("tampered", None, "--memory", self.memory, fault="memory_mismatch", freshness="fail")

    def test_a_reboot_in_between_changes_nothing(self):
        before = self.state()
        copy = min(self.behind, key=self.behind.get)
        self.scene.cut_power()
        self.scene.put_back(copy)
        self.scene.start_daemon()
        wait_until(lambda: self.scene.status()["anchoring"]["state"] == "stopped", "anchoring stops")
        self.scene.stop_daemon()
        self.assertEqual(self.state(), before, "C or E was written")
        with self.scene.signer() as signer:
            self.scene.challenge("tampered", lambda nonce: signer.answer(Forger(self.scene.data), nonce),
                                 fault="answer_mismatch", freshness="fail", integrity="pass")


if __name__ == "__main__":
    unittest.main(verbosity=2)
