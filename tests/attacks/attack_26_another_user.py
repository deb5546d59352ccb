"""Goal: a user of the host who is not root can send events under its own name, and nothing else.

Method: as such a user, with the ingest socket open to all: lies about the sender, the control socket, files,
process, sockets, and the TPM's indexes. Each is refused, or stands in the log with the user's true id; the log is
verified and anchoring goes on."""
import contextlib
import json
import os
import pickle
import signal
import socket
import unittest

from scene import BIN, Scene, run, wait_until
from tpm_hands import BAD_AUTH, Hand, Refused, Secrets

USER = 64_326  # no user of this machine
OPEN_TO_ALL = '[listen.unix]\npath = "{0}"\nmode = 0o666\n'
AUTH_FAIL = 0x98E  # TPM_RC_AUTH_FAIL of session 1: counts towards lockout, which our indexes are out of


def as_user(action, *arguments):
    """The pid of a process of the user, and what action(*arguments) gives in it, or which way it was refused."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        try:
            result = action(*arguments)
        except PermissionError as error:
            result = error
        except Refused as error:
            result = ("refused", error.code)
        except BaseException as error:
            result = repr(error)
        os.write(writing, pickle.dumps((os.getpid(), result)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    return told


def send(path, lines):
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(str(path))
        sender.sendall(b"STELE/1 ack=durable\n" + b"".join(line + b"\n" for line in lines))
        sender.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sender.recv(65536), b""))


def ask(path, request):
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(path))
        with contextlib.suppress(BrokenPipeError):  # who may not ask is told so before he has asked
            asker.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(asker.makefile("rb").readline())


def read(path):
    with open(path, "rb") as file:
        return file.read(1)


def write(path):
    with open(path, "r+b") as file:
        return file.write(b"!")


class AnotherUser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.stop_daemon()
        text = cls.scene.config.read_text()
        unix = f'[listen.unix]\npath = "{cls.scene.ingest}"\n'
        assert unix in text
        cls.scene.config.write_text(text.replace(unix, OPEN_TO_ALL.format(cls.scene.ingest)))
        cls.scene.folder.chmod(0o755)  # so that it is the files themselves that refuse
        cls.scene.start_daemon()
        cls.tried = 0

    def forbidden(self, action, *arguments):
        type(self).tried += 1
        _, result = as_user(action, *arguments)
        self.assertIsInstance(result, PermissionError, (action, arguments, result))

    def goes_on(self):
        self.scene.say(b"after it")
        self.scene.anchor()
        self.scene.judge("verified", integrity="pass", completeness="pass")

    def records(self):
        told = self.scene.stele("query", "--limit", "0", "-o", "jsonl", expect=0).stdout
        return {record["index"]: record for record in map(json.loads, told.splitlines())}

    def test_lies_about_the_sender_stay_content(self):
        lies = [b'{"gid":0,"pid":1,"transport":"unix","uid":0}', b"STELE/1 ack=none uid=0",
                b"<38>1 2026-11-25T00:00:00Z host sshd 1 - - root logged in", b'{"source":0,"kind":"source"}']
        pid, told = as_user(send, self.scene.ingest, lies)
        indices = [i for line in told.splitlines() for i in range(json.loads(line)["first"], json.loads(line)["next"])]
        self.assertEqual(len(indices), len(lies), told)
        records = self.records()
        for index, lie in zip(indices, lies):
            type(self).tried += 1
            self.assertEqual((records[index]["kind"], records[index]["text"].encode()), ("event", lie))
            source = json.loads(records[records[index]["source"]]["text"])
            self.assertEqual(source, {"uid": USER, "gid": USER, "pid": pid, "transport": "unix"})
        self.goes_on()

    def test_nothing_is_told_to_it(self):
        request = {"do": "show", "index": 0}
        self.forbidden(ask, self.scene.control, request)
        mode = self.scene.control.stat().st_mode
        self.scene.control.chmod(0o666)
        try:
            for request in ({"do": "status"}, {"do": "show", "index": 0}, {"do": "anchor"}, {"do": "query"},
                            {"do": "answer", "nonce": "5a" * 32}):
                type(self).tried += 1
                size = len(self.records())
                _, reply = as_user(ask, self.scene.control, request)
                self.assertEqual((reply["ok"], reply["exit"]), (False, 77), reply)
                # The two looks of ours are on record, its request is not.
                kinds = [record["kind"] for index, record in self.records().items() if index >= size]
                self.assertEqual([kind for kind in kinds if kind != "access"], [])
            self.scene.config.chmod(0o644)
            with open(BIN / "stele", "rb") as stele:  # which may lie where that user cannot go
                done = run("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "/proc/self/fd/0",
                           "status", "--config", self.scene.config, stdin=stele)
            self.assertEqual((done.returncode, done.stdout), (77, b""), done.stderr)
        finally:
            self.scene.control.chmod(mode)
        self.goes_on()

    def test_files_process_and_sockets_are_out_of_its_reach(self):
        data, daemon = self.scene.data, self.scene.daemon.pid
        self.scene.data.chmod(0o755)
        try:
            for path in sorted(path for path in data.rglob("*") if path.is_file()):
                self.forbidden(read, path)
                self.forbidden(write, path)
            self.forbidden(os.rename, data / "secrets", data / "gone")
        finally:
            self.scene.data.chmod(0o700)
        for name in ("mem", "environ", "maps"):
            self.forbidden(read, f"/proc/{daemon}/{name}")
        self.forbidden(os.kill, daemon, signal.SIGTERM)
        for path in (self.scene.ingest, self.scene.control):
            self.forbidden(os.unlink, path)
            self.forbidden(os.rename, path, self.scene.folder / "elsewhere")
        self.goes_on()

    def test_the_indexes_refuse_who_does_not_know_their_secrets(self):
        self.scene.stop_daemon()
        secrets = Secrets(self.scene.data)

        def attempt(auth, how):
            with Hand(self.scene.tpm.port, secrets) as hand:
                return how(hand, auth)

        ways = (lambda hand, auth: hand.extend(auth, b"\x5a" * 32), lambda hand, auth: hand.increment(auth))
        with Hand(self.scene.tpm.port, secrets) as hand:
            before = hand.counter_value(), hand.extend_value()
        for how in ways:
            for auth in (b"", b"\0" * 32, secrets.extend_auth[:-1], secrets.counter_auth[::-1]):
                type(self).tried += 1
                _, result = as_user(attempt, auth, how)
                self.assertIn(result, [("refused", BAD_AUTH), ("refused", AUTH_FAIL)])
        with Hand(self.scene.tpm.port, secrets) as hand:
            self.assertEqual((hand.counter_value(), hand.extend_value()), before)
        self.scene.start_daemon()
        wait_until(lambda: self.scene.status()["anchoring"]["state"] == "anchoring", "anchoring goes on")
        self.goes_on()

    @classmethod
    def tearDownClass(cls):
        print(f"attack 26: {cls.tried} attempts of another user, each refused or recorded under its own uid")


if __name__ == "__main__":
    unittest.main(verbosity=2)
