"""A whole host for black-box tests: a private software TPM, a data directory, a daemon, the commands.

Everything lives in one temporary folder; close() ends what was started and removes the folder. The
binaries are found in the folder STELE_BIN names. Standard library only.
"""
import base64
import contextlib
import errno
import functools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from without_landlock import without_landlock

BIN = pathlib.Path(os.environ.get("STELE_BIN", "build/dev/bin")).resolve()
PATIENCE = 120  # seconds until a step that should happen counts as failed; generous for sanitizers
OK, TAMPERED, UNDETERMINED = 0, 1, 2
USAGE, MALFORMED, NO_INPUT, UNAVAILABLE, CANNOT_CREATE, IO_ERROR, TEMPORARY = 64, 65, 66, 69, 73, 74, 75
PERMISSION, CONFIGURATION = 77, 78
HEARTBEAT = "1h"


def wait_until(condition, what):
    """Looks with at most a third of a processor: a look is mostly a process, and what it waits for needs it too."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        before = sum(os.times()[:4])  # of this process and of those that it waited for
        if condition():
            return
        time.sleep(max(0.02, 2 * (sum(os.times()[:4]) - before)))
    raise AssertionError(f"did not happen within {PATIENCE} s: {what}")


def flipped(path, at):
    """A copy beside it, one bit of that byte changed."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    changed = path.with_name(path.name + ".flipped")
    changed.write_bytes(data)
    return changed


def run(*command, **options):
    """Runs a command to its end; its output as bytes."""
    options.setdefault("stdin", subprocess.DEVNULL) if "input" not in options else None
    return subprocess.run([str(part) for part in command], capture_output=True, timeout=5 * PATIENCE, **options)


@functools.cache
def escrow_pair():
    """An auditor's key and certificate, made once for all hosts of a test."""
    with tempfile.TemporaryDirectory(prefix="stele-escrow-") as folder:
        key, certificate = (pathlib.Path(folder) / name for name in ("key", "certificate"))
        made = run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=auditor", "-days", "3650",
                   "-keyout", key, "-out", certificate)
        assert made.returncode == 0, made.stderr
        return key.read_bytes(), certificate.read_bytes()


def listens(port):
    """Whether somebody listens on 127.0.0.1, seen without connecting: only then may nobody share the address, who like
    swtpm asks for that. (Reading /proc/net/tcp instead took an eighth of all processor time of the tests.) swtpm opens
    its control port first: one that answers there may still be deaf to commands."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", port))
        except OSError as refused:
            if refused.errno != errno.EADDRINUSE:
                raise
            return True
    return False


class Tpm:
    """A swtpm on two neighbouring free ports of 127.0.0.1."""

    def __init__(self, folder):
        self.state = pathlib.Path(folder)
        self.state.mkdir(exist_ok=True)
        self.process = None
        self.port = None
        self.reservation = None

    @property
    def tcti(self):
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def start(self):
        """Does nothing while it runs."""
        if self.process and self.process.poll() is None:
            return
        for _ in range(20):
            port = self.port or self._free_pair()
            process = subprocess.Popen(
                ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.state}", "--server",
                 f"type=tcp,port={port},bindaddr=127.0.0.1", "--ctrl",
                 f"type=tcp,port={port + 1},bindaddr=127.0.0.1", "--flags", "not-need-init,startup-clear"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not (listens(port) and listens(port + 1)):
                time.sleep(0.02)
            if process.poll() is None:
                self.process, self.port = process, port
                return
            self.port = None  # somebody else was faster on these ports
        raise AssertionError("swtpm does not start")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def _free_pair(self):
        """Two neighbouring ports below the ephemeral range, reserved against every other test by a name."""
        while True:
            port = random.randrange(15_000, 31_998, 2)
            reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with socket.socket() as first, socket.socket() as second:
                try:
                    reservation.bind(f"\0stele-swtpm-{port}")
                    first.bind(("127.0.0.1", port))
                    second.bind(("127.0.0.1", port + 1))
                except OSError:
                    reservation.close()
                    continue
            if self.reservation:
                self.reservation.close()
            self.reservation = reservation  # held as long as this TPM may come back
            return port


class Host:
    def __init__(self, mode="a", origin="test.example/log"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stele-e2e-"))
        self.mode, self.origin = mode, origin
        self.data = self.folder / "data"
        self.config = self.folder / "steled.toml"
        self.ingest = self.folder / "ingest.sock"
        self.control = self.folder / "control.sock"
        self.tpm = Tpm(self.folder / "tpm")
        self.daemon = None
        self.notify = None
        self.daemon_log = self.folder / "steled.log"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        self.tpm.stop()
        if self.notify:
            self.notify.close()
        shutil.rmtree(self.folder)

    # -- making the log

    def provision(self, **options):
        self.tpm.start()
        arguments = ["provision", "--tcti", self.tpm.tcti, "--origin", self.origin, "--mode", self.mode]
        if self.mode == "a":
            arguments += ["--escrow", self.folder / "escrow", "--escrow-key", self.escrow_certificate()]
        self.write_config(**options)
        return self.stele(*arguments, expect=OK)

    def escrow_certificate(self):
        key, certificate = escrow_pair()
        (self.folder / "auditor.key").write_bytes(key)
        (self.folder / "auditor.pem").write_bytes(certificate)
        return self.folder / "auditor.pem"

    def write_config(self, heartbeat=HEARTBEAT, quote_interval="200ms", refill="10ms", burst=100, tcti=None, extra=""):
        # Plain segments unless asked otherwise: hands and the second verifier read records, not zstd.
        plain = "" if "[storage]" in extra else "\n[storage]\npack = false\n"
        self.config.write_text(f"""data = "{self.data}"
[tpm]
tcti = "{tcti or self.tpm.tcti}"
[listen.unix]
path = "{self.ingest}"
[control]
path = "{self.control}"
[anchor]
heartbeat = "{heartbeat}"
quote_interval = "{quote_interval}"
refill = "{refill}"
burst = {burst}
{extra}{plain}""")

    # -- the daemon

    def start_daemon(self, wait=True):
        notify_path = self.folder / "notify.sock"
        notify_path.unlink(missing_ok=True)
        if self.notify:
            self.notify.close()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(notify_path))
        self.notify.settimeout(0.1)
        with open(self.daemon_log, "ab") as log:
            self.daemon = subprocess.Popen([BIN / "steled", "--config", self.config], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log, env={**os.environ, "NOTIFY_SOCKET": str(notify_path)},
                                           preexec_fn=without_landlock if "FAKETIME_TIMESTAMP_FILE" in os.environ else None)
        if wait:
            wait_until(lambda: self.is_ready() or self.daemon.poll() is not None, "READY=1 from steled")
            assert self.daemon.poll() is None, f"steled ended with {self.daemon.returncode}:\n{self.daemon_words()}"

    def is_ready(self):
        """Whether READY=1 has come."""
        with contextlib.suppress(socket.timeout):
            return b"READY=1" in self.notify.recv(4096).split(b"\n")
        return False

    def daemon_words(self):
        return self.daemon_log.read_text(errors="replace")

    def stop_daemon(self, expect=OK):
        self.daemon.send_signal(signal.SIGTERM)
        self.wait_for_end(expect)

    def wait_for_end(self, expect=OK):
        code = self.daemon.wait(PATIENCE)
        assert code == expect, f"steled ended with {code}:\n{self.daemon_words()}"

    # -- commands

    def stele(self, *arguments, expect=None, **options):
        done = run(BIN / "stele", *arguments, "--config", self.config, **options)
        if expect is not None:
            assert done.returncode == expect, f"stele {arguments}: exit {done.returncode}\n{done.stderr.decode()}"
        return done

    def append(self, events, *arguments):
        """Sends bytes through `stele append -o json -`; the indices that its events got, in order."""
        done = self.stele("append", "-o", "json", *arguments, input=events, expect=OK)
        return placed(done.stdout)

    def anchor(self):
        return json.loads(self.stele("anchor", "-o", "json", expect=OK).stdout)

    def status(self):
        """What `stele status -o json` prints (lifecycle_test.py compares), asked without its process where a daemon
        answers: waiting is mostly asking for it."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(str(self.control))
            control.sendall(b'{"do":"status"}\n')
            reply = control.makefile("rb").readline()
            if reply.endswith(b"\n"):
                told = json.loads(reply)
                assert told["ok"], told
                return told["status"]
        return json.loads(self.stele("status", "-o", "json", expect=OK).stdout)

    def trust(self):
        path = self.folder / "trust"
        self.stele("trust", "-o", path, expect=OK)
        return path

    def verify(self, *arguments, path=None, trust=None):
        """stele-verify's report as JSON, with its exit code in `exit`."""
        done = run(BIN / "stele-verify", path or self.data, "-o", "json", "--trust", trust or self.trust(), *arguments)
        assert done.stdout, f"stele-verify: exit {done.returncode}\n{done.stderr.decode()}"
        return {**json.loads(done.stdout), "exit": done.returncode}

    def events(self):
        """Every event's bytes by index, read back through `stele query`."""
        records = self.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        return {r["index"]: content(r) for r in map(json.loads, records) if r["kind"] == "event"}


def placed(acknowledgements):
    """Indices in the JSON lines that `stele append -o json` or the ingest socket gave."""
    indices = []
    for line in acknowledgements.splitlines():
        group = json.loads(line)
        indices += range(group["first"], group["next"])
    return indices


def content(record):
    return record["text"].encode() if "text" in record else base64.b64decode(record["bytes"])


def lines_of(data):
    """Events as frame=lf sees them: LF ends one, a last one may lack it."""
    events = data.split(b"\n")
    return events if events[-1] else events[:-1]


def len32(event):
    return struct.pack(">I", len(event)) + event
