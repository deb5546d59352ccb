#!/usr/bin/env python3
"""A day of the daemon with all of its main work: events by every input, anchors of every kind, what is asked of it by HTTP,
TLS and the control socket, witnesses and pushes, packing, an end in order, a SIGKILL, and what it does after each.

confined_test.py runs it with a STELE_BIN whose steled is under a filter that kills: each step waits for what the daemon
itself must have done, and each end of the daemon's is looked at, so that a call that is missing ends this with an error.
"""
import gzip
import json
import os
import pathlib
import socket
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from audit_host import audit_input  # noqa: E402
from http_host import HttpHost  # noqa: E402
from inputs_host import InputsHost  # noqa: E402
from journal_host import directory_input, journal_input, write_remote  # noqa: E402
from push_test import Receiver  # noqa: E402
from stele_host import OK, PATIENCE, len32, wait_until  # noqa: E402
from tlog_witness import Key, Witness, signed_note, vkey  # noqa: E402

MACHINE = "a" * 32
EACH = 20  # events by each input in a turn
FILL, GROUP = 3_000, 500  # events that close segments of 64 KiB: some six, each of a group of so many
OTHER_LOG = "other.example/log"
CRITICAL = 'critical = ["type=USER_MGMT"]\n'  # of the table [anchor], which is open where the rest begins
NDJSON = "Content-Type: application/x-ndjson"


class DayHost(InputsHost, HttpHost):
    """Every input on, HTTP by TLS and by a Unix socket, small segments that are packed."""

    def __init__(self):
        super().__init__()
        self.here = self.authority.issue("here", "DNS:localhost,IP:127.0.0.1")
        self.journals, self.staging = self.folder / "journals", self.folder / "staging"
        for folder in (self.journals, self.staging):
            folder.mkdir()
        self.plugin = AuditPlugin(self.folder / "audit.sock")

    def tables(self, journal):
        return (CRITICAL + self.inputs(limits='segment_bytes = "64KiB"') + audit_input(self.plugin.path) + journal
                + "[storage]\npack = true\n")

    def outward(self, receiver, witness, other_log):
        return (f'[[push]]\nto = "{receiver.url()}"\ninterval = "1s"\n'
                f'[[push]]\nto = "{self.folder}/receipts"\nsame_mount = true\ninterval = "1s"\n'
                f'[[witness]]\nurl = "{witness.url}"\nkey = "{witness.vkey}"\ninterval = "1s"\n'
                f'[[witnessed]]\nkey = "{vkey(OTHER_LOG, 1, other_log.public)}"\n')

    def https(self):
        certificate, key = self.here
        roles = "".join(f'{role}s = ["CN=sender"]\n' for role in ("writer", "reader", "auditor", "monitor"))
        return f'certificate = "{certificate}"\nkey = "{key}"\nclient_ca = "{self.authority.pem}"\n{roles}'

    def by_tls(self, path, *headers, body=None):
        certificate, key = self.sender
        arguments = ["--cacert", self.authority.pem, "--cert", certificate, "--key", key]
        return self.curl(path, *arguments, *(part for one in headers for part in ("-H", one)), body=body, scheme="https")

    def by_socket(self, path, body=None):
        return self.curl(path, "--unix-socket", self.folder / "http.sock", body=body)


class AuditPlugin:
    """Serves audit records on a Unix socket, as auditd's plugin does: to one reader."""

    def __init__(self, path):
        self.path, self.serial, self.reader = path, 100, None
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.settimeout(PATIENCE)
        self.listener.bind(str(path))
        self.listener.listen()

    def await_reader(self):
        if self.reader:
            self.reader.close()
        self.reader, _ = self.listener.accept()
        self.reader.settimeout(PATIENCE)

    def send(self, text, kind="USER_CMD"):
        self.reader.sendall(f"type={kind} msg=audit(1000.000:{self.serial}): {text}\n".encode())
        self.serial += 1

    def close(self):
        for one in (self.reader, self.listener):
            if one:
                one.close()


class Day:
    def __init__(self, host):
        self.host, self.turn, self.read_of_machine = host, 0, 0
        self.sent = []  # pieces of every event, each to be found in one

    def text(self, transport, i):
        self.sent.append(f"<{transport}> {i} of turn {self.turn}.".encode())
        return self.sent[-1]

    def texts(self, transport):
        return [self.text(transport, i) for i in range(EACH)]

    def start(self):
        self.host.start_daemon()
        self.host.plugin.await_reader()
        self.turn += 1

    def by_every_input(self):
        host = self.host
        with host.connect("unix") as out:
            out.sendall(b"".join(text + b"\n" for text in self.texts("lines")))
        with host.connect("unix") as out:
            out.sendall(b"STELE/1 frame=len32 ack=durable\n" + b"".join(map(len32, self.texts("lengths"))))
            assert out.makefile("rb").readline().startswith(b'{"first":')
        for transport in ("unix_datagram", "udp"):
            with host.connect(transport) as out:
                for text in self.texts(transport):
                    out.send(text)
        with host.connect("tcp") as out:
            out.sendall(b"".join(text + b"\n" for text in self.texts("tcp lines")))
        for transport in ("tcp", "tls"):
            with host.connect(transport) as out:
                out.sendall(b"".join(b"%d %s" % (len(text), text) for text in self.texts(transport)))
                if transport == "tls":
                    out.unwrap()
        for text in self.texts("audit"):
            host.plugin.send(text.decode())
        self.by_http()
        self.by_journal()
        self.all_there()

    def by_http(self):
        body = b"".join(text + b"\n" for text in self.texts("https"))
        status, told = self.host.by_tls("/v1/events", NDJSON, "Content-Encoding: gzip", body=gzip.compress(body))
        assert status == 200, told
        status, told = self.host.by_socket("/v1/events", body=self.text("http by a socket", 0))
        assert status == 200, told

    def by_journal(self):
        """The first time a file that is moved there, whole; then it grows where it lies."""
        host, name = self.host, f"remote-{MACHINE[0]}.journal"
        first, self.read_of_machine = self.read_of_machine, self.read_of_machine + EACH
        folder = host.journals if first else host.staging
        write_remote(folder, MACHINE, first, EACH, 1)
        if not first:
            owner = os.stat(host.journals)
            os.chown(host.staging / name, owner.st_uid, owner.st_gid)
            (host.staging / name).rename(host.journals / name)
        self.sent += [b"\nNUMBER=%d\n" % number for number in range(first, first + EACH)]

    def missing(self):
        everything = b"\0".join(self.host.events().values())
        return [piece for piece in self.sent if piece not in everything]

    def all_there(self):
        wait_until(lambda: not self.missing(), f"every event of turn {self.turn} is in the log")

    def too_long(self):
        with self.host.connect("tcp") as out:
            out.sendall(b"2000000 " + b"x" * 2_000_000)
        wait_until(lambda: any(b"too_long" in gap for gap, _ in self.host.records("gap")), "the gap is recorded")

    def fill_and_pack(self):
        host = self.host
        for first in range(0, FILL, GROUP):  # a segment ends between groups
            host.append(b"".join(b"user=alice action=login session=%d-%d\n" % (self.turn, first + n) for n in range(GROUP)))

        def closed():
            return sorted((host.data / "segments").glob("[0-9a-f]" * 16))[:-1]
        assert len(closed()) >= 3 * self.turn, "no segments were closed"
        wait_until(lambda: all(path.read_bytes()[:10] == b"STELESEG\0\2" for path in closed()), "they are packed")

    def anchors(self):
        host = self.host
        places = host.append(b"sealed soon\n")
        assert host.anchor()["tree_size"] > places[0]
        host.append(b"type=USER_MGMT op=add-user acct=turn%d\n" % self.turn, "--wait", "sealed")  # asks for its anchor
        host.append(b"and quoted\n")
        wait_until(lambda: host.status()["anchoring"]["unanchored"] == 0, "a quote anchor covers all")

    def asked_by_http(self):
        for path in ("/healthz", "/version", "/metrics", "/checkpoint", "/tile/0/000", "/tile/entries/000", "/v1/events/0",
                     "/v1/events/1/proof", "/v1/anchors", "/v1/anchors/newest"):
            for ask in (self.host.by_tls, self.host.by_socket):
                status, told = ask(path)
                assert status == 200, (path, status, told)
        status, told = self.host.by_tls("/v1/challenge", body=json.dumps({"nonce": "5a" * 32}).encode())
        assert status == 200, told
        status, _ = self.host.by_tls("/nothing")
        assert status == 404, status

    def asked_by_control(self):
        host, folder = self.host, self.host.folder
        made = {name: folder / f"{name}-{self.turn}" for name in ("proof", "bundle", "answer", "exported")}
        for arguments in (("show", 1), ("prove", 1, "-o", made["proof"]), ("bundle", "-o", made["bundle"]),
                          ("answer", "--nonce", "5a" * 32, "-o", made["answer"]),
                          ("anchor", "export", 1, "-o", made["exported"]),
                          ("query", "--actor", "alice"), ("query", "--grep", f"session={self.turn}-1"),
                          ("challenge", f"unix:{host.control}", "--trust", host.trust())):
            host.stele(*arguments, expect=OK)

    def others(self, witness, receiver, other_log):
        """A witness has cosigned, both places have the receipts; and another log's head is cosigned here."""
        places = lambda: self.host.status()["outward"]  # noqa: E731
        wait_until(lambda: len(places()) == 3 and all(p["state"] == "working" for p in places()), f"all work: {places()}")
        assert 200 in witness.answers and receiver.lines("anchor") and (self.host.folder / "receipts").stat().st_size
        note = signed_note(OTHER_LOG, other_log, f"{OTHER_LOG}\n5\n{'A' * 43}=\n")
        for old, expected in ((0, 200 if self.turn == 1 else 409), (5, 200)):  # what it has cosigned it keeps
            status, told = self.host.by_socket("/add-checkpoint", body=f"old {old}\n\n{note}".encode())
            assert status == expected, (old, status, told)

    def stop(self):
        self.host.stop_daemon()
        report = self.host.verify()
        assert report["exit"] == OK, report

    def kill(self):
        assert self.host.daemon.poll() is None, f"steled ended with {self.host.daemon.returncode}"
        self.host.daemon.kill()
        self.host.daemon.wait(PATIENCE)


def live(host, receiver, other_log):
    tables = host.tables(directory_input(host.journals))
    host.provision(extra=tables, http=host.https())
    witness = Witness(host.stele("trust", "--checkpoint-key", expect=OK).stdout.decode().strip())
    try:
        host.write_config(extra=tables + host.outward(receiver, witness, other_log), http=host.https())
        day = Day(host)
        for end in (day.stop, day.kill, day.stop):
            day.start()
            day.fill_and_pack()
            day.by_every_input()
            day.anchors()
            day.asked_by_http()
            day.asked_by_control()
            day.others(witness, receiver, other_log)
            if day.turn == 1:
                day.too_long()
            end()
        # The journal by libsystemd's own looking for it, of a namespace that nobody has: no machine's entries come.
        host.write_config(extra=host.tables(journal_input() + 'namespace = "stele-nobody"\n'), http=host.https())
        day.start()
        day.anchors()
        day.stop()
        return len(day.sent)
    finally:
        witness.close()


def main():
    host, receiver = DayHost(), Receiver()
    try:
        sent = live(host, receiver, Key(b"o" * 32))
    finally:
        host.close()
        host.plugin.close()
        receiver.close()
    print(f"a day: {sent} events by every input, four starts, one SIGKILL, each event found again")


if __name__ == "__main__":
    main()
