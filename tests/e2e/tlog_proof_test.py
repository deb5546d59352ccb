"""Goal: a record's place goes out as a C2SP tlog-proof that others' tools can check, and with the TPM's receipt in its
extra line stele-verify says of it what it says of a proof of our own, and of its checkpoint exactly what was checked.
Method: real binaries and a software TPM; a reader written from the specifications alone; each line exchanged, bent, cut
or added, with the twin that must not alarm; a witness of the tests' own."""
import base64
import json
import subprocess
import unittest

from http_host import HttpHost
from sealed_seed import HANDLE
from stele_host import (BIN, CANNOT_CREATE, MALFORMED, NO_INPUT, OK, TAMPERED, TEMPORARY, UNAVAILABLE, UNDETERMINED,
                        USAGE, Host, run, wait_until)
from tlog_proof_reader import Refused, TlogProof
from tlog_witness import Witness

MAX_BYTES = 3072


def extra_of(text):
    return text.split("\n")[1]


class Bed(unittest.TestCase):
    def make(self, kind=Host, mode="a", **options):
        host = kind(mode)
        self.addCleanup(host.close)
        host.provision(**options)
        return host

    def prove(self, host, index, *arguments, expect=OK):
        path = host.folder / f"{index}.tlog-proof"
        path.unlink(missing_ok=True)
        done = host.stele("prove", index, "--format", "tlog-proof", "-o", path, *arguments, expect=expect)
        return path.read_text() if expect == OK else done.stderr.decode()

    def key_file(self, host):
        path = host.folder / "checkpoint.key"
        host.stele("trust", "--checkpoint-key", "-o", path, expect=OK)
        return path

    def judge(self, host, text, *arguments, trust=True):
        path = host.folder / "judged.tlog-proof"
        path.write_text(text)
        pinned = ["--trust", host.pinned] if trust else []
        done = run(BIN / "stele-verify", path, "-o", "json", *pinned, *arguments)
        report = json.loads(done.stdout) if done.stdout else {"conclusion": "refused", "defects": []}
        report["exit"], report["said"] = done.returncode, done.stderr.decode()
        report["faults"] = [defect["fault"] for defect in report["defects"]]
        return report

    def shown(self, host, index):
        text = host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.decode()
        return next(r for r in map(json.loads, text.splitlines()) if r["index"] == index)


class OneLog(Bed):
    @classmethod
    def setUpClass(cls):
        cls.host, cls.other = Host(), Host()
        for host in (cls.host, cls.other):
            cls.addClassCleanup(host.close)
            host.provision()
            host.start_daemon()
            host.indices = host.append(b"\n".join(b"event %d" % i for i in range(300)))
            host.anchor()
            host.pinned = host.trust()
        cls.index = cls.host.indices[7]
        cls.key = cls.key_file(cls, cls.host)
        cls.good = cls.prove(cls, cls.host, cls.index)

    def test_a_reader_of_the_specification_accepts_it_and_it_is_small(self):
        self.assertLessEqual(len(self.good), MAX_BYTES)
        proof = TlogProof(self.good.encode())
        entry = bytes.fromhex(self.shown(self.host, self.index)["leaf"])
        proof.check(entry, self.host.origin, self.key.read_text().strip())
        self.assertEqual((proof.index, proof.size >= 300), (self.index, True))
        self.assertTrue(proof.extra)
        for other in (bytes([entry[0] ^ 1]) + entry[1:], b""):
            self.assertRaises(Refused, proof.check, other, self.host.origin, self.key.read_text().strip())
        self.assertRaises(Refused, proof.check, entry, self.host.origin, self.key_file(self.other).read_text().strip())

    def test_it_is_verified_as_a_proof_is_and_says_what_its_checkpoint_was_checked_for(self):
        leaf = self.shown(self.host, self.index)["leaf_hash"]
        for arguments, signature in (([], "not_checked"), (["--log-key", self.key], "verified"),
                                     (["--log-key", self.key, "--leaf-hash", leaf], "verified")):
            report = self.judge(self.host, self.good, *arguments)
            self.assertEqual((report["conclusion"], report["exit"]), ("verified", OK), report)
            self.assertEqual(report["what"], "tlog-proof")
            self.assertEqual(report["coverage"]["counter_anchored"], 1)
            self.assertEqual(report["checkpoint"]["record"], "included")
            self.assertEqual((report["checkpoint"]["index"], report["checkpoint"]["signature"]), (self.index, signature))
        text = run(BIN / "stele-verify", self.host.folder / "judged.tlog-proof", "--trust", self.host.pinned, "--log-key",
                   self.key).stdout.decode()
        self.assertIn("which root of its host can use", text)
        self.assertTrue(text.splitlines()[-2].endswith("verified"), text)
        alone = self.judge(self.host, self.good, trust=False)
        self.assertEqual((alone["exit"], "no_trust_file" in alone["faults"]), (UNDETERMINED, True), alone)
        # The same record's proof in our own form: the same head, and the same question may be asked of it.
        newest = TlogProof(self.prove(self.host, self.index).encode())
        own = self.host.folder / "own.proof"
        self.host.stele("prove", self.index, "-o", own, expect=OK)
        report = self.host.verify("--leaf-hash", leaf, path=own, trust=self.host.pinned)
        self.assertEqual((report["exit"], report["log"]["size"]), (OK, newest.size))

    def test_with_its_content_too_as_far_as_it_fits(self):
        text = self.prove(self.host, self.index, "--content")
        self.assertIn(b"event 7", base64.b64decode(extra_of(text).split(" ")[1]))
        self.assertEqual(self.judge(self.host, text, "--log-key", self.key)["exit"], OK)
        long, = self.host.append(b"x" * 4000)
        self.host.anchor()
        said = self.prove(self.host, long, "--content", expect=CANNOT_CREATE)
        self.assertIn("3072 bytes", said)
        self.assertEqual(self.judge(self.host, self.prove(self.host, long))["exit"], OK)

    def test_what_was_exchanged_bent_added_or_cut_is_never_verified(self):
        lines = self.good.split("\n")
        blank = lines.index("")
        sibling = self.prove(self.host, self.host.indices[8])
        foreign = self.prove(self.other, self.other.indices[7])
        root = blank + 3

        def with_line(at, line):
            return "\n".join(lines[:at] + [line] + lines[at + 1:])
        attacks = {
            "the receipt of another record": with_line(1, extra_of(sibling)),
            "the receipt of another log": with_line(1, extra_of(foreign)),
            "another log's proof": foreign,
            "another index": with_line(2, f"index {self.index + 1}"),
            "another origin": with_line(blank + 1, "other.example/log"),
            "another size": with_line(blank + 2, str(int(lines[blank + 2]) + 1)),
            "another root": with_line(root, lines[3]),
            "another hash in the path": with_line(3, lines[4]),
            "a hash less": "\n".join(lines[:3] + lines[4:]),
            "a hash more": "\n".join(lines[:4] + lines[3:]),
            "a line more behind the root": "\n".join(lines[:root + 1] + ["said by nobody"] + lines[root + 1:]),
            "a second extra line": "\n".join(lines[:2] + lines[1:]),
            "no index": "\n".join(lines[:2] + lines[3:]),
            "a carriage return": self.good.replace("\n", "\r\n"),
            "text behind": self.good + "behind\n",
            "too long": self.good[:-1] + "A" * 300_000 + "\n",
        }
        for what, text in attacks.items():
            for arguments in ([], ["--log-key", self.key]):
                report = self.judge(self.host, text, *arguments)
                self.assertIn(report["exit"], (TAMPERED, UNDETERMINED, MALFORMED), what)
                soft = what == "a line more behind the root" and not arguments
                self.assertEqual(report["conclusion"], "undetermined" if soft else
                                 "refused" if what == "a carriage return" else "tampered", (what, report))
        for at in range(0, len(self.good.encode()) - 1, 97):
            cut = self.good.encode()[:at].decode(errors="replace")
            self.assertIn(self.judge(self.host, cut)["exit"], (TAMPERED, MALFORMED), at)
        # The twin: who adds a cosignature of a key that nobody asked about changes nothing.
        added = self.good + "— witness.example/w " + base64.b64encode(bytes(76)).decode() + "\n"
        self.assertEqual(self.judge(self.host, added, "--log-key", self.key)["exit"], OK)

    def test_a_key_that_did_not_sign_tells_nothing_and_one_that_signed_wrongly_accuses(self):
        report = self.judge(self.host, self.good, "--log-key", self.key_file(self.other))
        self.assertEqual((report["exit"], report["faults"]), (UNDETERMINED, ["checkpoint_unsigned"]), report)
        self.assertEqual(report["checkpoint"]["signature"], "unknown_key")
        head, _, signature = self.good.rstrip("\n").rpartition(" ")
        bent = bytearray(base64.b64decode(signature))
        bent[-1] ^= 1
        report = self.judge(self.host, f"{head} {base64.b64encode(bent).decode()}\n", "--log-key", self.key)
        self.assertEqual((report["exit"], report["faults"]), (TAMPERED, ["signature_invalid"]))
        wrong = self.judge(self.host, self.good, "--leaf-hash", "00" * 32)
        self.assertEqual((wrong["exit"], wrong["faults"]), (TAMPERED, ["proof_mismatch"]))

    def test_without_its_receipt_it_is_the_word_of_whoever_has_the_key(self):
        lines = self.good.split("\n")
        bare = "\n".join(lines[:1] + lines[2:])
        TlogProof(bare.encode()).check(bytes.fromhex(self.shown(self.host, self.index)["leaf"]), self.host.origin,
                                       self.key.read_text().strip())
        leaf = self.shown(self.host, self.index)["leaf_hash"]
        for arguments, record in (([], "not_shown"), (["--leaf-hash", leaf], "included")):
            report = self.judge(self.host, bare, "--log-key", self.key, *arguments)
            self.assertEqual((report["exit"], report["faults"]), (UNDETERMINED, ["no_anchor"]), report)
            self.assertEqual(report["checkpoint"]["signature"], "verified")
            self.assertEqual(report["checkpoint"]["record"], record)
            self.assertEqual(report["coverage"]["counter_anchored"], 0)
        wrong = self.judge(self.host, bare, "--log-key", self.key, "--leaf-hash", "11" * 32)
        self.assertEqual((wrong["exit"], "proof_mismatch" in wrong["faults"]), (TAMPERED, True))

    def test_it_can_be_waited_for_as_a_proof_can(self):
        index, = self.host.append(b"not sealed yet")
        self.prove(self.host, index, expect=TEMPORARY)
        self.prove(self.host, index, "--wait", "--at-most", 1, expect=TEMPORARY)
        self.prove(self.host, index + 1000, "--wait", expect=NO_INPUT)
        path = self.host.folder / "waited"
        waiting = subprocess.Popen([BIN / "stele", "prove", str(index), "--format", "tlog-proof", "-o", path, "--wait",
                                    "--config", self.host.config])
        self.host.anchor()
        self.assertEqual(waiting.wait(60), OK)
        self.assertEqual(self.judge(self.host, path.read_text())["exit"], OK)

    def test_a_wrong_call_is_told_what_the_options_are_for(self):
        own = self.host.folder / "own.proof"
        self.host.stele("prove", self.index, "-o", own, expect=OK)
        for path, arguments in ((own, ["--log-key", self.key]), (self.host.data, ["--log-key", self.key]),
                                (self.host.data, ["--leaf-hash", "00" * 32]), (own, ["--leaf-hash", "00"])):
            done = run(BIN / "stele-verify", path, "--trust", self.host.pinned, *arguments)
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertTrue(b"tlog-proof" in done.stderr or b"64 hexadecimal" in done.stderr, done.stderr)
        done = run(BIN / "stele-verify", self.host.folder / "own.proof", "--log-key", self.host.pinned)
        self.assertEqual(done.returncode, MALFORMED)
        self.assertIn(b"stele trust --checkpoint-key", done.stderr)
        self.assertEqual(self.host.stele("prove", self.index, "--format", "pdf").returncode, USAGE)


class Elsewhere(Bed):
    def test_from_the_files_alone_it_stands_on_a_head_that_was_cosigned(self):
        host = self.make()
        key = host.stele("trust", "--checkpoint-key", expect=OK).stdout.decode().strip()
        witness = Witness(key, b"w" * 32, "witness.example/w")
        self.addCleanup(witness.close)
        host.start_daemon()
        index, = host.append(b"witnessed")
        host.anchor()
        host.stop_daemon()
        host.pinned = host.trust()
        said = self.prove(host, index, expect=UNAVAILABLE)
        self.assertIn("only the daemon can sign", said)
        host.write_config(extra=f'[[witness]]\nurl = "{witness.url}"\nkey = "{witness.vkey}"\ninterval = "1s"\n')
        host.start_daemon()
        wait_until(lambda: host.status()["outward"][0]["through"] > index, "the witness has seen the record")
        served = self.prove(host, index)
        host.stop_daemon()
        policy = host.folder / "policy"
        policy.write_text(f"log {key}\nwitness w {witness.vkey}\nquorum w\n")
        for text in (served, self.prove(host, index)):
            proof = TlogProof(text.encode())
            self.assertIsInstance(proof.by(witness.vkey), int)
            proof.check(bytes.fromhex(self.shown(host, index)["leaf"]), host.origin, key)
            # The cosignatures are in the file, the policy is the verifier's; its log line is a log key as well.
            report = self.judge(host, text, "--policy", policy)
            self.assertEqual((report["exit"], report["witness"]["quorum"]), (OK, "reached"), report)
            self.assertEqual(report["checkpoint"]["signature"], "verified")
            without = text[:text.index("— witness.example/w")]
            self.assertEqual(self.judge(host, without, "--policy", policy)["faults"], ["quorum_not_reached"])

    def test_a_log_without_a_checkpoint_key_says_so_and_proves_in_its_own_form(self):
        host = self.make(mode="b")
        gone = run("tpm2_evictcontrol", "-T", host.tpm.tcti, "-C", "o", "-c", HANDLE)
        self.assertEqual(gone.returncode, OK, gone.stderr)
        host.start_daemon()
        index, = host.append(b"an event")
        host.anchor()
        said = self.prove(host, index, expect=UNAVAILABLE)
        self.assertIn("stele provision", said)
        host.stele("prove", index, "-o", host.folder / "own.proof", expect=OK)

    def test_over_http_it_is_text(self):
        host = self.make(HttpHost, http='plain_roles = ["reader", "auditor"]')
        host.start_daemon()
        index, = host.append(b"asked for from afar")
        host.anchor()
        host.pinned = host.trust()
        path = f"/v1/events/{index}/proof?format=tlog-proof"
        status, body = host.curl(path)
        self.assertEqual(status, 200, body)
        self.assertEqual(self.judge(host, body.decode())["exit"], OK)
        status, body = host.curl(path + "&content=true")
        self.assertEqual((status, self.judge(host, body.decode())["exit"]), (200, OK))
        self.assertEqual(host.curl(f"/v1/events/{index}/proof?format=pdf")[0], 400)
        status, body = host.curl(f"/v1/events/{index}/proof?format=proof")
        self.assertEqual((status, body[:8]), (200, b"STELEPRF"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
