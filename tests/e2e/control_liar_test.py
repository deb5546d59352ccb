"""Goal: no host ends an auditor's command with a verdict of its own making. Method: a control socket, as it may be carried
to him from a host under judgement, that refuses with each code that would be a verdict, or says what the protocol does
not; beside it one that refuses as a daemon does."""
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import unittest

from stele_host import BIN, MALFORMED, PATIENCE, UNAVAILABLE, run

TRUST = pathlib.Path(__file__).parents[1] / "golden" / "v1" / "mode-a" / "trust"


class Liar:
    """Says one thing to whoever comes."""

    def __init__(self, path, says):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.says, self.url = says, f"unix:{path}"
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                client.sendall(self.says)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class LyingSocket(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="stele-liar-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "roots").mkdir()
        made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                   "/CN=Maker", "-keyout", self.folder / "key", "-out", self.folder / "roots" / "maker.pem")
        self.assertEqual(made.returncode, 0, made.stderr)

    def asked(self, says):
        """What `stele challenge` and `stele enroll` end with."""
        liar = Liar(self.folder / "socket", says)
        try:
            challenged = run(BIN / "stele", "challenge", liar.url, "--trust", TRUST, "--memory", self.folder / "memory")
            enrolled = run(BIN / "stele", "enroll", liar.url, "--ek-roots", self.folder / "roots", "-o", self.folder / "trust")
        finally:
            liar.close()
            (self.folder / "socket").unlink()
        for done in (challenged, enrolled):
            self.assertEqual(done.stdout, b"")
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name in ("trust", "memory")], [])
        return challenged.returncode, enrolled.returncode

    def test_a_refusal_is_never_a_verdict(self):
        for code in (0, 1, 2, 256, -1, 63, 79, "0", None):
            with self.subTest(code):
                line = json.dumps({"ok": False, "exit": code, "message": "verified"}).encode() + b"\n"
                self.assertEqual(self.asked(line), (MALFORMED, MALFORMED))

    def test_a_refusal_says_nothing_about_this_end(self):
        for code in (64, 70, 73, 74, 76, 78):
            with self.subTest(code):
                line = json.dumps({"ok": False, "exit": code, "message": "your disk is full"}).encode() + b"\n"
                self.assertEqual(self.asked(line), (UNAVAILABLE, UNAVAILABLE))

    def test_a_socket_that_falls_silent_is_given_up(self):
        """It answers HTTP with a line of its own, and then says no more: within --timeout."""
        path = self.folder / "socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            asking = subprocess.Popen([BIN / "stele", "challenge", f"unix:{path}", "--trust", TRUST, "--timeout", "2"],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(asking.kill)
            first = listener.accept()[0]
            with first:
                first.recv(65536)
                first.sendall(b'{"ok":true}\n')
            with listener.accept()[0] as second:
                second.recv(65536)
                _, words = asking.communicate(timeout=PATIENCE)
        self.assertEqual(asking.returncode, UNAVAILABLE, words)

    def test_what_is_not_the_protocol_is_said_to_be_none(self):
        # Where it ends before a last line came, it has not answered; so it is with HTTP that might still begin.
        for says, codes in ((b'{"ok":true}\n', (MALFORMED, MALFORMED)), (b'{"ok":true,"reply":7}\n', (MALFORMED, MALFORMED)),
                            (b'{"ok":"yes"}\n', (MALFORMED, MALFORMED)), (b'{"evidence":7}\n', (MALFORMED, UNAVAILABLE)),
                            (b"[]\n", (UNAVAILABLE, UNAVAILABLE)), (b"\0\n", (UNAVAILABLE, UNAVAILABLE))):
            with self.subTest(says):
                self.assertEqual(self.asked(says), codes)

    def test_the_twin_refuses_as_a_daemon_does(self):
        line = json.dumps({"ok": False, "exit": UNAVAILABLE, "message": "the TPM is away"}).encode() + b"\n"
        self.assertEqual(self.asked(line), (UNAVAILABLE, UNAVAILABLE))


if __name__ == "__main__":
    unittest.main(verbosity=2)
