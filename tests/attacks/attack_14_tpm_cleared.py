"""Goal: after TPM2_Clear and a new provisioning nothing passes for the old log.

Method: tpm2_clear, where root can (Mode B); the old daemon and provision are asked to go on; a new log of the same
name is provisioned with the same binaries and presented under the old trust file, so is the old log with answers and
anchors by the new key. In Mode A the TPM refuses to be cleared.
"""
import shutil
import unittest

from forged_history import History
from root import Root, wait_until
from stele_host import OK
from tpm_hands import Hand, Refused, Secrets


class TpmCleared(unittest.TestCase):
    def cleared(self, root):
        """The old data directory, moved away; its authValues know nothing in this TPM any more."""
        done = root.tool("tpm2_clear", "-c", "l")
        self.assertEqual(done.returncode, 0, done.stderr)
        with root.hand() as hand, self.assertRaises(Refused):
            hand.quote(b"x" * 32, b"\0\0\0\0")
        old = root.new_folder("old")
        shutil.move(root.host.data, old)
        return old

    def provision(self, root):
        return root.host.stele("provision", "--tcti", root.host.tpm.tcti, "--origin", root.host.origin, "--mode", "b")

    def provision_again(self, root):
        done = self.provision(root)
        self.assertEqual(done.returncode, OK, done.stderr)
        return Secrets(root.host.data)

    def test_the_daemon_anchors_nothing_and_the_old_directory_is_not_provisioned_again(self):
        with Root("b") as root:
            old = self.cleared(root)
            shutil.move(old, root.host.data)
            before = History(root.host.data)
            root.host.start_daemon()
            wait_until(lambda: root.host.status()["anchoring"]["state"] in ("stopped", "unavailable"), "no anchoring")
            self.assertIn("is gone", root.host.status()["anchoring"]["reason"])
            self.assertNotEqual(root.host.stele("anchor").returncode, OK)
            root.end_daemon()
            done = self.provision(root)
            self.assertNotEqual(done.returncode, OK, done.stdout)
            self.assertEqual(History(root.host.data).seq, before.seq)
            root.expect("verified", freshness="unknown")  # what was sealed stays sealed

    def test_a_new_log_of_the_same_name_is_another_one(self):
        with Root("b") as root:
            self.cleared(root)
            self.provision_again(root)
            root.host.start_daemon()
            root.host.append(b"as if nothing had been\n")
            root.host.anchor()
            root.expect("tampered", defect="genesis_mismatch", integrity="fail")
            root.challenge("tampered", root.ask_daemon, defect="genesis_mismatch", integrity="fail")
            root.end_daemon()

    def test_the_new_key_answers_and_anchors_for_nothing_of_the_old_log(self):
        with Root("b", end="kill") as root:
            old = self.cleared(root)
            new = self.provision_again(root)
            with Hand(root.host.tpm.port, new) as hand:
                history = History(old)
                path = history.write(root.new_folder("old"))
                root.challenge("tampered", lambda nonce: history.answer(hand, nonce), path=path, platform="fail",
                               defect="signer_mismatch")
                history.boot(hand)
                history.append(b"anchored by another key")
                history.anchor(hand)
                root.expect("tampered", path=history.write(root.new_folder("continued")), platform="fail",
                            defect="signer_mismatch")

    def test_in_mode_a_the_tpm_refuses(self):
        with Root("a") as root:
            self.assertEqual(root.tool("tpm2_changeauth", "-c", "p", "firmware's").returncode, 0)
            for hierarchy in "lp":
                self.assertNotEqual(root.tool("tpm2_clear", "-c", hierarchy).returncode, 0)
            root.host.start_daemon()
            root.challenge("verified", root.ask_daemon, freshness="pass", platform="unknown")


if __name__ == "__main__":
    unittest.main(verbosity=2)
