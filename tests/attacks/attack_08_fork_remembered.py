"""Goal: an auditor who saw one history and is shown another that goes on keeps both signed halves of the fork, and a
stranger can check them. Method: Mode A and B, one TPM, real daemons. The auditor sees a quote anchor; the power is cut,
the log cut back to its last counter anchor, and the daemon, who takes that for a power cut, goes on. Nothing that TPM or
daemon know contradicts it: only the memory does. Twin: the same power cut with the log left whole."""
import base64
import unittest

from auditor import Auditor, control_of
from forger import Forger, Statement
from scene import EXITS, OK, Scene

MAGIC_AND_TYPES = {b"\xffTCG\x80\x18", b"\xffTCG\x80\x1d"}  # a quote, a session's audit digest


class ForkRemembered(unittest.TestCase):
    def seen(self, mode, by="challenge"):
        """A host, and an auditor who saw more of it than its last counter anchor holds; then its power was cut."""
        scene = Scene(mode)
        self.addCleanup(scene.close)
        scene.anchors(1)
        auditor = Auditor(scene.new_path("auditor"), scene.pinned)
        auditor.visit("verified", control_of(scene), freshness="pass")
        scene.anchors(1)
        scene.say(b"what root wants to hide")
        if by == "challenge":
            auditor.visit("verified", control_of(scene), freshness="pass")
        else:
            scene.quote()
            path = scene.data
            if by == "bundle":
                path = scene.new_path("bundle")
                scene.stele("bundle", "-o", path, expect=OK)
            before = auditor.memory.read_bytes()
            scene.judge("verified", path, "--memory", auditor.memory)
            self.assertNotEqual(auditor.memory.read_bytes(), before)
        scene.cut_power()
        return scene, auditor

    def go_on(self, scene):
        scene.start_daemon()
        scene.say(b"after the power cut")
        scene.anchor()

    def test_both_halves_are_kept_and_stand_for_themselves(self):
        """Whoever wrote the memory last: a challenge, or stele-verify over a data directory or a bundle."""
        for mode, by in ("a", "challenge"), ("b", "challenge"), ("a", "directory"), ("b", "bundle"):
            with self.subTest(mode, by=by):
                scene, auditor = self.seen(mode, by)
                honest = Forger(scene.data).statements
                sealed = [statement for statement in honest if not statement.is_quote][-1]
                self.assertTrue(honest[-1].is_quote and honest[-1].size > sealed.size)  # seen, and in P alone
                scene.put_back(scene.forge(lambda forger: forger.keep_anchors(sealed.seq)))
                self.assertNotIn(b"hide", b"".join(record.content for record in Forger(scene.data).records))
                self.go_on(scene)
                # To whoever remembers nothing it is a power cut: the stated limit.
                newcomer = Auditor(scene.new_path("newcomer"), scene.pinned)
                newcomer.visit("verified", control_of(scene), freshness="pass")
                remembered = auditor.memory.read_bytes()
                exit_code, report = auditor.ask(control_of(scene))
                self.assertEqual((exit_code, report["conclusion"]), (EXITS["tampered"], "tampered"), report)
                self.assertEqual([defect["fault"] for defect in report["defects"]], ["memory_mismatch"])
                self.assertEqual((report["freshness"], report["integrity"]), ("fail", "pass"))
                self.assertEqual(auditor.memory.read_bytes(), remembered)
                self.check_what_is_kept(scene, auditor, honest)

    def check_what_is_kept(self, scene, auditor, honest):
        proof, = auditor.proofs()
        self.assertRegex(proof.name, "^[0-9]{8}T[0-9]{6}Z-fork$")
        self.assertIn(b"stele: fork: ", auditor.told)
        self.assertIn(str(proof).encode(), auditor.told)
        self.assertTrue((proof / "README.txt").read_text().startswith("A fork: "))
        one, other = map(Statement.read, auditor.check_proof("fork"))  # by openssl, and stele-verify from the folder alone
        self.assertEqual(one, honest[-1])
        self.assertNotIn(one, Forger(scene.data).statements)
        self.assertIn(other, Forger(scene.data).statements)
        # Later, of one log, and no other statement of the same number: so it is neither rollback nor equivocation.
        self.assertEqual((one.log_id, one.era, other.is_quote), (other.log_id, other.era, True))
        self.assertGreater((other.seq, other.reset), (one.seq, one.reset))
        # The pinned key signed both; what it signed is each statement's digest.
        pinned, = (bytes.fromhex(line.split()[1]) for line in scene.pinned.read_text().splitlines() if line.startswith("ak "))
        for half in ("remembered", "presented"):
            lines = (proof / half / "ak.pem").read_text().splitlines()
            self.assertEqual(base64.b64decode("".join(lines[1:-1]))[-64:], pinned[-66:-34] + pinned[-32:])
        for half, statement in ("remembered", one), ("presented", other):
            attest = (proof / half / "attest").read_bytes()
            self.assertIn(attest[:6], MAGIC_AND_TYPES)
            signer = 6 + 2 + int.from_bytes(attest[6:8], "big")
            self.assertEqual(attest[signer:signer + 34], b"\0\x20" + statement.digest)

    def test_the_same_log_grown_does_not_alarm(self):
        for mode in "ab":
            with self.subTest(mode):
                scene, auditor = self.seen(mode)
                self.go_on(scene)
                auditor.visit("verified", control_of(scene), freshness="pass", integrity="pass", completeness="pass")
                auditor.visit("verified", control_of(scene), freshness="pass")
                self.assertEqual(auditor.proofs(), [])
                self.assertNotIn(b"fork", auditor.told)


if __name__ == "__main__":
    unittest.main(verbosity=2)
