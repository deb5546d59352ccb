#!/usr/bin/env python3
"""Goal: where users have journal files of their own, as Debian's journald keeps them, nothing counts as lost that is not,
nothing comes twice, and what is really gone is recorded.

Method: a persistent journald in namespaces of its own, entries of root and of another user in turns; the daemon stopped,
started, killed; files removed while it is down, with our place in them.
"""
import json
import os
import pathlib
import re
import subprocess

from audit_host import into_namespaces, prepare, records
from journal_host import SOCKET, Journald, directory_input, journal_input, parse_export
from stele_host import OK, Host, wait_until

into_namespaces()
prepare()
USER = 1000
CONFIG = "[Journal]\nStorage=persistent\nSplitMode=uid\nAudit=no\nReadKMsg=no\nRateLimitIntervalSec=0\n"
SEND = """import socket, sys
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for n in sys.argv[2:]: out.sendto(b"SYSLOG_IDENTIFIER=stele-test\\nNUMBER=%s\\n" % n.encode(), sys.argv[1])
"""


class UsersJournald(Journald):
    settings = CONFIG

    def folder(self):
        found = [path for path in pathlib.Path("/var/log/journal").glob("*") if path.is_dir()]
        return found[0] if found else pathlib.Path("/var/log/journal")

    def start(self):
        super().start()
        os.chmod(SOCKET, 0o666)


def send(uid, *numbers):
    own = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    done = subprocess.run(["setpriv", *own, "/usr/bin/python3", "-c", SEND, SOCKET, *map(str, numbers)], capture_output=True)
    assert done.returncode == 0, done.stderr


def in_turns(first, rounds):
    """Entries of both, three a round; the next number."""
    for i in range(first, first + 3 * rounds, 3):
        send(0, i)
        send(USER, i + 1, i + 2)
    return first + 3 * rounds


def numbers(host):
    entries = [dict(parse_export(event)) for _, event, _ in records(host, "event")]
    return [int(entry[b"NUMBER"]) for entry in entries if entry.get(b"SYSLOG_IDENTIFIER") == b"stele-test"]


def gaps(host):
    return [json.loads(gap) for _, gap, _ in records(host, "gap")]


def all_there(host, end):
    wait_until(lambda: len(numbers(host)) >= end, f"{end} entries")
    assert sorted(numbers(host)) == list(range(end)), numbers(host)


def counts(text):
    return [int(number, 16) for number in re.findall(r"__CURSOR=s=[0-9a-f]{32};i=([0-9a-f]+);", text)]


def exported(path):
    return subprocess.run(["journalctl", "--file", path, "-o", "export", "--no-pager"], capture_output=True, text=True,
                          check=True).stdout


def main():
    exactly_once(directory_input)
    exactly_once(lambda _: journal_input())  # the same as the host's own journal


def exactly_once(configured):
    subprocess.run(["mkdir", "-p", "/var/log/journal", "/run/systemd/journal"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/log/journal"], check=True)
    pathlib.Path("/run/systemd/journal/flushed").touch()
    with Host("a") as host:
        journald = UsersJournald(host.folder)
        try:
            journald.start()
            end = in_turns(0, 5)
            host.provision(extra=configured(journald.folder()))
            host.start_daemon()
            all_there(host, end)
            files = {path.name: counts(exported(path)) for path in journald.folder().glob("*.journal")}
            assert len(files) == 2 and all(files.values()), files
            assert any(b - a > 1 for a, b in zip(*(files["system.journal"][i:] for i in (0, 1)))), "the counter is shared"
            end = in_turns(end, 5)  # while it reads
            all_there(host, end)
            host.stop_daemon()
            end = in_turns(end, 5)  # while it is down, its place an entry of the user's
            host.start_daemon()
            all_there(host, end)
            send(0, end)
            all_there(host, end + 1)
            host.daemon.kill()  # its place one of the system's
            host.daemon.wait()
            end = in_turns(end + 1, 5)
            host.start_daemon()
            all_there(host, end)
            assert gaps(host) == [], gaps(host)
            end = what_is_gone(host, journald, end)
            lost = sum(gap["lost"] for gap in gaps(host))
            report = host.verify()
            assert report["exit"] == OK and report["coverage"]["lost"] == lost > 0, report
            host.stop_daemon()
        finally:
            journald.stop()
            subprocess.run(["umount", "/etc/systemd/journald.conf"], check=True)
    print(f"journal: {end} entries in files of two users, each once; {lost} removed ones recorded")


def what_is_gone(host, journald, end):
    """The file with our place is archived and removed while the daemon is down; the user's stays, and is not read twice."""
    send(0, end)
    all_there(host, end + 1)
    before = set(numbers(host))
    host.stop_daemon()
    send(0, *range(end + 1, end + 4))  # never seen by us
    wait_until(lambda: exported(journald.folder() / "system.journal").count("stele-test") >= 3, "journald has them")
    for path in [p for p in journald.rotate() if p.name.startswith("system")]:
        path.unlink()
    send(0, end + 4)
    send(USER, end + 5)
    host.start_daemon()
    wait_until(lambda: end + 5 in numbers(host), "the rest is stored")
    found = numbers(host)
    assert len(set(found)) == len(found), [n for n in found if found.count(n) > 1]
    assert set(found) == before | {end + 4, end + 5}, found[-10:]
    # journald says something of itself at a rotation, in the archived file or in the next one.
    assert [gap["reason"] for gap in gaps(host)] == ["journal_vacuumed"] and gaps(host)[0]["lost"] >= 3, gaps(host)
    return end + 6


if __name__ == "__main__":
    main()
