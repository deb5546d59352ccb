"""Goal: an auditor can acknowledge one foreign extend of P, and nothing else hides behind that line. Method: tpm2-tools
extend P between two lives of the daemon; quote anchors are cut before it and, once it is acknowledged, behind it."""
import json
import os
import pathlib
import sys
import unittest

from forger import FOREIGN_EXTEND, Forger
from scene import BIN, EXITS, OK, Scene, findings, run

SECOND = pathlib.Path(__file__).parents[1] / "second_verifier" / "second_verifier.py"


class Acknowledged(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)
        self.scene.anchors(2)
        self.scene.say(b"quoted, kept")
        self.scene.quote()

    def restart_after_extending_p(self):
        self.scene.stop_daemon()
        pcr = dict(line.split(" ", 1) for line in self.scene.pinned.read_text().splitlines())["pcr"]
        done = run("tpm2_pcrextend", f"{pcr}:sha256={'5a' * 32}",
                   env={**os.environ, "TPM2TOOLS_TCTI": self.scene.tpm.tcti})
        assert done.returncode == OK, done.stderr
        self.anchored_again()

    def anchored_again(self):
        self.scene.start_daemon()
        self.scene.say(b"after the restart")
        self.scene.anchor()

    def acknowledge(self, seq, expect=OK, store=None):
        path = self.scene.new_path("trust")
        done = run(BIN / "stele", "trust", "acknowledge", store or self.scene.data, "--trust", self.scene.pinned,
                   "--anchor", str(seq), "-o", path)
        self.assertEqual(done.returncode, expect, done.stderr)
        if expect == OK:
            self.scene.pinned = path
        return done.stderr.decode()

    def judge(self, conclusion, store=None, **expected):
        """Both verifiers."""
        report = self.scene.judge(conclusion, store, **expected)
        done = run(sys.executable, SECOND, store or self.scene.data, "--trust", self.scene.pinned)
        self.assertEqual(done.returncode, EXITS[conclusion], done.stdout)
        return report

    def flagged(self):
        return [s for s in Forger(self.scene.data).statements if s.flags & FOREIGN_EXTEND]

    def test_a_stranger_is_unknown_until_acknowledged_and_the_next_one_again(self):
        self.restart_after_extending_p()
        self.scene.stop_daemon()
        report = self.judge("undetermined", fault="foreign_extend", completeness="unknown", integrity="pass")
        first, = self.flagged()
        self.assertEqual(report["foreign_extends"][0]["before"]["anchor"], first.seq)
        self.acknowledge(first.seq + 1, expect=66)
        told = self.acknowledge(first.seq)
        self.assertIn(first.digest.hex(), told)
        report = self.judge("verified", completeness="pass", finding="foreign_extend_acknowledged")
        self.assertIn("foreign_extend_recorded", findings(report))
        right = self.scene.pinned
        wrong = self.scene.new_path("trust")
        wrong.write_text(right.read_text().replace(first.digest.hex(), "00" * 32))
        self.scene.pinned = wrong
        self.judge("undetermined", fault="foreign_extend")
        self.judge("undetermined", fault="acknowledgement_unmatched", at={"anchor": first.seq})
        self.acknowledge(first.seq, expect=2)
        self.scene.pinned = right
        self.scene.start_daemon()
        self.restart_after_extending_p()
        self.scene.stop_daemon()
        self.judge("undetermined", fault="foreign_extend", finding="foreign_extend_acknowledged")
        self.acknowledge(self.flagged()[1].seq)
        report = self.judge("verified")
        self.assertEqual([w["acknowledged"] for w in report["foreign_extends"]], [True, True])

    def test_what_was_cut_before_is_in_the_window_and_nothing_can_be_cut_later(self):
        for number in range(2):
            self.scene.say(b"what root wants to hide %d" % number)
            self.scene.quote()
        self.scene.kill()
        statements = [s for s in Forger(self.scene.data).statements if s.is_quote]
        kept = min(s.quote_seq for s in statements if s.seq == statements[-1].seq)
        self.scene.put_back(self.scene.forge(lambda forger: forger.keep_anchors(statements[-1].seq, kept)))
        self.scene.start_daemon()
        self.scene.say(b"after the restart")
        self.scene.quote()  # behind the one counter anchor of the start
        flagged, = self.flagged()
        self.acknowledge(flagged.seq)
        window = self.judge("verified", finding="foreign_extend_acknowledged")["foreign_extends"][0]
        self.assertEqual((window["after"]["anchor"], window["after"]["quote"]), (flagged.seq - 1, kept))
        self.assertEqual(window["before"]["digest"], flagged.digest.hex())
        # Once it is acknowledged: more of the window goes, then what was quoted behind it.
        self.scene.say(b"quoted behind the acknowledged anchor")
        self.scene.quote()
        self.scene.kill()

        def one_more(forger):
            place = forger.place_of(flagged.seq - 1, kept)
            del forger.entries[place:place + 2]
        self.judge("tampered", self.scene.forge(one_more))
        self.cut_behind(flagged)

    def cut_behind(self, flagged):
        """Back to where the acknowledged anchor had no receipt: the daemon finishes it anew, on a P that is not the fold."""
        def to_open_intent(forger):
            forger.keep_anchors(flagged.seq)
            forger.entries.pop()
        self.scene.put_back(self.scene.forge(to_open_intent))
        self.anchored_again()
        self.scene.stop_daemon()
        self.judge("undetermined", fault="foreign_extend", finding="foreign_extend_acknowledged", completeness="unknown")
        self.assertNotIn(b"quoted behind", b"".join(r.content for r in Forger(self.scene.data).records))

    def test_a_tampered_log_is_not_acknowledged_and_a_line_of_a_cut_log_is_said(self):
        self.restart_after_extending_p()
        self.scene.kill()
        flagged, = self.flagged()
        bent = self.scene.forge(lambda forger: forger.change(2, content=b"changed"))
        self.acknowledge(flagged.seq, expect=1, store=bent)
        self.acknowledge(flagged.seq)
        cut = self.scene.forge(lambda forger: forger.keep_anchors(1))
        self.judge("undetermined", cut, fault="acknowledgement_unmatched", at={"anchor": flagged.seq})
        done = run(BIN / "stele-verify", cut, "--trust", self.scene.pinned)
        self.assertIn(b"take it out", done.stdout)

    def test_the_honest_twin_has_nothing_to_acknowledge(self):
        self.scene.stop_daemon()
        report = self.judge("verified")
        self.assertNotIn("foreign_extends", json.dumps(report))
        self.assertIn("no foreign extend is recorded", self.acknowledge(2, expect=66))


if __name__ == "__main__":
    unittest.main(verbosity=2)
