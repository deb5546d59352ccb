#!/usr/bin/env python3
"""Makes a golden store: what today's binaries write, for every later verifier to read.

Usage: STELE_BIN=build/release/bin tests/golden/make.py NAME

Writes tests/golden/NAME/mode-a and mode-b; NAME says the format version, as v1. Run it once when a version
is released whose files differ, and commit the folder; never make one again that has been released. Needs swtpm.
"""
import base64
import json
import pathlib
import secrets
import shutil
import socket
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from stele_host import BIN, OK, PATIENCE, Host, len32, placed, run, wait_until  # noqa: E402

LARGE = b"a line of sixteen", 3900  # seals the first segment; its pattern only is stored beside the store
FIRST = [(b"<86>sshd[7]: session opened for root", 1), (b"", 1), (b"\0 a NUL \0", 1), (b"a CRLF\r\nand an LF\n", 1),
         (b"\xff\xfe\xc3( is no UTF-8", 1)]
LATER = [("umlauts: \u00e4\u00f6\u00fc".encode(), 1), (b"after the seal", 1)]
AFTER_RESET = [(b"in another run of the TPM", 1), (b"{\"json\": true}", 1)]


class Log:
    """A host, and what was sent to it by index."""

    def __init__(self, host):
        self.host, self.events = host, {}

    def send(self, patterns):
        sent = [pattern * times for pattern, times in patterns]
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.host.ingest))
            client.sendall(b"STELE/1 frame=len32 ack=durable\n" + b"".join(map(len32, sent)))
            client.shutdown(socket.SHUT_WR)
            acknowledged = b"".join(iter(lambda: client.recv(65536), b""))
        indices = placed(acknowledged)
        assert len(indices) == len(sent), acknowledged
        self.events.update(zip(indices, patterns))

    def start(self):
        self.host.start_daemon()
        self.wait_for_anchor()  # so that what is sent now gets a quote anchor of its own

    def wait_for_anchor(self):
        wait_until(lambda: self.host.status()["anchoring"]["unanchored"] == 0, "an anchor over all records")


def record(log, out):
    """The life of the log: two runs of the TPM, quote and counter anchors, a nonce answered, a record proved."""
    host = log.host
    log.start()
    for patterns in ([FIRST, [LARGE], LATER] if host.mode == "a" else [FIRST, LATER]):
        log.send(patterns)
        log.wait_for_anchor()
    host.anchor()
    keep_evidence(host, out)
    judge(out, "--memory", out / "memory")
    host.stop_daemon()
    host.tpm.stop()
    host.tpm.start()
    log.start()
    log.send(AFTER_RESET)
    log.wait_for_anchor()
    (out / "nonce").write_text(secrets.token_hex(32) + "\n")
    host.stele("answer", "--nonce", (out / "nonce").read_text().strip(), "-o", out / "answer", expect=OK)
    host.stele("prove", "4", "--content", "-o", out / "proof", expect=OK)
    host.stop_daemon()  # makes a final anchor
    keep_evidence(host, out)


def keep_evidence(host, out):
    """What a verifier reads, and nothing that is derived or secret."""
    shutil.rmtree(out / "data", ignore_errors=True)
    for room in ("journal", "segments", "boot"):
        if (host.data / room).is_dir():
            shutil.copytree(host.data / room, out / "data" / room)
    shutil.copy(host.trust(), out / "trust")


def judge(out, *arguments, path="data"):
    done = run(BIN / "stele-verify", out / path, "-o", "json", "--trust", out / "trust", *arguments)
    assert done.returncode == OK, done
    return done.stdout


def make(out, mode):
    out.mkdir(parents=True)
    with Host(mode, origin=f"golden.example/{out.parent.name}-{mode}") as host:
        host.provision(extra='[limits]\nsegment_bytes = "64KiB"\n[storage]\npack = false\n')
        log = Log(host)
        record(log, out)
        events = [{"index": index, "base64": base64.b64encode(pattern).decode(), "times": times}
                  for index, (pattern, times) in sorted(log.events.items())]
    (out / "events").write_text("".join(json.dumps(event) + "\n" for event in events))
    fresh = ["--nonce", (out / "nonce").read_text().strip(), "--answer", out / "answer"]
    shutil.copy(out / "memory", out / "memory.before")
    (out / "verdict").write_bytes(judge(out, *fresh, "--memory", out / "memory"))
    (out / "memory.before").replace(out / "memory")  # the verifier has written what it saw now
    anchors = json.loads((out / "verdict").read_bytes())["anchors"]
    assert anchors["counter"] >= 3 and anchors["quote"] >= 3, anchors
    (out / "verdict-of-proof").write_bytes(judge(out, path="proof"))


def main(arguments):
    if len(arguments) != 1 or (HERE / arguments[0]).exists():
        print(__doc__ if len(arguments) != 1 else f"{arguments[0]} is there already; it stays as it is",
              file=sys.stderr)
        return 64
    for mode in "ab":
        make(HERE / arguments[0] / f"mode-{mode}", mode)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
