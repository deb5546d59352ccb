"""Goal: a log without its last k anchors never passes a challenge, nor a verifier that remembers. Method: 50 counter
anchors with quote anchors between; k = 1..50 cut with all behind them; for each the TPM's true state, freshly signed
for the newest statement that is left, and the honest answer for the one that was cut."""
import unittest

from forger import Forger, H, u64
from scene import Scene

COUNT = 50
COUNTER = 130  # where an answer says what C and E are


class CutAnchors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.memory = cls.scene.folder / "memory"
        for number in range(COUNT):
            cls.scene.say(b"event %d" % number)
            if number % 5 == 0:
                cls.scene.quote()
            cls.scene.anchor()
        cls.scene.judge("verified", None, "--memory", cls.memory)
        cls.scene.kill()
        cls.honest = Forger(cls.scene.data)
        cls.newest = cls.honest.statements[-1].seq
        assert cls.newest == COUNT + 1  # the daemon's start made the first
        cls.signer = cls.scene.signer()
        cls.addClassCleanup(cls.signer.socket.close)

    def test_offline_the_verdict_says_up_to_where_and_a_challenge_fails(self):
        for k in range(1, COUNT + 1):
            with self.subTest(k=k):
                store = self.scene.forge(lambda forger: forger.keep_anchors(self.newest - k))
                cut = Forger(store)
                report = self.scene.judge("verified", store, freshness="unknown", completeness="pass")
                self.assertEqual(report["anchors"]["counter"], self.newest - k)
                self.assertEqual(report["log"]["size"], cut.statements[-1].size)
                report = self.scene.challenge("tampered", lambda nonce: self.signer.answer(cut, nonce), store,
                                              fault="answer_mismatch", freshness="fail", integrity="pass",
                                              completeness="pass", platform="unknown")
                self.assertIn(f"counter is {self.honest.statements[-1].counter}", report["defects"][0]["detail"])
                self.assertIn(f"leads to {cut.statements[-1].counter}", report["defects"][0]["detail"])

    def test_a_verifier_that_remembers_needs_no_challenge(self):
        before = self.memory.read_bytes()
        for k in (1, 2, 7, COUNT):
            with self.subTest(k=k):
                store = self.scene.forge(lambda forger: forger.keep_anchors(self.newest - k))
                self.scene.judge("tampered", store, "--memory", self.memory, fault="memory_mismatch",
                                 at={"anchor": self.newest}, freshness="fail")
                self.assertEqual(self.memory.read_bytes(), before, "a tampered log was remembered")

    def test_the_honest_answer_is_no_answer_for_a_shorter_log(self):
        store = self.scene.forge(lambda forger: forger.keep_anchors(self.newest - 1))
        self.scene.challenge("tampered", lambda nonce: self.signer.answer(self.honest, nonce), store,
                             fault="answer_mismatch", freshness="fail")
        self.scene.challenge("verified", lambda nonce: self.signer.answer(self.honest, nonce), freshness="pass")

    def test_an_answers_own_fields_cannot_lie(self):
        store = self.scene.forge(lambda forger: forger.keep_anchors(self.newest - 1))
        cut = Forger(store)
        newest = cut.statements[-1]
        wanted = u64(newest.counter) + H(newest.prev_extend, newest.digest)

        def lie(nonce):
            answer = self.signer.answer(cut, nonce)
            self.assertNotEqual(answer[COUNTER:COUNTER + len(wanted)], wanted)
            return answer[:COUNTER] + wanted + answer[COUNTER + len(wanted):]
        self.scene.challenge("tampered", lie, store, fault="answer_mismatch", freshness="fail")

    def test_all_anchors_cut_is_undetermined_at_best(self):
        def change(forger):
            del forger.entries[forger.place_of(1):]
        self.scene.judge("undetermined", self.scene.forge(change), fault="no_anchor", completeness="unknown")


if __name__ == "__main__":
    unittest.main(verbosity=2)
