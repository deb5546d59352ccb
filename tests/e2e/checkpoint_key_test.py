"""Goal: the key that signs a log's checkpoints is in the TPM alone: made by provision, given by `stele trust`, taken
away by deprovision; a log from before it gets one when it is provisioned again.
Method: the commands against a software TPM; the TPM's own list of objects; the seed, which tpm2_unseal reads with the
authValue that follows from DIR/secrets, searched for in every file of the host."""
import hashlib
import unittest

from sealed_seed import HANDLE, unseal
from stele_host import CONFIGURATION, NO_INPUT, OK, Host, run


class CheckpointKey(unittest.TestCase):
    def make(self, mode):
        host = Host(mode)
        self.addCleanup(host.close)
        host.provision()
        return host

    def persistent(self, host):
        return run("tpm2_getcap", "-T", host.tpm.tcti, "handles-persistent").stdout.decode()

    def key(self, host):
        return host.stele("trust", "--checkpoint-key", expect=OK).stdout.decode()

    def provision_again(self, host, *arguments):
        return host.stele("provision", "--tcti", host.tpm.tcti, "--origin", host.origin, "--mode", host.mode, *arguments)

    def remove_as_if_older(self, host):
        """The log as a version without this key left it."""
        gone = run("tpm2_evictcontrol", "-T", host.tpm.tcti, "-C", "o", "-c", HANDLE)
        self.assertEqual(gone.returncode, OK, gone.stderr)
        (host.data / "checkpoint.vkey").unlink()
        (host.data / "witness.vkey").unlink()

    def test_the_seed_is_in_the_tpm_and_in_no_file(self):
        host = self.make("a")
        seed = unseal(host)
        self.assertEqual(len(seed), 32)
        host.start_daemon()
        host.append(b"an event\n")
        host.anchor()
        host.stop_daemon()
        for path in host.folder.rglob("*"):
            if path.is_file() and host.tpm.state not in path.parents:
                data = path.read_bytes()
                self.assertNotIn(seed, data, path)
                self.assertNotIn(seed.hex().encode(), data, path)
        self.assertEqual(host.verify()["conclusion"], "verified")

    def test_openssl_makes_the_same_verifier_key_of_the_seed(self):
        host = self.make("b")
        pem = host.folder / "key.der"  # PKCS #8 of an Ed25519 seed: RFC 8410, section 7
        pem.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + unseal(host))
        public = run("openssl", "pkey", "-inform", "DER", "-in", pem, "-pubout", "-outform", "DER").stdout[-32:]
        pem.unlink()
        key_hash = hashlib.sha256(host.origin.encode() + b"\n\x01" + public).digest()[:4].hex()
        name, given_hash, _ = self.key(host).split("+", 2)
        self.assertEqual((name, given_hash), (host.origin, key_hash))

    def test_deprovision_takes_it_away(self):
        host = self.make("b")
        self.assertIn(HANDLE, self.persistent(host))
        host.stele("deprovision", "--yes", "--purge", expect=OK)
        self.assertNotIn("0x8100535", self.persistent(host))
        self.assertFalse(host.data.exists())

    def test_an_older_log_gets_one_when_it_is_provisioned_again(self):
        host = self.make("b")
        self.remove_as_if_older(host)
        missing = host.stele("trust", "--checkpoint-key")
        self.assertEqual(missing.returncode, NO_INPUT)
        self.assertIn(b"stele provision", missing.stderr)
        host.start_daemon()
        self.assertIn("none are given out", host.daemon_words())
        host.stop_daemon()
        self.assertEqual(self.provision_again(host).returncode, OK)
        self.assertIn(host.origin, self.key(host))
        host.start_daemon()
        host.append(b"goes on\n")
        host.stop_daemon()
        self.assertEqual(host.verify()["conclusion"], "verified")

    def test_what_a_stranger_put_there_is_neither_taken_nor_removed(self):
        host = self.make("b")
        self.remove_as_if_older(host)
        made = run("tpm2_createprimary", "-T", host.tpm.tcti, "-C", "o", "-c", host.folder / "squatter.ctx")
        self.assertEqual(made.returncode, OK, made.stderr)
        put = run("tpm2_evictcontrol", "-T", host.tpm.tcti, "-C", "o", "-c", host.folder / "squatter.ctx", HANDLE)
        self.assertEqual(put.returncode, OK, put.stderr)
        self.assertEqual(run("tpm2_flushcontext", "-T", host.tpm.tcti, "-t").returncode, OK)
        again = self.provision_again(host)
        self.assertEqual(again.returncode, CONFIGURATION)
        self.assertIn(b"0x81005355", again.stderr)
        host.start_daemon()  # anchors all the same
        host.append(b"an event\n")
        host.stop_daemon()
        self.assertEqual(host.verify()["conclusion"], "verified")
        host.stele("deprovision", "--yes", expect=OK)
        self.assertIn(HANDLE, self.persistent(host))


if __name__ == "__main__":
    unittest.main(verbosity=2)
