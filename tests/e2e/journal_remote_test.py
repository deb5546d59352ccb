#!/usr/bin/env python3
"""Goal: what a real systemd-journal-remote takes over HTTP and writes is one event an entry, with all its fields to the
byte, exactly once, wherever steled or journal-remote was stopped or killed; what was read is not read again.

Method: journal-remote, journal-upload, curl and steled as daemon/README.md has them run and configured, in namespaces of
their own; two machines post by curl in export format, a real journald's entries come by journal-upload; steled is
killed again and again while entries come, journal-remote stopped, and killed with a connection open.
"""
import base64
import http.client
import json
import pathlib
import random
import re
import shlex
import signal
import socket
import struct
import subprocess
import threading
import time

from audit_host import into_namespaces, prepare, records
from journal_host import NOW_US, Journald, directory_input, parse_export, split_export
from readme_snippets import DAEMON, snippet
from stele_host import OK, PATIENCE, Host, content, run, wait_until

into_namespaces()
prepare()
PORT = 19532  # the README's, in a network namespace of its own
MACHINES = {"127.0.0.1": "a" * 32, "127.0.0.2": "b" * 32}  # where each sends from: one file for each
KILLS = 12
ODD = [b"plain", b"", b"a\nb", bytes(range(256)), b"\xff\xfe", "gr\u00fc\u00df".encode(), b"x" * 70_000, b"tab\there",
       b"a=b=c"]


def entry(address, number, value=b"plain", **more):
    """Its fields as they are sent; one of them twice, with different values."""
    machine = MACHINES[address].encode()
    return [(b"__REALTIME_TIMESTAMP", b"%d" % (NOW_US + 1000 * number)), (b"__MONOTONIC_TIMESTAMP", b"%d" % (number + 1)),
            (b"_BOOT_ID", machine), (b"_MACHINE_ID", machine), (b"MESSAGE", b"of %s" % address.encode()), (b"TAG", b"one"),
            (b"TAG", b"two"), (b"NUMBER", b"%d" % number), (b"VALUE", value)] + [(k.encode(), v) for k, v in more.items()]


def exported(fields):
    """In export format: with a length before what cannot stand on a line."""
    def one(name, value):
        if b"\n" in value or not value.isascii() or min(value, default=32) < 32:
            return name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
        return name + b"=" + value + b"\n"
    return b"".join(one(*field) for field in fields) + b"\n"


class Remote:
    """systemd-journal-remote on 127.0.0.1, its folder of journals, and who sends to it."""

    def __init__(self, host):
        self.home = pathlib.Path(host.folder)
        self.folder = self.home / "remote"
        self.folder.mkdir()
        self.words = self.home / "remote.words"
        self.process = None
        self.sent = {address: [] for address in MACHINES}

    def start(self):
        command = snippet(DAEMON, "journal-remote", {"/var/log/journal/remote": self.folder})
        with open(self.words, "ab") as words:
            self.process = subprocess.Popen(shlex.split(command), stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        wait_until(self.answers, "journal-remote listens")

    def answers(self):
        assert self.process.poll() is None, self.words.read_text()
        try:
            socket.create_connection(("127.0.0.1", PORT), PATIENCE).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self, by=signal.SIGTERM):
        if self.process:
            self.process.send_signal(by)
            self.process.wait(PATIENCE)
            self.process = None

    def new_entries(self, address, values, **more):
        """The next ones of this machine; from now on they count as sent."""
        first = len(self.sent[address])
        made = [entry(address, first + i, value, **more) for i, value in enumerate(values)]
        self.sent[address] += made
        return made

    def post(self, address, values, **more):
        """By curl; journal-remote has written what it answers for."""
        folder = self.home / f"from-{address}"
        folder.mkdir(exist_ok=True)
        (folder / "FILE").write_bytes(b"".join(map(exported, self.new_entries(address, values, **more))))
        command = snippet(DAEMON, "journal-curl", {}).strip()
        done = run("sh", "-c", f"{command} --interface {address}", cwd=folder)
        assert (done.returncode, done.stdout) == (OK, b"OK.\n"), (done, self.words.read_text())

    def cursors(self):
        """Of every entry of every file there is, put aside or not."""
        found = []
        for path in self.folder.iterdir():
            text = run("journalctl", "--file", path, "-o", "export", "--no-pager").stdout
            found += [dict(fields)[b"__CURSOR"] for fields in split_export(text)]
        return sorted(found)


def stored(host):
    """Every event as fields, in the order of the log, with what its TLVs hold."""
    lines = host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
    events = [r for r in map(json.loads, lines) if r["kind"] == "event"]
    return [(parse_export(content(r)), base64.b64decode(r["tlvs"])) for r in events]


def of_machine(fields, address):
    return (b"_MACHINE_ID", MACHINES[address].encode()) in fields


def without_cursor(fields):
    return sorted(field for field in fields if field[0] != b"__CURSOR")


def taken(host):
    """Events that the input has taken since the daemon's start."""
    return host.status()["ingest"]["inputs"]["journal"]["events"]


def all_there(host, remote):
    """Every entry that was sent, each once, in its machine's order, to the byte; and its place beside it."""
    wanted = sum(map(len, remote.sent.values()))
    wait_until(lambda: sum(of_machine(fields, a) for fields, _ in stored(host) for a in MACHINES) >= wanted,
               f"{wanted} entries are stored")
    events = stored(host)
    for address, sent in remote.sent.items():
        found = [without_cursor(fields) for fields, _ in events if of_machine(fields, address)]
        expected = [sorted(fields) for fields in sent]
        assert found == expected, (address, len(found), len(expected),
                                   next((pair for pair in zip(found, expected) if pair[0] != pair[1]), None))
    for fields, tlvs in events:
        assert b"journal=" + dict(fields)[b"__CURSOR"] in tlvs, (fields[:3], tlvs)
    wait_until(lambda: len(stored(host)) >= len(remote.cursors()), "every entry of every file is stored")
    found = sorted(dict(fields)[b"__CURSOR"] for fields, _ in stored(host))
    assert found == remote.cursors(), (len(found), len(set(found)), len(remote.cursors()))
    assert [gap for _, gap, _ in records(host, "gap")] == []


def begin_again(host, kill):
    if kill:
        host.daemon.kill()
        host.daemon.wait()
    else:
        host.stop_daemon()


def goes_on_at_its_place(host, remote, kill):
    """What came while steled was away is all that it takes when it is back."""
    all_there(host, remote)
    begin_again(host, kill)
    for address in MACHINES:
        remote.post(address, [b"while away %d" % i for i in range(20)])
    host.start_daemon()
    all_there(host, remote)
    for address in MACHINES:  # behind whatever would be read again
        remote.post(address, [b"back"])
    all_there(host, remote)
    assert taken(host) == 21 * len(MACHINES), taken(host)


def killed_while_entries_come(host, remote):
    running, faults = True, []

    def feed():
        try:
            for turn in range(10_000):
                if not running:
                    break
                remote.post(sorted(MACHINES)[turn % 2], [b"turn %d" % turn] * (1 + turn % 10))
        except Exception as fault:  # told below: a thread's own end would be silent
            faults.append(fault)
    feeder = threading.Thread(target=feed)
    feeder.start()
    rng = random.Random(19532)
    try:
        for turn in range(KILLS):
            time.sleep(rng.random() * 0.3)
            begin_again(host, kill=turn % 4 != 3)
            host.start_daemon()
    finally:
        running = False
        feeder.join()
    assert not faults, faults
    all_there(host, remote)


def journal_remote_stops_and_dies(host, remote):
    """Stopped it goes on in its file; killed with a connection open it puts the file aside and begins another."""
    remote.stop()
    remote.start()
    for address in MACHINES:
        remote.post(address, [b"after its end in order"] * 3)
    all_there(host, remote)
    client = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
    client.putrequest("POST", "/upload")
    client.putheader("Content-Type", "application/vnd.fdo.journal")
    client.putheader("Transfer-Encoding", "chunked")
    client.endheaders()
    for fields in remote.new_entries("127.0.0.1", [b"under way %d" % i for i in range(5)]):
        data = exported(fields)
        client.send(b"%x\r\n%s\r\n" % (len(data), data))
    all_there(host, remote)  # written and read, and never answered for
    remote.stop(signal.SIGKILL)
    client.close()
    remote.start()
    remote.post("127.0.0.1", [b"after its death"] * 3)
    assert [path for path in remote.folder.iterdir() if path.name.endswith(".journal~")], "no file was put aside"
    all_there(host, remote)


def a_real_journal_is_uploaded(host, remote):
    """A journald's entries, by journal-upload, begun twice: each that came into journal-remote's file is one event."""
    state = remote.home / "upload.state"
    command = shlex.split(snippet(DAEMON, "journal-upload", {"/var/lib/systemd/journal-upload/state": state}))
    journald = Journald(host.folder)
    journald.start()
    upload, words = None, open(remote.home / "upload.words", "ab")
    try:
        for turn in range(2):  # 252 sends its last entry once more when it begins again: another entry of the file
            upload = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
            for number, value in enumerate(ODD):
                journald.send(SYSLOG_IDENTIFIER=b"stele-test", MESSAGE=b"by journald", VALUE=value,
                              NUMBER=b"%d" % (number + turn * len(ODD)))
            wait_until(lambda: uploaded(host)[-1:] == [(len(ODD) * (turn + 1) - 1, ODD[-1])], "the last one is stored")
            upload.terminate()
            upload.wait(PATIENCE)
    finally:
        if upload and upload.poll() is None:
            upload.kill()
            upload.wait()
        words.close()
        journald.stop()
    # As sets: see above. In the journal each entry is there once.
    assert sorted(set(uploaded(host))) == sorted(enumerate(ODD * 2)), uploaded(host)
    original = {frozenset(fields) for fields in map(without_cursor, journald.newest())}
    found = {frozenset(without_cursor(fields)) for fields, _ in stored(host) if (b"MESSAGE", b"by journald") in fields}
    assert found == original, (len(found), len(original))
    all_there(host, remote)


def uploaded(host):
    entries = [dict(fields) for fields, _ in stored(host)]
    return [(int(e[b"NUMBER"]), e[b"VALUE"]) for e in entries if e.get(b"MESSAGE") == b"by journald"]


def everything():
    with Host("a") as host:
        remote = Remote(host)
        try:
            remote.start()
            host.provision(extra=directory_input(remote.folder))
            host.start_daemon()
            for address in MACHINES:
                remote.post(address, ODD)
            all_there(host, remote)
            names = sorted(path.name for path in remote.folder.iterdir())
            assert names == [f"remote-{address}.journal" for address in sorted(MACHINES)], names
            goes_on_at_its_place(host, remote, kill=False)
            goes_on_at_its_place(host, remote, kill=True)
            killed_while_entries_come(host, remote)
            journal_remote_stops_and_dies(host, remote)
            goes_on_at_its_place(host, remote, kill=True)
            a_real_journal_is_uploaded(host, remote)
            total = len(stored(host))
            host.stop_daemon()
            report = host.verify()
            assert report["exit"] == OK and report["coverage"]["lost"] == 0, report
        finally:
            remote.stop()
    print(f"journal-remote over HTTP: {total} entries, {KILLS} ends of steled while they came, each exactly once")


def units():
    """The README's filter, over what journal-remote wrote: of the units that it names alone."""
    with Host("a") as host:
        remote = Remote(host)
        try:
            remote.start()
            named = snippet(DAEMON, "journal-units", {"enabled = true": f'enabled = true\ndirectory = "{remote.folder}"'})
            unit, = re.findall(r'units = \["(.*)"\]', named)
            host.provision(extra=named)
            host.start_daemon()
            for turn in range(3):
                remote.post("127.0.0.1", [b"theirs"] * 5, _SYSTEMD_UNIT=b"cron.service")
                remote.post("127.0.0.1", [b"ours %d" % turn], _SYSTEMD_UNIT=unit.encode())
                remote.post("127.0.0.1", [b"nobody's"] * 5)
            wait_until(lambda: len(stored(host)) >= 3, "the unit's entries are stored")
            assert [dict(fields)[b"VALUE"] for fields, _ in stored(host)] == [b"ours 0", b"ours 1", b"ours 2"]
            host.stop_daemon()
        finally:
            remote.stop()
    print(f"journal-remote over HTTP: of {unit} alone")


def main():
    began = time.monotonic()
    if pathlib.Path("/var/log/journal").is_dir():  # this machine's own is not uploaded
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/log/journal"], check=True)
    everything()
    units()
    print(f"{time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
