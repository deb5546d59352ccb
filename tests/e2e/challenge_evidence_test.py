"""Goal: one visit judges all that an auditor has rules for: the quorum of witnesses and what booted; a head of another
history, a cosignature that is forged and a boot log that was altered never pass, and what only came late never alarms.
Method: a real daemon with witnesses of our own, a swtpm booted as a real machine's event log says; the host's files and
the evidence itself edited. The boot logs need STELE_VECTORS."""
import base64
import hashlib
import json
import os
import pathlib
import struct
import unittest

from boot_policy_test import NO_ACTION, VECTORS, events, measurements
from http_host import HttpHost
from sealed_seed import unseal
from stele_host import BIN, MALFORMED, NO_INPUT, OK, TAMPERED, UNDETERMINED, run, wait_until
from tlog_witness import Key, Witness, signed_note

LOG, END = 8, 9  # kinds of parts of an evidence bundle


def parts(evidence):
    """(kind, payload) of each part, and where it begins."""
    at = 10
    while at < len(evidence):
        kind, length = struct.unpack_from(">BI", evidence, at)
        yield kind, evidence[at + 5:at + 5 + length], at
        at += 5 + length


def ended(front):
    """The evidence with an end that fits: whoever forges computes it."""
    return front + struct.pack(">BI", END, 32) + hashlib.sha256(b"stele/v1/evidence\0" + front).digest()


class Bed(unittest.TestCase):
    def setUp(self):
        self.host = HttpHost("b")
        self.addCleanup(self.host.close)

    def witnessed(self, count=2, extra=""):
        """Provisioned, with witnesses; their policy, all of them needed."""
        host = self.host
        host.provision(extra=extra)
        self.key = host.stele("trust", "--checkpoint-key", expect=OK).stdout.decode().strip()
        self.witnesses = [Witness(self.key, bytes([65 + i]) * 32, f"witness.example/w{i}") for i in range(count)]
        for one in self.witnesses:
            self.addCleanup(one.close)
        tables = "".join(f'[[witness]]\nurl = "{w.url}"\nkey = "{w.vkey}"\ninterval = "1s"\n' for w in self.witnesses)
        host.write_config(extra=extra + tables)
        self.policy = host.folder / "policy"
        self.policy.write_text(f"log {self.key}\n" +
                               "".join(f"witness w{i} {w.vkey}\n" for i, w in enumerate(self.witnesses)) +
                               "group g all " + " ".join(f"w{i}" for i in range(count)) + "\nquorum g\n")

    def seen_by_all(self, index):
        def through():
            return [p["through"] for p in self.host.status()["outward"] if p["kind"] == "witness"]
        wait_until(lambda: min(through()) > index, f"witnesses saw record {index}")

    def url(self, over):
        return f"unix:{self.host.folder / 'http.sock' if over == 'http' else self.host.control}"

    def challenge(self, *arguments, over="http", trust=None, policy=True):
        done = run(BIN / "stele", "challenge", self.url(over), "--trust", trust or self.host.trust(), "-o", "json",
                   *(("--policy", self.policy) if policy else ()), *arguments)
        self.assertTrue(done.stdout, done.stderr)
        report = json.loads(done.stdout)
        report["exit"] = done.returncode
        report["faults"] = [d["fault"] for d in report["defects"]]
        report["names"] = [f["finding"] for f in report["findings"]]
        return report


class Witnessed(Bed):
    def setUp(self):
        super().setUp()
        self.witnessed()
        self.host.start_daemon()
        self.seen_by_all(max(self.host.append(b"one\ntwo\n")))

    def test_the_quorum_is_judged_at_the_first_visit_and_at_each_later_one(self):
        memory = self.host.folder / "memory"
        for over in ("http", "control", "http"):
            report = self.challenge("--memory", memory, over=over)
            self.assertEqual((report["exit"], report["conclusion"], report["freshness"]), (OK, "verified", "pass"), report)
            self.assertEqual(report["witness"]["quorum"], "reached")
            self.assertNotIn("cosigned_head_not_compared", report["names"])
            self.seen_by_all(max(self.host.append(b"more\n")))
        # Nobody signed anything since: what was signed before still counts, and nobody is alarmed.
        for one in self.witnesses:
            one.fault = "offline"
        for _ in range(2):
            report = self.challenge("--memory", memory)
            self.assertEqual((report["exit"], report["witness"]["quorum"]), (OK, "reached"), report)
        self.assertNotIn("witness", self.challenge(policy=False))

    def test_a_head_of_another_history_is_found_at_the_visit(self):
        """By the keys of the log and of a witness: two histories were shown."""
        key = Key(unseal(self.host))
        text = f"{self.host.origin}\n3\n{base64.b64encode(bytes(32)).decode()}\n"
        forged = signed_note(self.host.origin, key, text) + self.witnesses[0].cosignature(text)
        for one in self.witnesses:
            one.fault = "offline"  # the file stays as it is written now
        (self.host.data / "cosignatures").write_text("stele-cosignatures 1\n\n" + forged)
        report = self.challenge()
        self.assertEqual((report["exit"], report["faults"][0]), (TAMPERED, "cosigned_head_mismatch"), report)

    def test_a_forged_cosignature_is_believed_nothing(self):
        for one in self.witnesses:
            one.fault = "offline"
        path = self.host.data / "cosignatures"
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if line.startswith("— witness.example/w0 "):
                head, _, encoded = line.rpartition(" ")
                signature = bytearray(base64.b64decode(encoded))
                signature[-1] ^= 1
                lines[number] = f"{head} {base64.b64encode(signature).decode()}"
        path.write_text("\n".join(lines) + "\n")
        report = self.challenge()
        self.assertEqual((report["exit"], report["faults"]), (UNDETERMINED, ["quorum_not_reached"]), report)
        self.assertIn("cosignature_invalid", report["names"])
        # Without a file, or with one that is none, the same: nothing is claimed, nobody is accused.
        for text in ("noise\n", None):
            path.write_text(text) if text else path.unlink()
            report = self.challenge()
            self.assertEqual((report["exit"], report["faults"]), (UNDETERMINED, ["quorum_not_reached"]), report)

    def test_the_policy_is_the_auditors_own_and_kept_with_the_evidence(self):
        kept = self.host.folder / "kept"
        self.challenge("--save", kept)
        folder, = kept.iterdir()
        self.assertEqual((folder / "policy").read_bytes(), self.policy.read_bytes())
        done = run(BIN / "stele-verify", folder / "evidence", "--trust", folder / "trust", "--policy", folder / "policy",
                   "--nonce", (folder / "nonce").read_text().strip(), "-o", "json")
        self.assertEqual(done.returncode, OK, done.stdout)
        self.assertEqual(json.loads(done.stdout)["witness"]["quorum"], "reached")
        for text, code in (("quorum nobody\n", MALFORMED), (None, NO_INPUT)):
            policy = self.host.folder / "unusable"
            policy.write_text(text) if text else policy.unlink()
            done = run(BIN / "stele", "challenge", self.url("http"), "--trust", self.host.trust(), "--policy", policy)
            self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
            self.assertIn(b"unusable", done.stderr)


@unittest.skipUnless(VECTORS, "STELE_VECTORS is not set: no boot logs of real machines")
class Booted(Bed):
    def setUp(self):
        super().setUp()
        host, vectors = self.host, pathlib.Path(VECTORS, "tpm", "eventlogs")
        self.good = (vectors / "go-tpm-tools" / "ubuntu-2104-no-secure-boot.bin").read_bytes()
        files = base64.b64decode((vectors / "tpm2-tss" / "sml-ima-ng-sha1.b64").read_text())
        (host.folder / "event_log").write_bytes(self.good)
        (host.folder / "ima_list").write_bytes(files)
        host.tpm.start()
        steps = [f"{pcr}:sha256={self.good[at:at + 32].hex()}" for pcr, kind, at in events(self.good) if kind != NO_ACTION]
        steps += [f"10:sha256={digest.hex()}" for digest in measurements(files)]
        for first in range(0, len(steps), 20):
            done = run("tpm2_pcrextend", "-T", host.tpm.tcti, *steps[first:first + 20])
            self.assertEqual(done.returncode, 0, done.stderr)
        self.witnessed(1, f'[boot]\nevent_log = "{host.folder}/event_log"\nima_list = "{host.folder}/ima_list"\n')
        host.start_daemon()
        self.seen_by_all(max(host.append(b"one\n")))
        host.anchor()
        self.pinned = host.folder / "pinned"
        host.stele("trust", "-o", self.pinned, expect=OK)
        for kind in ("digests", "ima"):
            host.stele("trust", "--trust", self.pinned, "--boot-policy", kind, "-o", self.pinned, expect=OK)

    def saved(self, *arguments, trust=None):
        kept = self.host.folder / f"kept-{os.urandom(4).hex()}"
        report = self.challenge("--save", kept, *arguments, trust=trust)
        folder, = kept.iterdir()
        return report, folder

    def judged_again(self, folder, evidence):
        path = self.host.folder / "altered"
        path.write_bytes(evidence)
        done = run(BIN / "stele-verify", path, "--trust", folder / "trust", "--policy", folder / "policy", "--nonce",
                   (folder / "nonce").read_text().strip(), "-o", "json")
        return done.returncode, json.loads(done.stdout)

    def test_one_visit_judges_boot_and_witnesses(self):
        memory = self.host.folder / "memory"
        report, folder = self.saved("--memory", memory, trust=self.pinned)
        self.assertEqual((report["exit"], report["platform"], report["witness"]["quorum"]), (OK, "pass", "reached"), report)
        self.assertEqual(report["boots"]["approved"], report["boots"]["starts"])
        logs = [payload for kind, payload, _ in parts((folder / "evidence").read_bytes()) if kind == LOG]
        self.assertEqual(logs[0], self.good)
        # A restart in the same boot is one more quote of it, and judged at the next visit by what is new.
        self.host.stop_daemon()
        self.host.start_daemon()
        self.host.append(b"two\n")
        report, folder = self.saved("--memory", memory, trust=self.pinned)
        self.assertEqual((report["exit"], report["platform"]), (OK, "pass"), report)
        # Who has no rules for digests is not sent them.
        _, folder = self.saved()
        self.assertNotIn(LOG, [kind for kind, _, _ in parts((folder / "evidence").read_bytes())])

    def test_an_altered_boot_log_never_passes(self):
        self.challenge(trust=self.pinned)
        _, folder = self.saved(trust=self.pinned)
        evidence = (folder / "evidence").read_bytes()
        (_, log, at), *_ = [part for part in parts(evidence) if part[0] == LOG]
        end = [at for kind, _, at in parts(evidence) if kind == END][0]
        code, report = self.judged_again(folder, ended(evidence[:end]))
        self.assertEqual((code, report["platform"]), (OK, "pass"), "put together anew it is what it was")
        altered = bytearray(evidence[:end])
        altered[at + 5 + len(log) // 2] ^= 1
        code, report = self.judged_again(folder, ended(bytes(altered)))
        self.assertEqual((code, report["defects"][0]["fault"]), (TAMPERED, "bundle_mismatch"), report)
        # Left out it is unknown, and never a pass.
        code, report = self.judged_again(folder, ended(evidence[:at] + evidence[at + 5 + len(log):end]))
        self.assertEqual((code, report["platform"]), (OK, "unknown"), report)
        # Altered where the daemon keeps it: it is not what its name says, and not handed out.
        kept = self.host.data / "boot" / hashlib.sha256(self.good).hexdigest()
        kept.write_bytes(self.good[:-1] + bytes([self.good[-1] ^ 1]))
        report, folder = self.saved(trust=self.pinned)
        self.assertEqual((report["exit"], report["platform"]), (OK, "unknown"), report)
        self.assertNotIn(self.good, [payload for _, payload, _ in parts((folder / "evidence").read_bytes())])
        kept.write_bytes(self.good)
        self.assertEqual(self.challenge(trust=self.pinned)["platform"], "pass")

    def test_a_log_beyond_what_one_answer_holds_is_left_to_the_bundle(self):
        """16 MiB of a log; what is not handed out is not judged, and nothing else is held up."""
        long = (self.host.folder / "ima_list").read_bytes() + bytes(17 << 20)
        trust = self.host.folder / "log-alone"
        self.host.stele("trust", "-o", trust, expect=OK)
        self.host.stele("trust", "--trust", trust, "--boot-policy", "digests", "-o", trust, expect=OK)
        self.host.stop_daemon()
        (self.host.folder / "ima_list").write_bytes(long)
        self.host.start_daemon()
        self.host.append(b"two\n")
        self.host.anchor()
        report, folder = self.saved(trust=trust)
        self.assertEqual((report["exit"], report["platform"]), (OK, "pass"), report)
        given = [payload for kind, payload, _ in parts((folder / "evidence").read_bytes()) if kind == LOG]
        self.assertIn(self.good, given)
        self.assertNotIn(long, given)
        bundle = self.host.folder / "bundle"
        self.host.stele("bundle", "--no-records", "--boot-logs", "-o", bundle, expect=OK)
        self.assertIn(long, [payload for kind, payload, _ in parts(bundle.read_bytes()) if kind == LOG])


if __name__ == "__main__":
    unittest.main(verbosity=2)
