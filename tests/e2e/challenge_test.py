"""Goal: an auditor asks a host over mutual TLS, over its sockets, once and again and for days, and is told what holds by
exit code, report, command and webhook. Method: the real daemon and `stele challenge`, certificates by openssl, a webhook
server of the test's own."""
import http.server
import json
import os
import pathlib
import shutil
import signal
import socketserver
import subprocess
import threading
import time
import unittest

from http_host import HttpHost
from http_tls_test import Authority
from stele_host import BIN, CANNOT_CREATE, IO_ERROR, MALFORMED, OK, PATIENCE, TAMPERED, UNAVAILABLE, UNDETERMINED, USAGE, content, run, wait_until

PERMISSION = 77


class Challenge(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = HttpHost()
        cls.addClassCleanup(cls.host.close)
        ours = cls.ours = Authority(cls.host.folder, "ours")
        cls.server = ours.issue("localhost", "DNS:localhost", "IP:127.0.0.1", usage="serverAuth")
        cls.auditor, cls.reader = ours.issue("auditor"), ours.issue("reader")
        cls.theirs = Authority(cls.host.folder, "theirs")
        cls.host.provision(quote_interval="1h", http=f'''certificate = "{cls.server[0]}"
key = "{cls.server[1]}"
client_ca = "{ours.certificate}"
auditors = ["CN=auditor"]
readers = ["CN=reader"]
writers = ["*"]''')
        cls.trust = cls.host.trust()
        cls.host.start_daemon()
        cls.host.append(b"one\ntwo\n")
        cls.host.anchor()

    def challenge(self, url, *arguments, trust=None):
        return run(BIN / "stele", "challenge", url, "--trust", trust or self.trust, "-o", "json", *arguments)

    def url(self, name="localhost"):
        return f"https://{name}:{self.host.port}"

    def certificates(self, who):
        return "--cacert", self.ours.certificate, "--cert", who[0], "--key", who[1]

    def test_over_mutual_tls(self):
        memory = self.host.folder / "tls-memory"
        for size in (1, 2):  # the second begins where the first ended
            done = self.challenge(self.url(), "--memory", memory, *self.certificates(self.auditor))
            self.assertEqual(done.returncode, OK, done.stderr)
            report = json.loads(done.stdout)
            self.assertEqual((report["schema"], report["conclusion"], report["freshness"]),
                             ("stele.verdict/1", "verified", "pass"))
            self.host.append(b"three\n" * size)
        self.assertTrue(memory.read_text().startswith("stele-memory "))
        self.assertTrue((self.host.folder / "tls-memory.anchor").exists())

    def visits(self):
        """The access records of challenges: index and content."""
        lines = self.host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        found = [(r["index"], json.loads(content(r))) for r in map(json.loads, lines) if r["kind"] == "access"]
        return [(index, text) for index, text in found if "challenge" in json.dumps(text)]

    def spools(self, folder):
        return [path for path in folder.iterdir() if path.name.startswith("incoming-")]

    def test_what_a_killed_visit_left_is_removed_by_the_next_and_what_a_living_one_holds_is_not(self):
        kept = self.host.folder / "shared"
        kept.mkdir()
        entered, gone = threading.Event(), threading.Event()

        class Slow(socketserver.BaseRequestHandler):
            def handle(self):
                entered.set()
                gone.wait(PATIENCE)
        with socketserver.ThreadingUnixStreamServer(str(self.host.folder / "slow.sock"), Slow) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            command = [BIN / "stele", "challenge", f"unix:{self.host.folder}/slow.sock", "--trust", self.trust, "--save", kept]
            killed, living = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL) for _ in range(2)]
            self.addCleanup(lambda: living.poll() is None and living.kill())
            wait_until(lambda: len(self.spools(kept)) == 2, "two visits under way")
            killed.kill()
            killed.wait(PATIENCE)
            (kept / "incoming-of-mine").write_text("another name")
            self.assertEqual(len(self.spools(kept)), 3)
            done = self.challenge(f"unix:{self.host.control}", "--save", kept)
            self.assertEqual(done.returncode, OK, done.stderr)
            self.assertEqual({path.name for path in self.spools(kept)}, {f"incoming-{living.pid}.evidence", "incoming-of-mine"})
            gone.set()
            living.wait(PATIENCE)
            server.shutdown()
            thread.join()
        self.assertEqual([path.name for path in self.spools(kept)], ["incoming-of-mine"])

    def test_a_folder_for_the_evidence_that_cannot_be_made_is_named_before_anybody_is_asked(self):
        before = len(self.visits())
        blocked = self.host.folder / "a-file"
        blocked.write_text("")
        done = self.challenge(f"unix:{self.host.control}", "--save", blocked / "below")
        self.assertEqual((done.returncode, done.stdout), (CANNOT_CREATE, b""), done.stderr)
        self.assertIn(str(blocked).encode(), done.stderr)
        self.assertIn(b"--save", done.stderr)
        self.assertEqual(len(self.visits()), before)

    def test_a_memory_that_cannot_be_written_costs_the_memory_and_not_the_verdict(self):
        memory = self.host.folder / "locked" / "memory"
        memory.parent.mkdir()
        self.challenge(f"unix:{self.host.control}", "--memory", memory)
        old = memory.read_bytes()
        (memory.parent / "memory.proofs").mkdir(exist_ok=True)
        full = 'trap "" XFSZ; ulimit -f 0; exec "$@"'  # stands for a full disk: no file of any size
        done = run("sh", "-c", full, "sh", BIN / "stele", "challenge", f"unix:{self.host.control}", "--trust", self.trust,
                   "-o", "json", "--memory", memory)
        self.assertEqual(json.loads(done.stdout)["conclusion"], "verified", done.stderr)
        self.assertEqual(done.returncode, IO_ERROR, done.stderr)
        self.assertIn(str(memory).encode(), done.stderr)
        self.assertEqual(memory.read_bytes(), old)

    def test_a_visit_is_recorded_with_who_asked_and_is_part_of_what_is_shown(self):
        for url, certificates in ((self.url(), self.certificates(self.auditor)), (f"unix:{self.host.control}", ())):
            before = len(self.visits())
            report = json.loads(self.challenge(url, *certificates).stdout)
            (index, text), = self.visits()[before:]
            self.assertEqual((report["conclusion"], report["coverage"]["unanchored"]), ("verified", 0))
            self.assertLess(index, report["log"]["size"])
            if certificates:
                self.assertEqual((text["caller"]["subject"], text["request"]), ("CN=auditor", {"method": "POST",
                                                                                             "target": "/v1/challenge"}))
            else:
                self.assertEqual((text["uid"], text["request"]["do"]), (os.getuid(), "challenge"))
        before = len(self.visits())
        self.challenge(self.url(), *self.certificates(self.reader))  # turned away: nothing was read
        self.assertEqual(len(self.visits()), before)

    def test_who_may_not_is_told_so(self):
        done = self.challenge(self.url(), *self.certificates(self.reader))
        self.assertEqual(done.returncode, PERMISSION, done.stderr)
        self.assertIn(b"auditor", done.stderr)

    def test_a_server_that_is_not_vouched_for_is_not_asked(self):
        arguments = self.certificates(self.auditor)
        for server, certificates in ((self.url(), ("--cacert", self.theirs.certificate, *arguments[2:])),
                                     (self.url(), arguments[2:]),
                                     (self.url(), arguments[:2])):
            done = self.challenge(server, *certificates)
            self.assertEqual((done.returncode, done.stdout), (UNAVAILABLE, b""), (server, done.stderr))

    def test_over_the_sockets_of_the_host(self):
        for path in (self.host.folder / "http.sock", self.host.control):
            done = self.challenge(f"unix:{path}")
            self.assertEqual(done.returncode, OK, (path, done.stderr))

    def test_a_full_disk_costs_the_proof_and_not_the_verdict(self):
        kept = self.host.folder / "full"
        full = 'trap "" XFSZ; ulimit -f 1; exec "$@"'  # stands for it: no file over 512 bytes
        command = (BIN / "stele", "challenge", f"unix:{self.host.control}", "--trust", self.trust, "-o", "json", "--save", kept)
        done = run("sh", "-c", full, "sh", *command)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(json.loads(done.stdout)["conclusion"], "verified")
        self.assertIn(b"no whole proof was kept", done.stderr)
        self.assertEqual(list(kept.iterdir()), [])
        self.assertNotIn(b"no whole proof", run(*command).stderr)
        self.assertEqual(len(list(kept.iterdir())), 1)

    def test_what_is_no_evidence_is_not_heard_to_its_end(self):
        cut, size = threading.Event(), 1 << 30

        class Talker(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(size))
                self.end_headers()
                try:
                    for _ in range(size >> 16):
                        self.wfile.write(b"x" * (1 << 16))
                except OSError:
                    cut.set()

            def log_message(self, *_):
                pass
        talker = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talker)
        thread = threading.Thread(target=talker.serve_forever)
        thread.start()
        self.addCleanup(lambda: (talker.shutdown(), thread.join(), talker.server_close()))
        kept = self.host.folder / "talk"
        done = self.challenge(f"http://127.0.0.1:{talker.server_address[1]}", "--save", kept)
        self.assertEqual((done.returncode, done.stdout), (MALFORMED, b""), done.stderr)
        self.assertIn(b"no evidence", done.stderr)
        self.assertTrue(cut.wait(PATIENCE), "it was heard to its end")
        self.assertEqual(list(kept.iterdir()), [])

    def test_nobody_there(self):
        for url in ("http://127.0.0.1:1", f"unix:{self.host.folder}/no.sock"):
            done = self.challenge(url)
            self.assertEqual((done.returncode, done.stdout), (UNAVAILABLE, b""), done.stderr)

    def test_what_the_call_lacks(self):
        for arguments in (("ftp://a",), (self.url(), "--cert", "x"), (self.url(), "--webhook", "http://a"),
                          (self.url(), "--watch", "0")):
            self.assertEqual(self.challenge(*arguments).returncode, USAGE, arguments)

    def test_another_hosts_log_is_not_the_one_that_is_pinned(self):
        other = HttpHost()
        self.addCleanup(other.close)
        other.provision()
        other.start_daemon()
        done = self.challenge(f"unix:{other.control}", trust=self.trust)
        self.assertNotIn(done.returncode, (OK, UNDETERMINED), done.stdout)

    def test_too_many_at_once_are_told_to_come_again(self):
        """Four bundles are made at a time; whoever comes meanwhile is refused at once, and served later."""
        codes = []

        def ask():
            body = json.dumps({"nonce": os.urandom(32).hex()}).encode()
            codes.append(self.host.curl("/v1/challenge", *self.for_curl(), body=body, scheme="https")[0])
        many = [threading.Thread(target=ask) for _ in range(24)]
        for one in many:
            one.start()
        for one in many:
            one.join()
        self.assertEqual(set(codes), {200, 503}, codes)
        done = self.challenge(f"unix:{self.host.control}")
        self.assertEqual(done.returncode, OK, done.stderr)

    def for_curl(self):
        return "--cacert", self.ours.certificate, "--cert", self.auditor[0], "--key", self.auditor[1]

    def test_malformed_challenges_are_refused(self):
        for body in (b"", b"{}", b'{"nonce":"5a"}', b'{"nonce":"' + b"5a" * 32 + b'","x":1}', b"x" * 5000):
            status, _ = self.host.curl("/v1/challenge", *self.for_curl(), body=body, scheme="https")
            self.assertIn(status, (400, 413), body[:40])


class Watch(unittest.TestCase):
    def setUp(self):
        self.host = HttpHost()
        self.addCleanup(self.host.close)
        self.host.provision(quote_interval="1h")
        self.trust = self.host.trust()
        self.host.start_daemon()
        self.host.anchor()
        self.posted, self.refusals = [], 0
        posted, test = self.posted, self

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                test.refusals -= 1
                self.send_response(500 if test.refusals >= 0 else 204)
                self.end_headers()

            def log_message(self, *_):
                pass
        self.hook = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Hook)
        thread = threading.Thread(target=self.hook.serve_forever)
        thread.start()
        self.addCleanup(lambda: (self.hook.shutdown(), thread.join(), self.hook.server_close()))

    def watch(self, url, *arguments, pass_fds=()):
        """stele challenge --watch 1, what it prints in watch.out."""
        out = open(self.host.folder / "watch.out", "ab")
        self.addCleanup(out.close)
        watch = subprocess.Popen([BIN / "stele", "challenge", url, "--trust", self.trust, "--watch", "1", "-o", "json", *arguments],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, pass_fds=pass_fds)
        self.addCleanup(lambda: watch.poll() is None and watch.kill())
        return watch

    def reports(self):
        return (self.host.folder / "watch.out").read_bytes().splitlines()

    def test_who_fails_to_take_a_change_is_told_again_until_he_takes_it(self):
        told = self.host.folder / "told"
        script = self.host.folder / "told-thrice"
        script.write_text(f'#!/bin/sh\necho "$1 $2" >> "{told}"\ntest "$(wc -l < "{told}")" -ge 3\n')
        script.chmod(0o700)
        self.refusals = 2
        watch = self.watch(f"unix:{self.host.control}", "--on-change", script, "--webhook",
                           f"http://127.0.0.1:{self.hook.server_address[1]}/hook")
        wait_until(lambda: self.reports(), "a visit")
        self.host.stop_daemon()
        wait_until(lambda: told.exists() and len(told.read_text().splitlines()) == 3 and len(self.posted) == 3, "told three times")
        self.assertEqual(told.read_text(), "unreachable verified\n" * 3)
        self.assertEqual({(p["conclusion"], p["previous"]) for p in self.posted}, {("unreachable", "verified")})
        self.host.start_daemon()
        wait_until(lambda: len(self.posted) == 4, "the return, told once")
        wait_until(lambda: len(told.read_text().splitlines()) == 4, "to the command too")
        more = len(self.reports()) + 2
        wait_until(lambda: len(self.reports()) >= more, "two visits more")
        self.assertEqual((len(self.posted), len(told.read_text().splitlines())), (4, 4))
        watch.send_signal(signal.SIGTERM)
        self.assertEqual(watch.wait(PATIENCE), OK)

    def test_the_command_has_no_descriptor_but_the_standard_ones(self):
        """The tool is given one more by whoever starts it, and has connections of its own. `ls` has 3 for the folder it reads."""
        told = self.host.folder / "descriptors"
        script = self.host.folder / "tell-descriptors"
        script.write_text(f'#!/bin/sh\nls -1 /proc/self/fd > "{told}.unfinished"\nmv "{told}.unfinished" "{told}"\n')
        script.chmod(0o700)
        with open(os.devnull) as passed_on:
            watch = self.watch(f"unix:{self.host.control}", "--on-change", script, pass_fds=[passed_on.fileno()])
            wait_until(lambda: self.reports(), "a visit")
            self.assertIn(str(passed_on.fileno()), os.listdir(f"/proc/{watch.pid}/fd"))
            self.host.stop_daemon()
            wait_until(told.exists, "told")
            watch.send_signal(signal.SIGTERM)
            watch.wait(PATIENCE)
        self.assertEqual(set(told.read_text().split()), {"0", "1", "2", "3"})

    def test_an_absent_host_is_asked_more_and_more_seldom_and_the_end_says_it_was_absent(self):
        """Somebody listens and hangs up. Only least times are looked at: a busy machine makes them longer."""
        asked = []

        class HangUp(socketserver.BaseRequestHandler):
            def handle(self):
                asked.append(time.monotonic())
        with socketserver.ThreadingUnixStreamServer(str(self.host.folder / "gone.sock"), HangUp) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            watch = self.watch(f"unix:{self.host.folder}/gone.sock")
            wait_until(lambda: len(asked) >= 4, "asked four times")
            watch.send_signal(signal.SIGTERM)
            ended = watch.wait(PATIENCE)
            server.shutdown()
            thread.join()
        self.assertEqual(ended, UNAVAILABLE)
        self.assertEqual(self.reports(), [])
        for number, (before, after) in enumerate(zip(asked, asked[1:4])):
            self.assertGreater(after - before, 0.95 * 2 ** number, asked)

    def test_a_log_put_back_ends_the_watch_with_1_and_the_change_names_its_proof(self):
        memory = self.host.folder / "watch-memory"
        self.host.stop_daemon()
        older = self.host.folder / "older"
        shutil.copytree(self.host.data, older, ignore=shutil.ignore_patterns("look-up*"))
        self.host.start_daemon()
        self.host.append(b"later\n")
        self.host.anchor()
        watch = self.watch(f"unix:{self.host.control}", "--memory", memory, "--webhook",
                           f"http://127.0.0.1:{self.hook.server_address[1]}/hook")
        wait_until(lambda: self.reports(), "a visit")
        self.host.stop_daemon()
        wait_until(lambda: self.posted, "absence is told")
        shutil.rmtree(self.host.data)
        shutil.copytree(older, self.host.data)
        self.host.start_daemon()
        wait_until(lambda: self.posted[-1]["conclusion"] == "tampered", "and what came back")
        self.assertTrue(pathlib.Path(self.posted[-1]["proof"]).is_dir(), self.posted[-1])
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(PATIENCE), TAMPERED)

    def test_a_change_is_told_once_and_the_end_is_clean(self):
        told = self.host.folder / "told"
        script = self.host.folder / "tell it; $(false)"  # a name that a shell would take apart
        script.write_text(f'#!/bin/sh\nprintf "%s|%s|%s|%s\\n" "$1" "$2" "$3" "$STELE_CONCLUSION" >> "{told}"\n')
        script.chmod(0o700)
        url = f"unix:{self.host.control}"
        watch = self.watch(url, "--on-change", script, "--webhook", f"http://127.0.0.1:{self.hook.server_address[1]}/hook")
        wait_until(lambda: len(self.reports()) >= 2, "two visits")
        self.assertFalse(told.exists(), "nothing had changed")
        self.host.stop_daemon()
        wait_until(lambda: told.exists() and len(self.posted) == 1, "the host's absence is told")
        self.assertEqual(told.read_text(), f"unreachable|verified|{url}|unreachable\n")
        self.host.start_daemon()
        wait_until(lambda: len(self.posted) == 2, "its return is told")
        wait_until(lambda: len(told.read_text().splitlines()) == 2, "to the command too")
        self.assertEqual([(p["schema"], p["conclusion"], p["previous"]) for p in self.posted],
                         [("stele.change/1", "unreachable", "verified"), ("stele.change/1", "verified", "unreachable")])
        watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(PATIENCE), OK)
        for line in self.reports():
            self.assertEqual(json.loads(line)["conclusion"], "verified")


if __name__ == "__main__":
    unittest.main(verbosity=2)
