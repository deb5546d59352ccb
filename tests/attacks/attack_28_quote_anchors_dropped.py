"""Goal: quote anchors of the run that is still going on cannot be dropped unnoticed. Method: they are cut with their
records; the TPM's true state is asked for; others are made in their place; the daemon is restarted on the cut log,
so that P gets a new base, and its word of that is taken away again."""
import unittest

from forger import BUNDLE, FOREIGN_EXTEND, REMARK, Forger, event
from scene import Scene


class Dropped(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.anchors(2)
        cls.scene.say(b"quoted, kept")
        cls.scene.quote()
        for number in range(3):
            cls.scene.say(b"what root wants to hide %d" % number)
            cls.scene.quote()
        cls.scene.judge("verified", integrity="pass", completeness="pass")
        cls.scene.challenge("verified", cls.scene.ask, freshness="pass")
        cls.scene.kill()
        cls.honest = cls.scene.copy()
        cls.kept = min(s.quote_seq for s in Forger(cls.honest).statements if s.seq == 3 and s.is_quote)
        cls.cut = cls.scene.forge(lambda forger: forger.keep_anchors(3, cls.kept), cls.honest)
        assert b"hide" not in b"".join(record.content for record in Forger(cls.cut).records)

    def test_a_challenge_for_what_is_left_shows_that_p_is_further(self):
        with self.scene.signer() as signer:
            for quotes in range(self.kept, self.kept + 4):
                store = self.scene.forge(lambda forger: forger.keep_anchors(3, quotes), self.honest)
                with self.subTest(left=quotes):
                    report = self.scene.challenge("tampered", lambda nonce: signer.answer(Forger(store), nonce), store,
                                                  fault="answer_mismatch", freshness="fail", integrity="pass")
                    self.assertIn("P is not the fold", report["defects"][0]["detail"])

    def test_another_quote_anchor_in_their_place_is_not_the_fold(self):
        def change(forger):
            forger.append(event(b"harmless", forger.records[-1].time_ns))
            signer.quote_anchor(forger)
        with self.scene.signer() as signer:
            store = self.scene.forge(change, self.cut)
        self.scene.judge("tampered", store, fault="fold_mismatch", at={"anchor": 3}, completeness="fail")

    def test_a_restarted_daemon_finds_a_foreign_extend_and_the_auditor_is_told_for_good(self):
        self.scene.put_back(self.cut)
        self.scene.start_daemon()
        self.scene.say(b"after the restart")
        self.scene.anchor()
        report = self.scene.judge("undetermined", fault="foreign_extend", completeness="unknown", integrity="pass",
                                  finding="foreign_extend_recorded")
        self.assertEqual(report["defects"][0]["at"], {"anchor": 3})
        self.scene.challenge("undetermined", self.scene.ask, fault="foreign_extend", freshness="pass")
        self.scene.anchors(2)
        self.scene.stop_daemon()
        self.scene.judge("undetermined", fault="foreign_extend", completeness="unknown")
        self.word_taken_away()

    def word_taken_away(self):
        """Without the daemon's remark, or the statement's flag, P is simply not the fold."""
        forger = Forger(self.scene.data)
        flagged = [s for s in forger.statements if s.flags & FOREIGN_EXTEND]
        self.assertEqual(len(flagged), 1)
        remarks = [entry for entry in forger.entries if entry[0] == REMARK and entry[1][0] == 1]
        self.assertEqual(len(remarks), 1)
        without = self.scene.forge(lambda f: f.entries.remove(remarks[0]))
        self.scene.judge("tampered", without, fault="fold_mismatch", completeness="fail")

        def older_bundle(f):
            place = f.entries.index(remarks[0])
            self.assertEqual(f.entries[place + 1][0], BUNDLE)
            del f.entries[place:place + 2]
        self.scene.judge("tampered", self.scene.forge(older_bundle), integrity="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
