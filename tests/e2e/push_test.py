"""Goal: receipts are off the host at once: in a file on another mount, at an HTTP(S) endpoint; a place that was away
gets what it missed; nothing waits for it; and a log that was put back contradicts what is held there.
Method: real daemons; receivers of our own that refuse, hang, and ask for a client's certificate; /dev/shm as the other
mount where there is one."""
import http.server
import os
import pathlib
import shutil
import ssl
import tempfile
import threading
import unittest

from stele_host import BIN, CONFIGURATION, OK, TAMPERED, Host, run, wait_until

SHM = pathlib.Path("/dev/shm")


class Receiver:
    """Takes POSTs; keeps the bodies. status: what it answers; 0: nothing, ever."""

    def __init__(self, context=None):
        self.status, self.refusal, self.bodies, self.released = 200, b"", [], threading.Event()
        handler = type("Handler", (Handler,), {"receiver": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def url(self, scheme="http"):
        return f"{scheme}://localhost:{self.server.server_address[1]}/receipts"

    def lines(self, kind):
        return [line for body in list(self.bodies) for line in body.splitlines() if line.split(" ")[2] == kind]

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.receiver.status == 0:
            self.receiver.released.wait()
            return
        if self.receiver.status == 200:
            self.receiver.bodies.append(body)
        self.send_response(self.receiver.status)
        refusal = b"" if self.receiver.status == 200 else self.receiver.refusal
        self.send_header("Content-Length", str(len(refusal)))
        self.end_headers()
        self.wfile.write(refusal)

    def log_message(self, *_):
        pass


def seqs(lines):
    """Of anchor lines: seq lies at 48 in the statement."""
    import base64
    return [int.from_bytes(base64.b64decode(line.split(" ")[4])[48:56], "big") for line in lines]


class Push(unittest.TestCase):
    def make(self):
        host = Host("b")
        self.addCleanup(host.close)
        host.provision()
        return host

    def receiver(self, **options):
        made = Receiver(**options)
        self.addCleanup(made.close)
        return made

    def place(self, host):
        return [p for p in host.status()["outward"] if p["kind"] == "push"][0]

    def anchors(self, host, count):
        for i in range(count):
            host.append(b"event %d\n" % i)
            host.anchor()

    def test_an_endpoint_gets_each_receipt_once_and_what_it_missed(self):
        host, receiver = self.make(), self.receiver()
        host.write_config(extra=f'[[push]]\nto = "{receiver.url()}"\ninterval = "1s"\n')
        host.start_daemon()
        self.anchors(host, 3)
        wait_until(lambda: set(seqs(receiver.lines("anchor"))) >= {1, 2, 3, 4}, "four receipts")
        wait_until(lambda: receiver.lines("checkpoint"), "a checkpoint")
        receiver.status = 503
        self.anchors(host, 40)  # more than one POST carries; none of them waits
        wait_until(lambda: self.place(host)["state"] == "failing", "failing")
        self.assertIn("503", self.place(host)["reason"])
        wait_until(lambda: self.place(host)["lag"] > 30, "what it missed")
        made = host.status()["anchoring"]["counter_anchors"]
        host.daemon.kill()  # and what was not pushed is in the journal
        host.daemon.wait()
        receiver.status = 200
        host.start_daemon()
        wait_until(lambda: host.status()["anchoring"]["counter_anchors"] > made, "the start's counter anchor")
        newest = host.status()["anchoring"]["counter_anchors"]
        wait_until(lambda: max(seqs(receiver.lines("anchor"))) >= newest, f"receipt {newest}")
        self.assertEqual(sorted(set(seqs(receiver.lines("anchor")))), list(range(1, newest + 1)))
        wait_until(lambda: self.place(host)["state"] == "working" and self.place(host)["lag"] == 0, "no lag")
        host.stop_daemon()
        final = host.stele("status", "-o", "json", expect=OK)
        self.assertTrue(final.stdout)
        self.assertGreater(max(seqs(receiver.lines("anchor"))), newest)  # the final anchor's too
        held = host.folder / "held"
        held.write_text("".join(receiver.bodies))
        verdict = host.verify("--receipts", held)
        self.assertEqual(verdict["conclusion"], "verified", verdict)
        self.assertEqual(verdict["held_receipts"], max(seqs(receiver.lines("anchor"))))

    def test_what_an_endpoint_says_cannot_break_the_status(self):
        host, receiver = self.make(), self.receiver()
        receiver.status = 500
        receiver.refusal = b"\xff\xfe bad \x1b[31m" + b"a" * 187 + "\u00e9".encode()  # cut within the last
        host.write_config(extra=f'[[push]]\nto = "{receiver.url()}"\ninterval = "1s"\n')
        host.start_daemon()
        self.anchors(host, 1)
        wait_until(lambda: self.place(host)["state"] == "failing", "failing")
        reason = self.place(host)["reason"]
        self.assertIn("500: \\xff\\xfe bad \\x1b[31m", reason)
        self.assertTrue(reason.isascii(), reason)

    def test_one_that_never_answers_holds_up_neither_events_nor_the_end(self):
        host, receiver = self.make(), self.receiver()
        receiver.status = 0
        host.write_config(extra=f'[[push]]\nto = "{receiver.url()}"\n')
        host.start_daemon()
        self.anchors(host, 5)
        host.append(b"more\n" * 1000)
        self.assertRegex(host.stele("status", expect=OK).stdout.decode(), r"(?m)^push +http://.*has the receipts up to anchor 0")
        host.stop_daemon()
        self.assertEqual(host.verify()["conclusion"], "verified")

    def test_a_log_put_back_contradicts_the_receipts_that_are_held(self):
        host = self.make()
        kept = host.folder / "elsewhere" / "receipts"
        kept.parent.mkdir()
        host.write_config(extra=f'[[push]]\nto = "{kept}"\nsame_mount = true\n')
        host.start_daemon()
        self.anchors(host, 2)
        host.stop_daemon()
        older = host.folder / "older"
        shutil.copytree(host.data, older, ignore=shutil.ignore_patterns("look-up*"))
        host.start_daemon()
        self.anchors(host, 3)
        host.stop_daemon()
        self.assertEqual(host.verify("--receipts", kept)["conclusion"], "verified")  # the twin
        verdict = host.verify("--receipts", kept, path=older)
        self.assertEqual(verdict["exit"], TAMPERED, verdict)
        self.assertIn("held_receipt_missing", [d["fault"] for d in verdict["defects"]])
        self.assertEqual(host.verify(path=older)["conclusion"], "verified")  # who holds nothing cannot know
        self.check_bundles(host, older, kept)
        # Lines that somebody forged, or another log's, and a last one that was cut, raise no alarm.
        lines = kept.read_text().splitlines(keepends=True)
        anchor = next(line for line in lines if " anchor " in line)
        bent = anchor[:-20] + ("A" if anchor[-20] != "A" else "B") + anchor[-19:]
        kept.write_text("".join(lines) + bent + "noise\n" + lines[0][:300])
        verdict = host.verify("--receipts", kept)
        self.assertEqual(verdict["conclusion"], "verified", verdict)
        self.assertIn("held_receipt_invalid", [f["finding"] for f in verdict["findings"]])

    def check_bundles(self, host, older, kept):
        """The same of bundles: whole, without records, and since a visit."""
        memory = host.folder / "memory"
        host.verify("--memory", memory, path=older)
        config = host.folder / "older.toml"
        config.write_text(host.config.read_text().replace(str(host.data), str(older)))
        bundles = {}
        for name, which, arguments in (("cut", config, []), ("bare", config, ["--no-records"]), ("whole", host.config, []),
                                       ("since", host.config, ["--since", memory])):
            bundles[name] = host.folder / name
            done = run(BIN / "stele", "bundle", "-o", bundles[name], "--config", which, *arguments)
            self.assertEqual(done.returncode, OK, done.stderr)
        for name in ("cut", "bare"):
            self.assertEqual(host.verify(path=bundles[name])["conclusion"], "verified")
            verdict = host.verify("--receipts", kept, path=bundles[name])
            self.assertEqual(verdict["exit"], TAMPERED, verdict)
            self.assertIn("held_receipt_missing", [d["fault"] for d in verdict["defects"]])
        verdict = host.verify("--receipts", kept, path=bundles["whole"])
        self.assertEqual((verdict["conclusion"], verdict["held_receipts"] > 4), ("verified", True), verdict)
        verdict = host.verify("--receipts", kept, "--memory", memory, path=bundles["since"])
        self.assertEqual(verdict["conclusion"], "verified", verdict)
        self.assertIn("held_receipt_not_compared", [f["finding"] for f in verdict["findings"]])
        # A line that never ends is refused, not held.
        endless = host.folder / "endless"
        endless.write_bytes(b"a" * (32 << 20) + b"\n" + kept.read_bytes())
        verdict = host.verify("--receipts", endless, path=bundles["whole"])
        self.assertEqual(verdict["conclusion"], "verified", verdict)
        self.assertIn("held_receipt_invalid", [f["finding"] for f in verdict["findings"]])

    def test_a_file_is_bounded_ends_a_torn_line_and_needs_its_own_mount(self):
        host = self.make()
        kept = host.folder / "elsewhere" / "receipts"
        kept.parent.mkdir()
        host.write_config(extra=f'[[push]]\nto = "{kept}"\n')
        host.start_daemon()
        host.anchor()
        wait_until(lambda: self.place(host)["state"] == "failing", "failing")
        self.assertIn("same_mount", self.place(host)["reason"])
        host.stop_daemon()
        self.assertFalse(kept.exists())
        kept.write_text("stele-push 1 anch")  # torn by a crash
        host.write_config(extra=f'[[push]]\nto = "{kept}"\nsame_mount = true\nmax_bytes = "64KiB"\n')
        host.start_daemon()
        self.anchors(host, 60)
        wait_until(lambda: self.place(host)["lag"] == 0, "no lag")
        host.stop_daemon()
        self.assertLessEqual(kept.stat().st_size, 64 << 10)
        before = kept.with_name("receipts.1")
        self.assertLessEqual(before.stat().st_size, 64 << 10)
        both = host.folder / "both"
        both.write_text(before.read_text() + kept.read_text())
        self.assertEqual(host.verify("--receipts", both)["conclusion"], "verified")

    @unittest.skipUnless(SHM.is_dir() and os.access(SHM, os.W_OK)
                         and SHM.stat().st_dev != pathlib.Path(tempfile.gettempdir()).stat().st_dev,
                         "no second mount to write on")
    def test_another_mount_is_taken_as_it_is(self):
        host = self.make()
        with tempfile.TemporaryDirectory(dir=SHM) as mount:
            host.write_config(extra=f'[[push]]\nto = "{mount}/receipts"\n')
            host.start_daemon()
            self.anchors(host, 1)
            wait_until(lambda: self.place(host)["state"] == "working" and self.place(host)["lag"] == 0, "pushed")
            host.stop_daemon()
            self.assertEqual(host.verify("--receipts", f"{mount}/receipts")["conclusion"], "verified")

    def certificates(self, folder):
        def openssl(*arguments):
            done = run("openssl", *arguments)
            self.assertEqual(done.returncode, OK, done.stderr)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca",
                "-days", "30", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
        for name, san in (("server", "DNS:localhost"), ("client", "DNS:log.example")):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
            (folder / "ext").write_text(f"subjectAltName={san}\n")
            openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
                    "-days", "30", "-extfile", folder / "ext", "-out", folder / f"{name}.pem")

    def test_https_is_mutual_and_another_name_or_authority_is_not_taken(self):
        host = self.make()
        self.certificates(host.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(host.folder / "server.pem", host.folder / "server.key")
        context.load_verify_locations(host.folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        receiver = self.receiver(context=context)
        own = f'certificate = "{host.folder}/client.pem"\ncertificate_key = "{host.folder}/client.key"\n'
        trusted = f'ca = "{host.folder}/ca.pem"\n'
        other_name = receiver.url("https").replace("localhost", "127.0.0.1")
        for to, keys, good in ((receiver.url("https"), trusted, False), (receiver.url("https"), own, False),
                               (other_name, own + trusted, False), (receiver.url("https"), own + trusted, True)):
            host.write_config(extra=f'[[push]]\nto = "{to}"\n{keys}')
            host.start_daemon()
            host.anchor()
            wait_until(lambda: self.place(host)["state"] in ("working", "failing"), "an outcome")
            self.assertEqual(self.place(host)["state"], "working" if good else "failing", (to, keys, self.place(host)))
            self.assertEqual(bool(receiver.lines("anchor")), good)
            host.stop_daemon()

    def test_what_cannot_be_is_refused_before_the_start(self):
        host = self.make()
        for place in ('to = "relative/path"', 'to = "http://log.example/receipts"', 'to = "ftp://localhost/"',
                      f'to = "{host.folder}/x"\nca = "/nowhere"', 'interval = "1s"', 'to = "/x"\nmax_bytes = 5',
                      'to = "https://localhost:99999/"', 'to = "https://localhost/"\ncertificate = "/x"'):
            host.write_config(extra=f"[[push]]\n{place}\n")
            done = run(pathlib.Path(os.environ.get("STELE_BIN", "build/dev/bin")) / "steled", "--config", host.config,
                       "--check-config")
            self.assertEqual(done.returncode, CONFIGURATION, place)
            self.assertIn(b"[[push]]", done.stderr, place)


if __name__ == "__main__":
    unittest.main(verbosity=2)
