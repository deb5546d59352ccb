"""Goal: each way to lose a working host has a way back that is neither an alarm nor a loophole: a new era.
Method: real binaries and swtpm; a backup put back, a foreign writer, a cleared and a replaced TPM, a lost store,
a counter at the end of its wear. Each is verified with the auditor's approval and undetermined without; what an
attacker would make of the same commands is never verified."""
import base64
import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import unittest

from era_host import EraHost
from stele_host import BIN, CONFIGURATION, MALFORMED, OK, TAMPERED, UNDETERMINED, USAGE, content, run


class Eras(unittest.TestCase):
    def host(self, **options):
        host = EraHost(**options)
        self.addCleanup(host.close)
        host.begin_log()
        return host

    def check_both(self, host, signed, given_up):
        report = host.judge(signed)
        self.assertEqual((report["conclusion"], report["exit"]), ("verified", OK), report)
        names = [finding["finding"] for finding in report["findings"]]
        self.assertIn("era_change", names)
        self.assertEqual("era_given_up" in names, given_up, report)
        unapproved = host.verify()
        self.assertEqual((unapproved["conclusion"], unapproved["exit"]), ("undetermined", UNDETERMINED), unapproved)
        self.assertIn("era_not_approved", [defect["fault"] for defect in unapproved["defects"]])

    def test_end_of_wear_with_a_fresh_nonce_loses_nothing(self):
        host = self.host()
        host.visit()
        host.stop_daemon()
        nonce = secrets.token_hex(32)
        shown = host.stele("era", "begin", "--nonce", nonce)
        self.assertEqual(shown.returncode, USAGE)
        self.assertIn(b"its TPM confirms that end", shown.stdout)
        host.begin_era("--nonce", nonce)
        self.assertIn(b"nothing to do", host.begin_era().stdout, "asked again it does not begin a third era")
        host.live_on()
        done, _ = host.sign("--nonce", secrets.token_hex(32))
        self.assertEqual(done.returncode, UNDETERMINED, done.stderr)
        # Boot policies are the auditor's: theirs of the old era is kept, one in the request is not signed.
        host.stele("trust", "--trust", host.pinned, "--boot-policy", "record", "-o", host.pinned, expect=OK)
        request = host.folder / "with-policy"
        request.write_text(re.sub(r"stele-trust 1\n((?:.+\n)*?tpm_model.*\n)",
                                  r"stele-trust 2\n\1boot_policy rules\nboot_value 0 " + "00" * 32 + "\n",
                                  host.request().read_text(), count=1))
        self.assertIn("boot_value", request.read_text())
        done, signed = host.sign("--nonce", nonce, "--memory", host.memory, request=request)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(re.findall("(?m)^(?:stele-trust|boot_).*", signed.read_text()),
                         ["stele-trust 1", "stele-trust 2", "boot_policy record"])
        self.check_both(host, signed, given_up=False)
        # Every event of the first era is still there, provable and in the same places.
        self.assertEqual(host.events()[host.first[0]], b"one")
        for index in (host.first[0], max(host.events())):
            proof = host.folder / "proof"
            host.stele("prove", index, "--content", "-o", proof, expect=OK)
            self.assertEqual(host.verify("--auditor-key", host.public, path=proof, trust=signed)["exit"], OK)
        # A live answer, and the auditor's memory goes on.
        host.start_daemon()
        nonce = secrets.token_hex(32)
        host.stele("answer", "--nonce", nonce, "-o", host.folder / "answer", expect=OK)
        report = host.judge(signed, "--nonce", nonce, "--answer", host.folder / "answer", "--memory", host.memory)
        self.assertEqual((report["conclusion"], report["freshness"]), ("verified", "pass"), report)
        host.stop_daemon()
        host.stele("era", "finish", signed, "--auditor-key", host.public, expect=OK)
        host.stele("era", "finish", signed, "--auditor-key", host.public, expect=OK)  # changes nothing more
        host.start_daemon()
        self.check_on_record(host, signed)
        host.anchor()
        host.stop_daemon()
        self.assertEqual(host.judge(host.trust(), "--memory", host.memory)["exit"], OK)
        again = host.stele("provision", "--tcti", host.tpm.tcti, "--origin", host.origin, "--mode", "b", expect=OK)
        self.assertIn(b"already provisioned", again.stdout)
        # A third era finds the first one's handles free.
        host.pin("trust.1")
        host.begin_era()
        host.live_on()
        self.check_both(host, host.approve("--accept-lost", 0), given_up=False)

    def check_on_record(self, host, signed):
        """Who finished the era, once; who asks for an approval while a daemon runs; and when the era was begun."""
        host.stele("era", "request", "-o", host.folder / "asked-again", expect=OK)
        records = [json.loads(line) for line in host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()]
        texts = {r["index"]: json.loads(content(r)) for r in records if r["kind"] == "access"}
        digest = hashlib.sha256(signed.read_bytes()).hexdigest()
        for request, count in (({"do": "era_finish", "trust_sha256": digest}, 1), ({"do": "era_request"}, 1)):
            found = {index: text for index, text in texts.items() if text.get("request") == request}
            self.assertEqual(len(found), count, texts)
            (index, text), = found.items()
            self.assertEqual(text["uid"], os.getuid())
            self.assertEqual([end["outcome"] for end in texts.values() if end.get("asked") == index], ["done"])
        self.assertEqual(sum(r["kind"] == "era" for r in records), 1)

    def test_a_backup_put_back(self):
        host = self.host()
        host.stop_daemon()
        host.snapshot()
        host.start_daemon()
        host.append(b"not in the backup\n")
        host.anchor()
        host.visit()
        host.stop_daemon()
        host.put_back()
        host.expect_stopped()
        nonce = secrets.token_hex(32)
        self.assertIn(b"its TPM contradicts that end", host.begin_era("--nonce", nonce).stdout)
        host.live_on()
        refused, _ = host.sign("--nonce", nonce)
        self.assertEqual(refused.returncode, UNDETERMINED)
        steps = int(re.search(rb"shows (\d+) steps", refused.stderr).group(1))
        self.assertGreaterEqual(steps, 2)
        too_few, _ = host.sign("--accept-lost", steps - 1)
        self.assertEqual(too_few.returncode, UNDETERMINED)
        signed = host.approve("--accept-lost", steps, "--memory", host.memory)
        self.check_both(host, signed, given_up=True)
        self.assertEqual(host.judge(signed, "--memory", host.memory)["exit"], OK)

    def test_a_foreign_writer(self):
        host = self.host()
        host.stop_daemon()
        host.move_counter()
        host.expect_stopped()
        host.begin_era()
        host.live_on()
        refused, _ = host.sign()
        self.assertEqual(refused.returncode, UNDETERMINED)
        self.check_both(host, host.approve("--accept-lost", 1), given_up=True)

    def test_a_cleared_tpm(self):
        host = self.host()
        host.visit()
        host.stop_daemon()
        host.tool("tpm2_clear")
        host.expect_stopped()
        self.assertIn(b"do not answer in this TPM", host.begin_era().stdout)
        host.live_on()
        refused, _ = host.sign("--memory", host.memory)
        self.assertEqual(refused.returncode, UNDETERMINED)
        signed = host.approve("--accept-lost", 0)
        self.check_both(host, signed, given_up=True)
        host.stele("era", "finish", signed, "--auditor-key", host.public, expect=OK)

    def test_a_replaced_tpm_in_mode_a(self):
        host = self.host(mode="a")
        host.stop_daemon()
        report = host.visit()
        self.assertEqual(report["coverage"]["unanchored"], 0, "the shutdown's anchor covers all")
        host.new_tpm()
        host.expect_stopped()
        arguments = ["--escrow", host.folder / "escrow.1", "--escrow-key", host.folder / "auditor.pem"]
        host.begin_era(*arguments)
        host.live_on()
        self.check_both(host, host.approve("--accept-lost", 0), given_up=True)
        # The auditor's last visit was after the last anchor: what is remembered is the end.
        report = host.verify("--memory", host.memory)
        self.assertEqual((report["conclusion"], report["exit"]), ("verified", OK), report)

    def test_the_same_tpm_in_mode_a_needs_the_auditors_secrets(self):
        host = self.host(mode="a")
        host.stop_daemon()
        refused = host.stele("era", "begin", "--yes")
        self.assertEqual(refused.returncode, USAGE, refused.stderr)
        plain = host.auditor / "escrow.plain"
        opened = run("openssl", "cms", "-decrypt", "-inform", "PEM", "-in", host.folder / "escrow", "-inkey",
                     host.folder / "auditor.key", "-out", plain)
        self.assertEqual(opened.returncode, OK, opened.stderr)
        nonce = secrets.token_hex(32)
        host.begin_era("--escrow-plain", plain, "--nonce", nonce)
        host.live_on()
        signed = host.approve("--nonce", nonce)
        self.check_both(host, signed, given_up=False)
        host.stele("era", "finish", signed, "--auditor-key", host.public, "--escrow-plain", plain, expect=OK)
        host.live_on()
        self.assertEqual(host.judge(signed)["exit"], OK)

    def test_a_lost_store(self):
        host = self.host()
        report = host.visit()
        remembered = host.memory.read_text()
        host.stop_daemon()
        shutil.rmtree(host.data)
        occupied = host.stele("era", "begin", "--yes", "--previous-trust", host.pinned)
        self.assertEqual(occupied.returncode, CONFIGURATION, "the lost log's objects are in the TPM, its secrets gone")
        host.tool("tpm2_clear")
        missing = host.stele("era", "begin")
        self.assertIn(b"--previous-trust", missing.stderr)
        host.begin_era("--previous-trust", host.pinned)
        host.live_on()
        contradicted, _ = host.sign("--accept-lost", 0, "--memory", host.memory)
        self.assertEqual(contradicted.returncode, TAMPERED, contradicted.stderr)
        signed = host.approve("--accept-lost", report["anchors"]["counter"], "--memory", host.memory)
        self.check_both(host, signed, given_up=True)
        self.assertEqual(host.judge(signed, "--memory", host.memory)["exit"], OK)
        host.memory.write_text(remembered)
        forgotten = host.approve("--accept-lost", 0)
        self.assertEqual(host.judge(forgotten, "--memory", host.memory)["exit"], TAMPERED)


class Abandoned(unittest.TestCase):
    def test_an_attempt_that_was_interrupted_can_be_dropped_without_a_trace(self):
        with EraHost() as host:
            host.begin_log()
            host.stop_daemon()
            host.visit()
            before = contents(host.data)
            # Key and indexes are in the TPM, the store is still untouched.
            killed = run(BIN / "stele", "era", "begin", "--yes", "--config", host.config,
                         env={**os.environ, "STELE_FAILPOINT": "provision.trust=kill"})
            self.assertEqual(killed.returncode, -9, killed.stderr)
            self.assertTrue((host.data / "era").exists(), killed.stdout)
            host.start_daemon(wait=False)
            host.wait_for_end(CONFIGURATION)
            host.stele("era", "begin", "--abandon", expect=OK)
            self.assertEqual(contents(host.data), before)
            host.start_daemon()
            host.anchor()
            host.visit()
            host.stop_daemon()
            host.begin_era()  # the handles are free again
            host.live_on()
            self.assertEqual(host.judge(host.approve("--accept-lost", 0))["exit"], OK)


def contents(folder):
    """Every file but the lock, which says who had it."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


class Attacks(unittest.TestCase):
    """The same commands in the hands of root."""

    @classmethod
    def setUpClass(cls):
        """Root cuts the log back to before what the auditor saw, and begins an era over it."""
        cls.host = EraHost()
        cls.addClassCleanup(cls.host.close)
        cls.host.begin_log()
        cls.host.stop_daemon()
        cls.host.snapshot()
        cls.host.start_daemon()
        cls.host.append(b"what root wants to hide\n")
        cls.host.anchor()
        cls.host.visit()
        cls.host.stop_daemon()
        cls.host.put_back()
        cls.host.begin_era()
        cls.host.live_on()

    def test_a_forged_approval_is_refused(self):
        host = self.host
        done, forged = host.sign("--accept-lost", 100, key=host.new_key("mallory"))
        self.assertEqual(done.returncode, OK)
        refused = run(BIN / "stele-verify", host.data, "--trust", forged, "--auditor-key", host.public)
        self.assertEqual(refused.returncode, MALFORMED)
        self.assertIn(b"trust_signature", refused.stderr)
        self.assertEqual(host.verify(trust=forged)["exit"], UNDETERMINED, "no key asked for, no approval")
        finish = host.stele("era", "finish", forged, "--auditor-key", host.public)
        self.assertEqual(finish.returncode, MALFORMED)

    def test_an_approval_does_not_fit_another_head(self):
        host = self.host
        signed = host.approve("--accept-lost", 100)
        self.assertEqual(host.judge(signed)["exit"], OK)
        text = signed.read_bytes()
        other = host.folder / "other.signed"
        for key in (b"previous_seq", b"previous_size", b"previous_lost", b"first_counter"):
            other.write_bytes(re.sub(rb"(?m)^" + key + rb" \d+$", key + b" 99", text, count=1))
            refused = run(BIN / "stele-verify", host.data, "--trust", other, "--auditor-key", host.public)
            self.assertEqual(refused.returncode, MALFORMED, key)
        # Signed for this end, presented with the store that has more anchors, or fewer.
        cut = host.folder / "cut"
        shutil.copytree(host.data, cut)
        journal = sorted((cut / "journal").iterdir())[0]
        journal.write_bytes(journal.read_bytes()[:-300])
        self.assertEqual(host.verify("--auditor-key", host.public, path=cut, trust=signed)["exit"], TAMPERED)

    def test_dropped_anchors_are_seen_by_the_old_tpm_and_by_memory(self):
        host = self.host
        signed, _ = host.sign()
        self.assertEqual(signed.returncode, UNDETERMINED, "its TPM is ahead: the auditor's tool does not sign")
        signed, _ = host.sign("--accept-lost", 1, "--memory", host.memory)
        self.assertNotEqual(signed.returncode, OK)
        self.assertEqual(host.verify()["exit"], UNDETERMINED)
        report = host.verify("--memory", host.memory)
        self.assertEqual((report["conclusion"], report["exit"]), ("tampered", TAMPERED), report)
        self.assertEqual(host.verify("--memory", host.memory, trust=host.pinned)["exit"], TAMPERED)

    def test_the_old_trust_file_never_verifies_the_new_era(self):
        host = self.host
        report = host.verify(trust=host.pinned)
        self.assertEqual((report["conclusion"], report["exit"]), ("undetermined", UNDETERMINED), report)
        second = pathlib.Path(__file__).parents[1] / "second_verifier" / "second_verifier.py"
        for trust in (host.pinned, host.trust()):
            done = run("python3", second, host.data, "--trust", trust)
            self.assertEqual(done.returncode, UNDETERMINED, done.stdout + done.stderr)

    def test_a_request_over_another_old_key_is_not_signed(self):
        host = self.host
        request = host.request().read_text()
        lines = request.split("\n")
        last = max(i for i, line in enumerate(lines) if line.startswith("first_counter "))
        lines[last] = "first_counter 99"
        bent = host.folder / "bent.request"
        bent.write_text("\n".join(lines))
        done, _ = host.sign("--accept-lost", 100, request=bent)
        self.assertEqual(done.returncode, TAMPERED, done.stderr)

    def test_an_approval_is_an_ordinary_signature_that_openssl_makes_too(self):
        host = self.host
        signed = host.approve("--accept-lost", 100)
        text, signature = signed.read_bytes().split(b"\n\n")
        (host.folder / "text").write_bytes(text + b"\n")
        made = run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", host.key, "-in", host.folder / "text")
        self.assertEqual(base64.b64decode(signature.split()[-1])[4:], made.stdout)


class Hiding(unittest.TestCase):
    def test_an_era_over_a_cleared_tpm_does_not_hide_what_the_auditor_remembers(self):
        with EraHost() as host:
            host.begin_log()
            host.stop_daemon()
            host.snapshot()
            host.start_daemon()
            host.anchor()
            host.visit()
            host.stop_daemon()
            host.put_back()
            host.tool("tpm2_clear")  # now nothing shows how far C had come
            host.begin_era()
            host.live_on()
            refused, _ = host.sign("--accept-lost", 0, "--memory", host.memory)
            self.assertEqual(refused.returncode, TAMPERED)
            deceived = host.approve("--accept-lost", 0)
            report = host.judge(deceived, "--memory", host.memory)
            self.assertEqual((report["conclusion"], report["exit"]), ("tampered", TAMPERED), report)

    def test_a_daemon_does_not_start_over_an_era_begun_in_part(self):
        with EraHost() as host:
            host.begin_log()
            host.stop_daemon()
            (host.data / "era").write_text("stele-era 1\ngenesis 00\nreceipt none\n")
            host.start_daemon(wait=False)
            host.wait_for_end(CONFIGURATION)
            self.assertIn("era begin", host.daemon_words())


if __name__ == "__main__":
    unittest.main(verbosity=2)
