"""Goal: what we hand out can be checked without us. Method: an exported anchor goes to tpm2_checkquote and
openssl, a proof to stele-verify in a folder of its own; each also with a bit changed, which must fail."""
import hashlib
import json
import subprocess
import unittest

from stele_host import BIN, MALFORMED, NO_INPUT, OK, TAMPERED, TEMPORARY, Host, flipped, run

EVENTS = [b"event %d, whose proof is handed out" % i for i in range(300)]


class Outside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.close)
        cls.host.provision()
        cls.host.start_daemon()
        cls.indices = cls.host.append(b"\n".join(EVENTS))
        cls.anchored = cls.host.anchor()
        cls.pinned = cls.host.trust()
        cls.exported = cls.host.folder / "exported"
        cls.host.stele("anchor", "export", cls.anchored["seq"], "-o", cls.exported, expect=OK)

    def checkquote(self, attest, signature):
        statement = (self.exported / "statement").read_bytes()
        digest = hashlib.sha256(b"stele/v1/anchor\0" + statement).hexdigest()
        return run("tpm2_checkquote", "-u", self.exported / "ak.pem", "-m", attest, "-s", signature, "-f",
                   self.exported / "pcrs", "-g", "sha256", "-q", digest, env={"PATH": "/usr/bin:/bin", "TPM2TOOLS_TCTI": "none"})

    def test_an_exported_quote_passes_tpm2_checkquote(self):
        attest, signature = self.exported / "attest", self.exported / "sig.tss"
        done = self.checkquote(attest, signature)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertNotEqual(self.checkquote(flipped(attest, -1), signature).returncode, OK)
        self.assertNotEqual(self.checkquote(attest, flipped(signature, -1)).returncode, OK)

    def openssl(self, attest, signature):
        return run("openssl", "dgst", "-sha256", "-verify", self.exported / "ak.pem", "-signature", signature, attest)

    def test_exported_signatures_pass_openssl(self):
        for part in ("", "audit."):  # the quote, the session that moved the counter
            attest, signature = self.exported / f"{part}attest", self.exported / f"{part}sig.der"
            done = self.openssl(attest, signature)
            self.assertEqual(done.returncode, OK, done.stderr)
            self.assertNotEqual(self.openssl(flipped(attest, -1), signature).returncode, OK)

    def test_the_exported_statement_is_that_of_the_anchor(self):
        statement = (self.exported / "statement").read_bytes()
        self.assertEqual(len(statement), 256)
        self.assertEqual(statement[:8], b"STELEAN1")
        self.assertEqual(int.from_bytes(statement[48:56], "big"), self.anchored["seq"])
        self.assertEqual(int.from_bytes(statement[72:80], "big"), self.anchored["tree_size"])

    def appraise(self, proof, *arguments):
        done = run(BIN / "stele-verify", proof, "--trust", self.pinned, "-o", "json", *arguments, cwd=self.host.folder)
        # 65: these bytes do not even begin like a proof; then there is nothing to report on.
        return done.returncode, "refused" if done.returncode == MALFORMED else json.loads(done.stdout)["conclusion"]

    def test_a_proof_is_small_and_verifies_without_the_host(self):
        for number in (0, len(EVENTS) // 2, len(EVENTS) - 1):
            proof = self.host.folder / f"{number}.proof"
            self.host.stele("prove", self.indices[number], "-o", proof, expect=OK)
            self.assertLessEqual(proof.stat().st_size, 2048)
            self.assertNotIn(EVENTS[number], proof.read_bytes())
            self.assertEqual(self.appraise(proof), (OK, "verified"))

    def test_a_proof_can_be_waited_for_and_the_waiting_ends(self):
        index, = self.host.append(b"not sealed yet")
        proof = self.host.folder / "waited.proof"
        self.assertEqual(self.host.stele("prove", index, "-o", proof).returncode, TEMPORARY)
        self.assertEqual(self.host.stele("prove", index, "-o", proof, "--wait", "--at-most", 1).returncode, TEMPORARY)
        self.assertEqual(self.host.stele("prove", index + 1000, "-o", proof, "--wait").returncode, NO_INPUT)
        self.assertFalse(proof.exists())
        waiting = subprocess.Popen([BIN / "stele", "prove", str(index), "-o", proof, "--wait", "--config", self.host.config])
        self.host.anchor()
        self.assertEqual(waiting.wait(60), OK)
        self.assertEqual(self.appraise(proof), (OK, "verified"))

    def test_a_proof_with_its_content_holds_and_changed_anywhere_it_does_not(self):
        proof = self.host.folder / "content.proof"
        self.host.stele("prove", self.indices[7], "--content", "-o", proof, expect=OK)
        data = proof.read_bytes()
        self.assertIn(EVENTS[7], data)
        self.assertEqual(self.appraise(proof), (OK, "verified"))
        for at in range(0, len(data), 41):
            self.assertNotEqual(self.appraise(flipped(proof, at))[1], "verified", f"byte {at}")
        self.assertEqual(self.appraise(flipped(proof, data.index(EVENTS[7]))), (TAMPERED, "tampered"))


class WithoutADaemon(unittest.TestCase):
    def test_proofs_and_exports_come_from_the_files_alone(self):
        with Host(mode="b") as host:
            host.provision()
            host.start_daemon()
            index, = host.append(b"only one\n")
            for _ in range(3):
                host.anchor()
            host.stop_daemon()
            proof = host.folder / "proof"
            host.stele("prove", index, "--content", "-o", proof, expect=OK)
            report = host.verify(path=proof)
            self.assertEqual((report["conclusion"], report["exit"]), ("verified", OK), report)
            host.stele("anchor", "export", 1, "-o", host.folder / "exported", expect=OK)
            self.assertEqual(host.stele("show", index, "--raw", expect=OK).stdout, b"only one")
            host.stele("look-up", "rebuild", expect=OK)


if __name__ == "__main__":
    unittest.main(verbosity=2)
