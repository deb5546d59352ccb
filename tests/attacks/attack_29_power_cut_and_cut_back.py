"""Goal: whoever pulls the plug and cuts back to the last counter anchor hides what P alone held; that is the stated
limit, and it is named. Method: quote anchors, an unclean TPM reset, the log cut to its last counter anchor; judged
before and after the daemon goes on, without memory and by a verifier that remembers."""
import shutil
import unittest

from forger import Forger
from scene import Scene, detail_of


class CutBack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.anchors(2)
        cls.scene.say(b"what root wants to hide")
        cls.scene.quote()
        cls.memory = cls.scene.folder / "memory"
        report = cls.scene.judge("verified", None, "--memory", cls.memory)
        assert report["coverage"]["quote_anchored"] == 2  # the event and its sender
        cls.scene.cut_power()
        cls.scene.judge("verified")
        cls.scene.put_back(cls.scene.forge(lambda forger: forger.keep_anchors(3)))
        assert b"hide" not in b"".join(record.content for record in Forger(cls.scene.data).records)
        cls.size = len(Forger(cls.scene.data).records)

    def remembers(self):
        memory = shutil.copy(self.memory, self.scene.new_path("memory"))
        self.scene.judge("tampered", None, "--memory", memory, fault="memory_mismatch", at={"anchor": 3},
                         freshness="fail", integrity="pass", completeness="pass")

    def test_it_is_an_unclean_end_with_a_named_window_and_tampering_to_whoever_remembers(self):
        self.scene.judge("verified", freshness="unknown")
        self.remembers()
        with self.scene.signer() as signer:
            forger = Forger(self.scene.data)
            self.scene.challenge("undetermined", lambda nonce: signer.answer(forger, nonce), fault="answer_run_changed",
                                 freshness="unknown")
        self.scene.start_daemon()
        self.scene.say(b"after the power cut")
        self.scene.anchor()
        report = self.scene.judge("verified", finding="unclean_end", freshness="unknown")
        self.assertEqual(report["coverage"]["unclean_ends"], 1)
        self.assertIn(f"records from {self.size} on", detail_of(report, "unclean_end"))
        places = [finding["at"] for finding in report["findings"] if finding["finding"] == "unclean_end"]
        self.assertEqual(places, [{"anchor": 3}])
        self.scene.judge("undetermined", None, "--require", "unclean_end")
        self.scene.challenge("verified", self.scene.ask, freshness="pass", finding="unclean_end")
        self.remembers()
        self.scene.stop_daemon()
        self.remembers()


if __name__ == "__main__":
    unittest.main(verbosity=2)
