"""A host whose TPM bears its maker's certificate, an auditor elsewhere, and whoever is between the two.

What is between them is a forwarder on a Unix socket that records
every message, and holds, changes, drops or repeats any of them."""
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading

from enroll_host import Maker
from stele_host import BIN, OK, PATIENCE, Host, run, wait_until

HELLO, COMMAND, RESPONSE, REFUSED, LOCKED, KEPT = range(1, 7)
OWNER, LOCKOUT = 0x40000001, 0x4000000A
READ_PUBLIC, CHANGE_AUTH = 0x173, 0x129
AUTHORISED = 0x8002  # the tag of a command or response that bears sessions


def tag_and_code(message):
    return struct.unpack(">HxxxxI", message[1][:10])


def memory_of(pid):
    """All that is readable in a running process, piece by piece."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            addresses, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            begin, end = (int(part, 16) for part in addresses.split("-"))
            if end - begin >= 1 << 30:  # a sanitizer's shadow; nothing of ours is so large
                continue
            with contextlib.suppress(OSError, ValueError, OverflowError):
                memory.seek(begin)
                yield memory.read(end - begin)


def holds(pieces, secret):
    """Whether one of these holds the secret, as bytes or as digits."""
    forms = (secret, secret.hex().encode(), secret.hex().upper().encode())
    return any(form in piece for piece in pieces for form in forms)


class Between(threading.Thread):
    """Carries one visit's messages. act(direction, number, message) gives those to pass on instead; None: hang up.
    Numbers count from 0 in each direction, 'down' to the host and 'up' to the auditor; message is (kind, payload)."""

    def __init__(self, path, host, act=lambda direction, number, message: [message]):
        super().__init__(daemon=True)
        self.path, self.host, self.act = path, host, act
        self.passed = {"down": [], "up": []}  # as it came, before anything was done to it
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.start()

    def run(self):
        auditor, _ = self.listener.accept()
        with auditor, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as host:
            host.connect(str(self.host))
            ends = {"down": (auditor, host), "up": (host, auditor)}
            other = threading.Thread(target=self.carry, args=("down", *ends["down"]), daemon=True)
            other.start()
            self.carry("up", *ends["up"])
            for end in (auditor, host):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            other.join()
        self.listener.close()

    def carry(self, direction, source, target):
        with contextlib.suppress(OSError, EOFError):
            while True:
                head = self.exactly(source, 5)
                kind, length = struct.unpack(">BI", head)
                message = (kind, self.exactly(source, length))
                number = len(self.passed[direction])
                self.passed[direction].append(message)
                instead = self.act(direction, number, message)
                if instead is None:
                    break
                for kind, payload in instead:
                    target.sendall(struct.pack(">BI", kind, len(payload)) + payload)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def exactly(source, count):
        data = b""
        while len(data) < count:
            more = source.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def everything(self):
        return [payload for messages in self.passed.values() for _, payload in messages]


class LockHost(Host):
    """A host that is provisioned in mode a from outside; `auditor` is a folder that stands for another machine."""

    def __init__(self):
        super().__init__("a")
        self.auditor = self.folder.parent / (self.folder.name + "-auditor")
        self.auditor.mkdir()
        self.maker = Maker()
        self.maker.make(self.tpm.state)
        self.roots = self.maker.roots()
        self.secrets, self.pinned = self.auditor / "secrets", self.auditor / "trust"
        self.socket, self.between = self.folder / "relay.sock", self.auditor / "relay.sock"
        self.relay = None
        self.relay_log = self.folder / "relay.log"

    def close(self):
        self.end_relay()
        self.maker.close()
        shutil.rmtree(self.auditor)
        super().close()

    # -- the host

    def start_relay(self, failpoint=None, wait=True):
        self.tpm.start()
        self.write_config()
        environment = {**os.environ, **({"STELE_FAILPOINT": failpoint} if failpoint else {})}
        self.relay_log.write_bytes(b"")
        with open(self.relay_log, "ab") as log:
            self.relay = subprocess.Popen(
                [BIN / "stele", "provision", "--tcti", self.tpm.tcti, "--origin", self.origin, "--mode", "a",
                 "--from-outside", f"unix:{self.socket}", "--config", self.config], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=environment)
        if wait:
            wait_until(lambda: b"waiting for the auditor" in self.relay_log.read_bytes() or
                       self.relay.poll() is not None, "the host waits for the auditor")

    def need_relay(self):
        """One that waits for the auditor: another, where the last visit was the end of the one before."""
        if self.relay is None or self.relay.poll() is not None:
            self.end_relay()
            self.start_relay()

    def end_relay(self):
        if self.relay and self.relay.poll() is None:
            self.relay.send_signal(signal.SIGKILL)
            self.relay.wait()
        self.relay = None

    def relay_ends(self, expect=OK):
        code = self.relay.wait(PATIENCE)
        assert code == expect, f"provision ended with {code}:\n{self.relay_log.read_text(errors='replace')}"
        self.relay = None

    def keep_copy(self, name):
        """All that the host is, TPM included, while nothing of it runs."""
        self.tpm.stop()
        for what in (self.data, self.tpm.state):
            shutil.copytree(what, self.folder / name / what.name)

    def put_back(self, name, forget=True):
        self.tpm.stop()
        for what in (self.data, self.tpm.state):
            shutil.rmtree(what)
            shutil.copytree(self.folder / name / what.name, what)
        if forget:
            self.secrets.unlink(missing_ok=True)
            self.pinned.unlink(missing_ok=True)

    def root(self, *command):
        """A tool in root's hands, at this TPM; whether it did its work."""
        return run(*command, env={**os.environ, "TPM2TOOLS_TCTI": self.tpm.tcti}, cwd=self.folder).returncode == OK

    # -- the auditor

    def lock_command(self, through=None, secrets=None):
        return [BIN / "stele", "lock", f"unix:{through or self.socket}", "--ek-roots", self.roots, "--allow-simulator",
                "--secrets", secrets or self.secrets, "-o", self.pinned]

    def lock(self, through=None, failpoint=None, **options):
        environment = {**os.environ, **({"STELE_FAILPOINT": failpoint} if failpoint else {})}
        return run(*self.lock_command(through, **options), env=environment)

    def kept_secrets(self):
        kept = json.loads(self.secrets.read_text())
        return [bytes.fromhex(kept[name]) for name in ("owner_auth", "lockout_auth")]

    def is_locked_with(self, owner):
        """By root's tools: the owner hierarchy opens with this secret, and with no other."""
        define = ("tpm2_nvdefine", "0x018053fe", "-C", "o", "-s", "8")
        if self.root(*define):
            self.root("tpm2_nvundefine", "0x018053fe", "-C", "o")
            return False
        hex_auth = f"hex:{owner.hex()}"
        return (self.root(*define, "-P", hex_auth) and
                self.root("tpm2_nvundefine", "0x018053fe", "-C", "o", "-P", hex_auth))
