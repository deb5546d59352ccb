"""Goal: another TPM, with everything else copied, is not the host's.

Method: a second swtpm with seeds of its own. The daemon is started over the copied directory with it; then root
provisions it at the same handles, counts its C up to the log's and replays the log's E, and lets it answer and anchor
for the copied log: all but the key is the same.
"""
import unittest

from forged_history import History
from root import Root, wait_until
from stele_host import OK, Tpm
from tpm_hands import EXTEND_ATTRIBUTES, Hand, Secrets


class AnotherTpm(unittest.TestCase):
    def setUp(self):
        self.root = Root("a", end="kill")
        self.addCleanup(self.root.close)
        self.other = Tpm(self.root.host.folder / "other-tpm")
        self.other.start()
        self.addCleanup(lambda: (self.other.stop(), self.other.reservation.close()))

    def alike(self):
        """The other TPM's secrets, once its C and E show what the log leads to."""
        root, history = self.root, History(self.root.host.data)
        data = root.new_folder("other-data")
        root.host.stele("provision", "--tcti", self.other.tcti, "--data", data, "--origin", root.host.origin, "--mode",
                        "b", expect=OK)
        s = Secrets(data)
        self.assertEqual((s.counter_name, s.extend_name), (root.secrets.counter_name, root.secrets.extend_name))
        self.assertNotEqual(s.ak_name, root.secrets.ak_name)
        with Hand(self.other.port, s) as hand:
            while hand.counter_value() < history.counter:
                hand.increment(s.counter_auth)
            hand.undefine(s.extend)
            hand.define(s.extend, EXTEND_ATTRIBUTES, 32, s.extend_auth)
            for digest in history.digests:
                hand.extend(s.extend_auth, digest)
            for statement in history.statements:
                hand.extend_pcr(s.pcr, history.digest_of(statement))
            self.assertEqual((hand.counter_value(), hand.extend_value()), (history.counter, history.extend))
            self.assertEqual(hand.read_pcrs([s.pcr]), [history.fold])
        return s

    def test_the_daemon_anchors_nothing_with_it(self):
        root = self.root
        before = History(root.host.data)
        root.host.write_config(tcti=self.other.tcti)
        root.host.start_daemon()
        wait_until(lambda: root.host.status()["anchoring"]["state"] in ("stopped", "unavailable"), "no anchoring")
        self.assertIn("is gone", root.host.status()["anchoring"]["reason"])
        self.assertNotEqual(root.host.stele("anchor").returncode, OK)
        self.assertNotEqual(root.host.stele("answer", "--nonce", "5a" * 32, "-o", "-").returncode, OK)
        root.end_daemon()
        self.assertEqual(History(root.host.data).seq, before.seq)
        root.expect("verified", freshness="unknown")

    def test_the_same_counter_and_extend_under_another_key_are_refused(self):
        root, history = self.root, History(self.root.host.data)
        with Hand(self.other.port, self.alike()) as hand:
            path = history.write(root.new_folder("copied"))
            root.challenge("tampered", lambda nonce: history.answer(hand, nonce), path=path, platform="fail",
                           defect="signer_mismatch")
            history.append(b"anchored elsewhere")
            history.anchor(hand)
            root.expect("tampered", path=history.write(root.new_folder("continued")), platform="fail",
                        defect="signer_mismatch", at={"anchor": history.seq})
        with root.hand() as hand:  # the host's own TPM still answers for the log as it was
            history = History(root.host.data)
            path = history.write(root.new_folder("own"))
            root.challenge("verified", lambda nonce: history.answer(hand, nonce), path=path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
