"""Goal: a new mainboard, a cleared TPM and a rotated attestation key are neither an alarm nor a loophole: the auditor
enrols what is there now and approves the era that follows, and nobody else's word does. Method: real binaries and TPMs
of a maker; for each the approval that holds, its lack, and what an attacker would make of the same commands."""
import secrets
import unittest

from enroll_host import EnrolHost, Maker
from stele_host import OK, TAMPERED, UNDETERMINED, USAGE


class Succession(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.maker = Maker()

    @classmethod
    def tearDownClass(cls):
        cls.maker.close()

    def begun(self):
        host = EnrolHost(self.maker)
        self.addCleanup(host.close)
        host.begin_log()
        host.pinned = host.enrolled(output="trust.0")
        host.visit()
        return host

    def succeed(self, host, *arguments, previous=None):
        return host.enroll("--succeeds", previous or host.pinned, *host.signing, *arguments,
                           output=f"new.{secrets.token_hex(4)}")

    def refused(self, host, code, word, *arguments, **options):
        done, path = self.succeed(host, *arguments, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(word, done.stderr)
        self.assertFalse(path.exists(), "no trust file")

    def check_approved(self, host, signed, given_up):
        report = host.judge(signed, "--memory", host.memory)
        self.assertEqual((report["conclusion"], report["exit"]), ("verified", OK), report)
        names = [finding["finding"] for finding in report["findings"]]
        self.assertIn("era_change", names)
        self.assertEqual("era_given_up" in names, given_up, report)
        self.check_unapproved(host, host.trust())

    def check_unapproved(self, host, trust):
        report = host.verify(trust=trust)
        self.assertEqual((report["conclusion"], report["exit"]), ("undetermined", UNDETERMINED), report)
        self.assertIn("era_not_approved", [defect["fault"] for defect in report["defects"]])

    def live_in_new_era(self, host):
        host.start_daemon()
        host.append(b"in the new era\n")
        host.anchor()

    def finish(self, host, signed):
        host.stop_daemon()
        host.stele("era", "finish", signed, "--auditor-key", host.public, expect=OK)
        host.start_daemon()
        host.anchor()
        host.stop_daemon()
        self.assertEqual(host.judge(host.trust())["conclusion"], "verified")

    def given_up_and_finished(self, host):
        """What the auditor gives up by name is verified, with the finding; the host's own file still approves nothing."""
        done, signed = self.succeed(host, "--accept-lost", 0)
        self.assertEqual(done.returncode, OK, done.stderr)
        report = host.judge(signed)
        self.assertEqual(report["conclusion"], "verified", report)
        self.assertIn("era_given_up", [finding["finding"] for finding in report["findings"]])
        self.check_unapproved(host, host.trust())
        self.finish(host, signed)

    def test_a_mainboard_replaced(self):
        host = self.begun()
        host.stop_daemon()
        host.new_tpm()
        host.expect_stopped()
        host.begin_era()
        self.live_in_new_era(host)
        # Enrolled alone: the new TPM is believed, the end of the old era is not.
        done, alone = host.enroll(output="alone")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(b"their end stays unknown", done.stderr)
        self.check_unapproved(host, alone)
        done, _ = host.enroll(*host.signing, output="signed")
        self.assertEqual(done.returncode, UNDETERMINED, done.stderr)
        self.refused(host, UNDETERMINED, b"cannot be told")
        self.given_up_and_finished(host)

    def test_a_tpm_cleared(self):
        host = self.begun()
        host.stop_daemon()
        host.tool("tpm2_clear")
        host.expect_stopped()
        host.begin_era()
        self.live_in_new_era(host)
        self.refused(host, UNDETERMINED, b"cannot be told", "--nonce", secrets.token_hex(32))
        self.given_up_and_finished(host)

    def test_an_attestation_key_rotated(self):
        """The same TPM, its old C and E answer: the end is confirmed for the auditor's nonce, nothing is given up."""
        host = self.begun()
        host.stop_daemon()
        nonce = secrets.token_hex(32)
        host.begin_era("--nonce", nonce)
        self.live_in_new_era(host)
        self.refused(host, UNDETERMINED, b"cannot be told", "--nonce", secrets.token_hex(32))
        done, signed = self.succeed(host, "--nonce", nonce, "--memory", host.memory)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(b"its TPM confirmed that end for this nonce", done.stderr)
        self.check_approved(host, signed, given_up=False)
        # Signing a trust file is no way around that judgement: only what this key has signed is signed again.
        again, never = host.auditor / "again.trust", host.auditor / "never.trust"
        for start in (["--trust", host.trust()], []):
            done = host.stele("trust", *start, *host.signing, "-o", never)
            self.assertEqual((done.returncode, b"approves how they ended" in done.stderr), (UNDETERMINED, True), done.stderr)
        self.assertFalse(never.exists())
        host.stele("trust", "--trust", signed, *host.signing, "-o", again, expect=OK)
        self.assertEqual(again.read_bytes(), signed.read_bytes())
        # Nothing of the last era is a first one, and another log's past is not this one's.
        other = EnrolHost(self.maker)
        self.addCleanup(other.close)
        other.begin_log()
        foreign = other.enrolled(output="trust.0")
        self.refused(host, TAMPERED, b"does not follow the era", "--nonce", nonce, previous=foreign)
        signing = ["--auditor-key-file", other.key, "--name", "auditor.example"]
        done, path = other.enroll("--succeeds", host.pinned, *signing, output="first")
        self.assertEqual((done.returncode, b"it follows nothing" in done.stderr), (TAMPERED, True), done.stderr)
        self.assertFalse(path.exists())
        # Whoever asks for what follows the very era the host is in was told no lie.
        done, path = other.enroll("--succeeds", foreign, *signing, output="first")
        self.assertEqual((done.returncode, b"no other follows it" in done.stderr), (UNDETERMINED, True), done.stderr)
        self.assertFalse(path.exists())
        self.refused(host, UNDETERMINED, b"no other follows it", "--nonce", nonce, previous=signed)
        self.finish(host, signed)

    def test_a_rollback_dressed_as_a_rotation(self):
        """Root puts a backup back and begins an era on it: the old C and E contradict that end."""
        host = self.begun()
        host.stop_daemon()
        host.snapshot()
        host.start_daemon()
        host.append(b"to be forgotten\n")
        host.anchor()
        host.visit()
        host.stop_daemon()
        host.put_back()
        nonce = secrets.token_hex(32)
        host.begin_era("--nonce", nonce)
        self.live_in_new_era(host)
        self.refused(host, UNDETERMINED, b"steps of C beyond that end", "--nonce", nonce)
        self.refused(host, UNDETERMINED, b"shows more than", "--nonce", nonce, "--accept-lost", 0)
        # What was seen before is not given up by accident.
        report = host.verify("--memory", host.memory)
        self.assertEqual((report["conclusion"], report["exit"]), ("tampered", TAMPERED), report)

    def test_only_a_signature_approves(self):
        host = self.begun()
        done, _ = host.enroll("--succeeds", host.pinned, output="unsigned")
        self.assertEqual(done.returncode, USAGE, done.stderr)


if __name__ == "__main__":
    unittest.main()
