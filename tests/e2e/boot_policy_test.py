"""Goal: a boot is judged by the auditor's policy, on the PCRs that a TPM really quotes and the log that the daemon
really keeps. Method: the event log of a real machine extended into swtpm with tpm2-tools, event by event, and an IMA
list beside it; then another kernel, an edited log, the log of another boot. Needs STELE_VECTORS."""
import base64
import hashlib
import os
import pathlib
import shutil
import struct
import sys
import unittest

from stele_host import BIN, CANNOT_CREATE, MALFORMED, NO_INPUT, OK, TAMPERED, UNDETERMINED, Host, run

VECTORS = os.environ.get("STELE_VECTORS")
SECOND_VERIFIER = pathlib.Path(__file__).parents[1] / "second_verifier" / "second_verifier.py"
NO_ACTION, SHA256 = 3, 0x0B


def events(log):
    """Of a crypto-agile log: (PCR, type, where its SHA-256 digest is), read by the specification."""
    at, banks = 32 + struct.unpack_from("<I", log, 28)[0], {}
    vendor_banks = 32 + 24
    for bank in range(struct.unpack_from("<I", log, vendor_banks)[0]):
        algorithm, size = struct.unpack_from("<HH", log, vendor_banks + 4 + 4 * bank)
        banks[algorithm] = size
    while at < len(log):
        pcr, kind, digests = struct.unpack_from("<III", log, at)
        at, found = at + 12, None
        for _ in range(digests):
            algorithm, = struct.unpack_from("<H", log, at)
            found, at = at + 2 if algorithm == SHA256 else found, at + 2 + banks[algorithm]
        yield pcr, kind, found
        at += 4 + struct.unpack_from("<I", log, at)[0]


def measurements(ima_list):
    """Of an ima-ng list: what the kernel extends into a SHA-256 bank for each entry."""
    at = 0
    while at + 28 < len(ima_list):  # a byte is left behind the last entry
        name, = struct.unpack_from("<I", ima_list, at + 24)
        data, = struct.unpack_from("<I", ima_list, at + 28 + name)
        digest, body = ima_list[at + 4:at + 24], ima_list[at + 32 + name:at + 32 + name + data]
        yield hashlib.sha256(body).digest() if any(digest) else b"\xff" * 32
        at += 32 + name + data


@unittest.skipUnless(VECTORS, "STELE_VECTORS is not set: no boot logs of real machines")
class BootPolicy(unittest.TestCase):
    """A host whose TPM was booted as the log says."""

    def setUp(self):
        vectors = pathlib.Path(VECTORS, "tpm", "eventlogs")
        self.host = Host()
        self.addCleanup(self.host.close)
        self.log, self.list = self.host.folder / "event_log", self.host.folder / "ima_list"
        self.good = (vectors / "go-tpm-tools" / "ubuntu-2104-no-secure-boot.bin").read_bytes()
        self.files = base64.b64decode((vectors / "tpm2-tss" / "sml-ima-ng-sha1.b64").read_text())
        self.log.write_bytes(self.good)
        self.list.write_bytes(self.files)
        self.host.tpm.start()
        self.boot(self.good)

    def boot(self, log, files=None):
        """What firmware and kernel extend."""
        steps = [f"{pcr}:sha256={log[at:at + 32].hex()}" for pcr, kind, at in events(log) if kind != NO_ACTION]
        steps += [f"10:sha256={digest.hex()}" for digest in measurements(self.files if files is None else files)]
        for first in range(0, len(steps), 20):
            done = run("tpm2_pcrextend", "-T", self.host.tpm.tcti, *steps[first:first + 20])
            self.assertEqual(done.returncode, 0, done.stderr)

    def reboot(self, log, files=None):
        self.host.stop_daemon()
        self.host.tpm.stop()
        self.host.tpm.start()
        self.boot(log, files)
        self.start()

    def start(self):
        self.host.start_daemon()
        self.host.append(b"an event\n")
        self.host.anchor()

    def provision(self):
        self.host.provision(extra=f'[boot]\nevent_log = "{self.log}"\nima_list = "{self.list}"\n')
        self.start()

    def policy(self, *kinds, trust=None):
        """The auditor's trust file with a policy taken from the newest boot."""
        path = self.host.folder / "pinned"
        if not trust:
            self.host.stele("trust", "-o", path, expect=OK)
        for kind in kinds:
            done = self.host.stele("trust", "--trust", path, "--boot-policy", kind, "-o", path, expect=OK)
            if kind in ("exact", "digests", "ima"):
                self.assertIn(b"not that it is good", done.stderr)
        return path

    def judge(self, trust, exit_code, platform, *arguments):
        report = self.host.verify(*arguments, trust=trust)
        self.assertEqual((report["exit"], report["platform"]), (exit_code, platform), report)
        # Integrity and completeness are for the second verifier, too: it judges no policy.
        done = run(sys.executable, "-B", SECOND_VERIFIER, self.host.data, "--trust", trust)
        self.assertEqual(done.returncode, TAMPERED if exit_code == TAMPERED else OK, done.stdout)
        report["names"] = [f["finding"] for f in report["findings"]]
        return report

    def other_kernel(self):
        """The log of a boot with another kernel: one digest of PCR 4 is another."""
        log = bytearray(self.good)
        at = [at for pcr, kind, at in events(self.good) if pcr == 4 and kind == 0x80000003][-1]
        log[at:at + 32] = hashlib.sha256(b"another kernel").digest()
        return bytes(log)

    def test_the_boot_that_was_pinned_passes_and_another_kernel_is_told(self):
        self.provision()
        self.judge(self.policy(), OK, "unknown")
        self.assertNotIn("unapproved_boot", self.judge(self.policy("record"), OK, "unknown")["names"])
        for kinds in (["exact"], ["digests"], ["digests", "ima"]):
            report = self.judge(self.policy(*kinds), OK, "pass", "--require", "unapproved_boot")
            self.assertEqual(report["boots"], {"policy": "rules", "starts": 1, "approved": 1, "unexplained": 0})
            self.assertEqual([n for n in report["names"] if "boot" in n], [])
        self.assertIn(b"advisory", run(BIN / "stele-verify", self.host.data, "--trust", self.policy("exact")).stdout)
        pinned = {kind: self.host.folder / kind for kind in ("exact", "digests")}
        for kind, path in pinned.items():
            shutil.copy(self.policy(kind), path)

        self.log.write_bytes(self.other_kernel())
        self.reboot(self.other_kernel())
        for path in pinned.values():
            report = self.judge(path, OK, "unknown")
            self.assertIn("unapproved_boot", report["names"])
            self.assertEqual((report["boots"]["starts"], report["boots"]["approved"]), (2, 1))
            told, = [f for f in report["findings"] if f["finding"] == "unapproved_boot"]
            self.assertRegex(told["detail"], r"anchored 20\d\d-.*PCR 4 ")
            self.judge(path, UNDETERMINED, "unknown", "--require", "unapproved_boot")
        # The auditor approves the update, and keeps what was allowed.
        shutil.copy(pinned["digests"], self.host.folder / "pinned")
        self.judge(self.policy("digests", trust="mine"), OK, "pass")

    def test_a_log_edited_afterwards_is_tampering_and_one_that_is_gone_is_told(self):
        self.log.write_bytes(self.other_kernel())
        self.host.tpm.stop()
        self.host.tpm.start()
        self.boot(self.other_kernel())
        self.provision()
        trust = self.policy("digests")
        self.host.stop_daemon()
        kept = self.host.data / "boot" / hashlib.sha256(self.other_kernel()).hexdigest()
        self.assertEqual(kept.read_bytes(), self.other_kernel())
        kept.write_bytes(self.good)
        report = self.judge(trust, TAMPERED, "unknown")
        self.assertEqual([d["fault"] for d in report["defects"]], ["boot_log_mismatch"])
        self.assertEqual(report["integrity"], "fail")
        done = self.host.stele("trust", "--boot-policy", "digests")
        self.assertEqual(done.returncode, MALFORMED, done.stderr)
        kept.unlink()
        self.assertIn("boot_log_missing", self.judge(trust, OK, "unknown")["names"])
        self.judge(self.policy("exact"), OK, "pass")
        done = self.host.stele("trust", "--boot-policy", "digests")
        self.assertEqual(done.returncode, NO_INPUT, done.stderr)
        kept.write_bytes(self.other_kernel())
        self.judge(trust, OK, "pass")

    def test_the_log_of_a_boot_that_was_not_made_passes_nothing(self):
        self.provision()
        trust = self.policy("digests", "ima")
        self.reboot(self.other_kernel())  # and the daemon reads the log of the good boot
        report = self.judge(trust, OK, "unknown")
        self.assertIn("unapproved_boot", report["names"])
        self.assertIn("boot_log_unexplained", report["names"])
        # An IMA list without the file that was measured last.
        self.host.stop_daemon()
        self.host.tpm.stop()
        self.host.tpm.start()
        self.boot(self.good)
        done = run("tpm2_pcrextend", "-T", self.host.tpm.tcti, "10:sha256=" + hashlib.sha256(b"rootkit").hexdigest())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.start()
        report = self.judge(trust, OK, "unknown")
        newest = [f for f in report["findings"] if f["finding"] == "boot_log_unexplained"][-1]
        self.assertIn("the IMA list does not give the quoted PCR 10", newest["detail"])

    def test_a_policy_of_the_auditors_own_is_refused_with_its_line_or_pinned(self):
        self.provision()
        lines = self.host.folder / "lines"
        lines.write_text("boot_policy rules\nboot_value 9 " + "0" * 64 + "\n")
        done = self.host.stele("trust", "--boot-policy", lines)
        self.assertEqual(done.returncode, MALFORMED)
        self.assertIn(f"{lines}:2: expected".encode(), done.stderr)
        lines.write_text("boot_policy rules\nboot_value 0 " + "0" * 64 + "\n")
        self.judge(self.policy(lines), OK, "unknown")
        self.assertEqual(self.host.stele("trust", "--boot-policy", self.host.folder / "none").returncode, NO_INPUT)
        # What nobody would read again is not written: two eras, each with as many rules as a policy may have.
        lines.write_text("boot_policy rules\n" + "".join(f"boot_digest 4 {i:064x}\n" for i in range(8192)))
        older, newer = self.policy(lines).read_text(), self.host.folder / "two-eras"
        pins = self.host.stele("trust", expect=OK).stdout.decode().replace("\nera 0\n", "\nera 1\n")
        newer.write_text(f"{pins}previous_seq 0\nprevious_extend {'0' * 64}\nprevious_size 0\nprevious_lost 0\n{older}")
        done = self.host.stele("trust", "--trust", newer, "--boot-policy", "record", "-o", self.host.folder / "fits")
        self.assertEqual(done.returncode, OK, done.stderr)
        done = self.host.stele("trust", "--trust", newer, "--boot-policy", lines, "-o", self.host.folder / "large")
        self.assertEqual(done.returncode, CANNOT_CREATE, done.stderr)
        self.assertIn(b"eras that have ended", done.stderr)
        self.assertFalse((self.host.folder / "large").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
