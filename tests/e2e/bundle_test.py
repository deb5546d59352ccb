"""Goal: an auditor who was never on the host judges what it hands over: the whole log, chosen records, anchors
alone, or what came since his last visit; and whoever bends the file is found out. Method: a real host and swtpm;
`stele bundle` beside the running daemon, `stele-verify` in a folder of its own, watched by strace."""
import base64
import json
import os
import secrets
import unittest

from stele_host import BIN, CANNOT_CREATE, MALFORMED, NO_INPUT, OK, TAMPERED, UNDETERMINED, USAGE, Host, flipped, run

EVENTS = [b"event %d, handed over" % i for i in range(200)] + [b"../../etc/passwd", b"/dev/zero"]


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.close)
        cls.host.provision()
        cls.host.start_daemon()
        cls.indices = cls.host.append(b"\n".join(EVENTS))
        cls.host.anchor()
        cls.pinned = cls.host.trust()

    def bundle(self, name, *arguments, expect=OK):
        path = self.host.folder / name
        self.host.stele("bundle", "-o", path, *arguments, expect=expect)
        self.assertEqual(path.exists(), expect == OK)
        self.assertFalse(path.with_name(name + ".new").exists())
        return path

    def judge(self, path, *arguments, trust=True, **options):
        pins = ["--trust", self.pinned] if trust else []
        done = run(BIN / "stele-verify", path, "-o", "json", *pins, *arguments, cwd=self.host.folder, **options)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr.decode()

    def test_the_whole_log_in_one_file_is_judged_as_the_store_is(self):
        code, report = self.judge(self.bundle("whole"))
        self.assertEqual((code, report["conclusion"], report["what"]), (OK, "verified", "bundle"))
        self.assertEqual(report["held"], {"records": report["log"]["size"], "since": None})
        self.assertGreaterEqual(report["log"]["size"], len(EVENTS))
        self.assertIn("records of", run(BIN / "stele-verify", self.host.folder / "whole", "--trust",
                                        self.pinned).stdout.decode())

    def test_standard_input_and_output_serve_too(self):
        done = self.host.stele("bundle", "--no-records", "-o", "-", expect=OK)
        self.assertEqual(self.judge("-", input=done.stdout)[0], OK)
        self.assertEqual(self.judge("-", input=done.stdout[:-1])[0], TAMPERED)

    def test_what_is_no_file_is_not_replaced_and_what_is_one_is(self):
        target, link, fifo = (self.host.folder / name for name in ("out-file", "out-link", "out-fifo"))
        target.write_text("kept")
        link.symlink_to(target)
        os.mkfifo(fifo)
        for path in (link, fifo):
            done = self.host.stele("bundle", "--no-records", "-o", path, expect=CANNOT_CREATE)
            self.assertIn(b"no regular file", done.stderr)
        self.assertTrue(link.is_symlink() and fifo.is_fifo())
        self.assertEqual(target.read_text(), "kept")
        self.host.stele("bundle", "--no-records", "-o", target, expect=OK)
        self.assertEqual(self.judge(target)[0], OK)

    def test_chosen_records_come_with_their_sources_and_nothing_else(self):
        wanted = self.indices[17]
        path = self.bundle("one", "--index", wanted, "--index", self.indices[3])
        code, report = self.judge(path)
        self.assertEqual((code, report["conclusion"]), (OK, "verified"))
        self.assertEqual(report["held"]["records"], 3)  # the two, and the source that both name
        data = path.read_bytes()
        self.assertIn(EVENTS[17], data)
        self.assertNotIn(EVENTS[18], data)
        ranged = self.bundle("range", "--from", self.indices[5], "--to", self.indices[9])
        self.assertIn(EVENTS[8], ranged.read_bytes())
        self.assertNotIn(EVENTS[9], ranged.read_bytes())
        self.assertEqual(self.judge(ranged)[0], OK)
        changed = flipped(path, data.index(EVENTS[17]))
        self.assertEqual(self.judge(changed)[0], TAMPERED)

    def test_anchors_alone_are_small_and_hold_no_event(self):
        path = self.bundle("anchors", "--no-records")
        code, report = self.judge(path)
        self.assertEqual((code, report["held"]["records"]), (OK, 0))
        self.assertFalse(any(event in path.read_bytes() for event in EVENTS))

    def test_what_came_since_the_last_visit_is_judged_by_who_remembers(self):
        memory = self.host.folder / "memory"
        self.assertEqual(self.judge(self.bundle("first"), "--memory", memory)[0], OK)
        visited = memory.read_bytes()
        size = int(dict(line.split(" ") for line in memory.read_text().splitlines())["size"])
        nonce = secrets.token_hex(32)
        answer = self.host.folder / "answer"
        self.host.append(b"one more")
        self.host.stele("answer", "--nonce", nonce, "-o", answer, expect=OK)
        path = self.bundle("since", "--since", memory, "--answer", answer)
        code, report = self.judge(path, "--memory", memory, "--nonce", nonce)
        self.assertEqual((code, report["freshness"]), (OK, "pass"), report)
        self.assertEqual(report["held"]["since"]["size"], size)
        self.assertLess(report["held"]["records"], 20)  # the accesses on the way too
        self.assertNotEqual(memory.read_bytes(), visited)
        # Now another statement is remembered than the one behind which it begins; or none is.
        code, report = self.judge(path, "--memory", memory, "--nonce", nonce)
        self.assertEqual((code, report["defects"][0]["fault"]), (UNDETERMINED, "start_unknown"))
        self.assertEqual(self.judge(path)[0], UNDETERMINED)
        # A power cut later.
        self.host.daemon.kill()
        self.host.daemon.wait()
        self.host.start_daemon()
        self.host.append(b"and after the crash")
        self.host.anchor()
        path = self.bundle("crashed", "--since", memory)
        code, report = self.judge(path, "--memory", memory)
        self.assertEqual((code, report["conclusion"]), (OK, "verified"), report)
        # A memory that the log does not hold.
        text = memory.read_text()
        at = text.index("digest ") + len("digest ")
        memory.write_text(text[:at] + ("1" if text[at] == "0" else "0") + text[at + 1:])
        self.host.stele("bundle", "-o", self.host.folder / "x", "--since", memory, expect=MALFORMED)

    def test_trust_inside_is_a_claim_unless_the_auditors_key_signed_it(self):
        path = self.bundle("claimed", "--no-records")
        code, report = self.judge(path, trust=False)
        self.assertEqual((code, report["tpm"]["identity"]), (UNDETERMINED, "none"))
        key, public = self.host.folder / "ed25519", self.host.folder / "auditor.key.pub"
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
        self.host.stele("era", "key", "--auditor-key-file", key, "--name", "auditor.example", "-o", public, expect=OK)
        code, report = self.judge(path, "--auditor-key", public, trust=False)
        self.assertEqual((code, report["tpm"]["identity"]), (UNDETERMINED, "none"), "an honest host's own trust file")
        self.assertEqual(report["defects"][0]["fault"], "no_trust_file")
        self.assertIn("not signed by the auditor's key", report["defects"][0]["detail"])
        self.assertEqual(self.judge(self.host.data, "--auditor-key", public, trust=False)[0], USAGE)

    def test_an_auditors_signed_trust_file_goes_inside_and_his_key_is_all_that_a_third_needs(self):
        keys = {}
        for name in ("auditor", "mallory"):
            key, keys[name] = self.host.folder / f"{name}.pem", self.host.folder / f"{name}.vkey"
            run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
            self.host.stele("era", "key", "--auditor-key-file", key, "--name", "auditor.example", "-o", keys[name], expect=OK)
        signed = self.signed(self.pinned, self.host.folder / "auditor.pem", keys["auditor"])
        path = self.bundle("signed", "--index", self.indices[0], "--trust", signed)
        code, report = self.judge(path, "--auditor-key", keys["auditor"], trust=False)
        self.assertEqual((code, report["conclusion"], report["tpm"]["identity"]), (OK, "verified", "pinned-key"), report)
        # Of another's key, or of none, it is a claim; changed, with his line under it, it is a forgery.
        for arguments in (["--auditor-key", keys["mallory"]], []):
            self.assertEqual(self.judge(path, *arguments, trust=False)[0], UNDETERMINED)
        forged = self.host.folder / "forged.trust"
        forged.write_text(signed.read_text().replace("slack_ms 5000", "slack_ms 6000"))
        code, report = self.judge(self.bundle("forged", "--no-records", "--trust", forged), "--auditor-key",
                                  keys["auditor"], trust=False)
        self.assertEqual((code, report["defects"][0]["fault"]), (TAMPERED, "trust_signature"), report)
        # Of another log, or none at all: refused before anything is written.
        other = self.host.folder / "other.trust"
        text = self.pinned.read_text()
        at = text.index("log_id ") + len("log_id ")
        other.write_text(text[:at] + ("1" if text[at] == "0" else "0") + text[at + 1:])
        self.bundle("of_another", "--trust", other, expect=MALFORMED)
        self.bundle("of_none", "--trust", self.host.folder / "gone", expect=NO_INPUT)
        self.bundle("of_noise", "--trust", self.host.config, expect=MALFORMED)

    def signed(self, trust, key, public):
        """The trust file as a note (attest/README.md, "Notes"), its signature by openssl."""
        done = run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", trust)
        self.assertEqual(done.returncode, OK, done.stderr)
        name, key_hash = public.read_text().split("+")[:2]
        line = base64.b64encode(bytes.fromhex(key_hash) + done.stdout).decode()
        path = self.host.folder / "signed.trust"
        path.write_text(f"{trust.read_text()}\n\u2014 {name} {line}\n")
        return path

    def test_what_cannot_be_handed_over_says_why(self):
        size = self.host.status()["log"]["size"]
        for arguments, code in ((("--index", size + 1000), NO_INPUT), (("--from", 5, "--to", 5), USAGE),
                                (("--to", size + 1000), NO_INPUT), (("--no-records", "--index", 1), USAGE),
                                (("--since", self.host.config), MALFORMED)):
            self.bundle("refused", *arguments, expect=code)
        self.assertEqual(self.host.stele("bundle", "-o", self.host.folder / "no" / "where").returncode, CANNOT_CREATE)
        self.assertEqual(self.judge(self.host.config)[0], MALFORMED)

    def test_cut_and_bent_files_never_pass(self):
        path = self.bundle("small", "--index", self.indices[1])
        whole = path.read_bytes()
        injected = 0
        for size in range(8, len(whole), max(1, len(whole) // 40)):
            cut = path.with_name("cut")
            cut.write_bytes(whole[:size])
            self.assertEqual(self.judge(cut)[0], TAMPERED, size)
            self.assertNotEqual(self.judge(flipped(path, size))[0], OK, size)
            injected += 2
        print(f"family 22: injected {injected}, lost 0, false alarms 0, missed 0 (bundles, real binaries)")

    def test_the_verifier_opens_nothing_but_what_it_was_given(self):
        path = self.bundle("paths")
        self.assertIn(b"../../etc/passwd", path.read_bytes())
        trace = self.host.folder / "trace"
        done = run("strace", "-f", "-e", "trace=%file,%network", "-o", trace, BIN / "stele-verify", path, "--trust", self.pinned,
                   # LeakSanitizer cannot look at a process that strace holds.
                   env={**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})
        self.assertEqual(done.returncode, OK, done.stderr)
        own = ("/lib", "/usr/lib", "/etc/ld.so", "/etc/ssl", "/usr/share", "/proc/self", "/sys/devices", "/etc/localtime",
               "/tmp/tsan.rodata")  # a sanitizer's own
        opened = [line.split('"')[1] for line in trace.read_text().splitlines() if 'open' in line and '"' in line]
        others = [name for name in opened if not name.startswith(own) and name not in (str(path), str(self.pinned))]
        self.assertTrue(opened)
        self.assertEqual(others, [], "opened besides its arguments")
        self.assertNotIn("socket(", trace.read_text())
        link = self.host.folder / "link"
        os.symlink(path, link)
        self.assertEqual(self.judge(link)[0], OK)  # the caller's own name for it


if __name__ == "__main__":
    unittest.main()
