"""Goal: whichever side dies at whichever step, run again both come to their end, and nobody is ever locked out by a
secret that is not kept. Method: failpoints kill the auditor's command or the host's at each step; before each next
attempt the TPM is asked: if it is locked, then with what the auditor's file holds."""
import os
import unittest

from lock_host import Between, LockHost
from stele_host import BIN, OK, PATIENCE

AUDITOR = ["keep.before_rename:1", "keep.done:1", "lock.secrets", "lock.owner", "lock.lockout", "lock.clear",
           "lock.read_back", "lock.kept", "keep.before_rename:2"]
HOST = ["relay.locked", "keep.before_rename", "relay.kept"]  # and around every command


def kill(failpoint):
    name, _, count = failpoint.partition(":")
    return f"{name}=kill:{count or 1}"


@unittest.skipUnless(b"STELE_FAILPOINT" in (BIN / "stele").read_bytes(), "built without failpoints")
class Kill(unittest.TestCase):
    def setUp(self):
        self.host = LockHost()
        self.addCleanup(self.host.close)
        self.host.start_relay()
        self.host.end_relay()
        self.host.keep_copy("pending")

    def is_open(self):
        define = ("tpm2_nvdefine", "0x018053fd", "-C", "o", "-s", "8")
        if not self.host.root(*define):
            return False
        return self.host.root("tpm2_nvundefine", "0x018053fd", "-C", "o")

    def nobody_is_locked_out(self, what):
        host = self.host
        host.tpm.start()
        if not self.is_open():
            self.assertTrue(host.secrets.exists(), f"{what}: locked with secrets that nobody keeps")
            self.assertTrue(host.is_locked_with(host.kept_secrets()[0]), what)

    def finish(self, what):
        """Both run again, to the end; then once more the log is whole and runs."""
        host = self.host
        host.end_relay()
        self.nobody_is_locked_out(what)
        host.start_relay()
        done = host.lock()
        self.assertEqual(done.returncode, OK, (what, done.stderr))
        host.relay_ends()
        self.assertTrue(host.is_locked_with(host.kept_secrets()[0]), what)
        self.assertFalse(self.is_open(), what)
        self.assertIn("locked_from outside", host.pinned.read_text())
        self.assertTrue((host.data / "trust").exists(), what)

    def test_the_auditor_dies_at_each_step(self):
        for failpoint in AUDITOR:
            with self.subTest(failpoint=failpoint):
                self.host.put_back("pending")
                self.host.start_relay()
                done = self.host.lock(failpoint=kill(failpoint))
                self.assertEqual(done.returncode, -9, (failpoint, done.stderr))
                self.finish(failpoint)

    def test_the_host_dies_at_each_step(self):
        host = self.host
        host.start_relay()
        between = Between(host.between, host.socket)
        self.assertEqual(host.lock(host.between).returncode, OK)
        host.relay_ends()
        between.join(PATIENCE)
        commands = len([m for m in between.passed["down"] if m[0] == 2])
        self.assertGreater(commands, 15)
        steps = HOST + [f"relay.{moment}_command:{n}" for n in range(1, commands + 1) for moment in ("before", "after")]
        for failpoint in steps:
            with self.subTest(failpoint=failpoint):
                host.put_back("pending")
                host.start_relay(failpoint=kill(failpoint))
                done = host.lock()
                self.assertNotEqual(host.relay.wait(PATIENCE), OK, failpoint)
                # The last command's answer is of a session flushed: the auditor may be done without it.
                if done.returncode == OK:
                    self.assertIn(failpoint, ("relay.kept",))
                self.finish(failpoint)

    def test_a_power_cut_in_the_middle(self):
        host = self.host
        for failpoint in ("lock.owner", "lock.lockout"):
            with self.subTest(failpoint=failpoint):
                host.put_back("pending")
                host.start_relay()
                self.assertEqual(host.lock(failpoint=kill(failpoint)).returncode, -9)
                host.end_relay()
                host.tpm.process.kill()
                host.tpm.process.wait()
                self.finish(failpoint)


if __name__ == "__main__":
    unittest.main(verbosity=2)
