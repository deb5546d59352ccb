"""Goal: whoever pulls the plug and cuts back to the last counter anchor hides what P alone held; that is the stated
limit, and it is named. Method: quote anchors, an unclean TPM reset, the log cut to its last counter anchor; judged
before and after the daemon goes on, without memory and by a verifier that remembers."""
import shutil
import unittest

from forger import Forger
from scene import OK, Scene, detail_of, run

STARTUP, SHUTDOWN, CLEAR, STATE = 0x144, 0x145, b"\0\0", b"\0\1"


class CutBack(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)
        self.scene.anchors(2)
        self.scene.say(b"what root wants to hide")
        self.scene.quote()
        self.memory = self.scene.folder / "memory"
        report = self.scene.judge("verified", None, "--memory", self.memory)
        self.assertEqual(report["coverage"]["quote_anchored"], 3)  # the event, its sender, and who asked
        self.assertEqual(report["coverage"]["unanchored"], 1)  # what came of asking
        self.scene.kill()

    def cut_back(self):
        self.scene.put_back(self.scene.forge(lambda forger: forger.keep_anchors(3)))
        records = Forger(self.scene.data).records
        self.assertNotIn(b"hide", b"".join(record.content for record in records))
        return len(records)

    def remembers(self):
        memory = shutil.copy(self.memory, self.scene.new_path("memory"))
        self.scene.judge("tampered", None, "--memory", memory, fault="memory_mismatch", at={"anchor": 3},
                         freshness="fail", integrity="pass", completeness="pass")

    def goes_on(self, size):
        """The daemon takes it for a power cut; the verdict names what may have been lost in it."""
        self.scene.start_daemon()
        self.scene.say(b"after the power cut")
        self.scene.anchor()
        report = self.scene.judge("verified", finding="unclean_end", freshness="unknown")
        self.assertEqual(report["coverage"]["unclean_ends"], 1)
        self.assertIn(f"records from {size} on", detail_of(report, "unclean_end"))
        places = [finding["at"] for finding in report["findings"] if finding["finding"] == "unclean_end"]
        self.assertEqual(places, [{"anchor": 3}])
        self.scene.judge("undetermined", None, "--require", "unclean_end")
        self.scene.challenge("verified", self.scene.ask, freshness="pass", finding="unclean_end")
        self.remembers()
        self.scene.stop_daemon()
        self.remembers()

    def test_with_a_reset_it_is_an_unclean_end_and_tampering_to_whoever_remembers(self):
        self.scene.cut_power()
        self.scene.judge("verified")
        size = self.cut_back()
        self.scene.judge("verified", freshness="unknown")
        self.remembers()
        with self.scene.signer() as signer:
            forger = Forger(self.scene.data)
            self.scene.challenge("undetermined", lambda nonce: signer.answer(forger, nonce), fault="answer_run_changed",
                                 freshness="unknown")
        self.goes_on(size)

    def test_with_a_restart_too_though_no_reset_is_counted(self):
        with self.scene.signer() as signer:
            signer.command(SHUTDOWN, parameters=STATE)
        done = run("swtpm_ioctl", "--tcp", f"127.0.0.1:{self.scene.tpm.port + 1}", "-i")
        self.assertEqual(done.returncode, OK, done.stderr)
        with self.scene.signer() as signer:
            signer.command(STARTUP, parameters=CLEAR)
        self.goes_on(self.cut_back())
        runs = {(statement.reset, statement.restart) for statement in Forger(self.scene.data).statements}
        self.assertEqual((len(runs), len({reset for reset, _ in runs})), (2, 1))  # two runs, no reset between

    def test_without_a_power_cut_a_challenge_fails(self):
        self.cut_back()
        with self.scene.signer() as signer:
            forger = Forger(self.scene.data)
            self.scene.challenge("tampered", lambda nonce: signer.answer(forger, nonce), fault="answer_mismatch",
                                 freshness="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
