"""Goal: no key here depends on PCRs: after a new firmware or kernel, whose measurements are others, the attestation key
answers, credentials are activated, and the trust file that an enrolment gives is the one from before. Method: a power
cycle of the TPM, then all firmware PCRs extended as another boot would; the same again before the first enrolment."""
import secrets
import unittest

from enroll_host import EnrolHost, Maker
from stele_host import OK


class ChangedPlatform(unittest.TestCase):
    def setUp(self):
        self.maker = Maker()
        self.addCleanup(self.maker.close)
        self.host = EnrolHost(self.maker)
        self.addCleanup(self.host.close)
        self.host.begin_log()

    def boot_something_else(self, measured):
        """The machine goes down in order, and another kernel is measured at the next start."""
        self.host.stop_daemon()
        self.host.tool("tpm2_shutdown", "--clear")
        self.host.tpm.stop()
        self.host.tpm.start()
        for pcr in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14):
            self.host.tool("tpm2_pcrextend", f"{pcr}:sha256={measured * 32}")
        self.host.start_daemon()

    def test_keys_outlive_a_kernel_update(self):
        before = self.host.enrolled(*self.host.signing, output="before")
        for measured in ("a1", "b2"):
            self.boot_something_else(measured)
            self.host.append(b"after the update\n")
            self.host.anchor()
            nonce = secrets.token_hex(32)
            answer = self.host.folder / "answer"
            self.host.stele("answer", "--nonce", nonce, "-o", answer, expect=OK)
            report = self.host.verify("--auditor-key", self.host.public, "--nonce", nonce, "--answer", answer,
                                      trust=before)
            self.assertEqual((report["conclusion"], report["freshness"]), ("verified", "pass"), report)
            again = self.host.enrolled(*self.host.signing, output=f"after.{measured}")
            self.assertEqual(again.read_bytes(), before.read_bytes())


if __name__ == "__main__":
    unittest.main()
