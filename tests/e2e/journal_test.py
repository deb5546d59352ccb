#!/usr/bin/env python3
"""Goal: every entry of a real journald is one event, with all its fields to the byte, exactly once; what journald no
longer has is recorded; a journal file cut off underneath ends nothing (family 19).

Method: journald in namespaces of its own; the daemon killed again and again while entries come; files rotated and
removed while the daemon is down; files cut off while it reads them.
"""
import json
import os
import pathlib
import random
import re
import signal
import threading
import time

from audit_host import into_namespaces, prepare, records
from journal_host import Journald, directory_input, parse_export
from stele_host import OK, PATIENCE, Host, wait_until

into_namespaces()
prepare()
KILLS = 50
ODD = [b"plain", b"", b"a\nb", bytes(range(256)), b"\xff\xfe", "gr\u00fc\u00df".encode(), b"x" * 70_000, b"tab\there", b"a=b=c"]


def send(journald, number, value=b"plain"):
    journald.send(SYSLOG_IDENTIFIER=b"stele-test", MESSAGE=b"entry %d" % number, NUMBER=b"%d" % number, VALUE=value)


def ours(host):
    """The events that this test sent, as fields."""
    entries = [parse_export(event) for _, event, _ in records(host, "event")]
    return [entry for entry in entries if (b"SYSLOG_IDENTIFIER", b"stele-test") in entry]


def numbers(host):
    return [int(dict(entry)[b"NUMBER"]) for entry in ours(host)]


def gaps(host):
    return [json.loads(gap) for _, gap, _ in records(host, "gap")]


def fields_are_exact(host, journald):
    for number, value in enumerate(ODD):
        send(journald, number, value)
    wait_until(lambda: len(numbers(host)) == len(ODD), "the entries are stored")
    # journalctl states the boot once more than the entry does.
    expected = [sorted(set(entry)) for entry in journald.newest()]
    found = [sorted(set(entry)) for entry in ours(host)]
    assert found == expected, (found[0], expected[0])
    assert [dict(entry)[b"VALUE"] for entry in found] == ODD
    sources = [json.loads(source) for _, source, _ in records(host, "source")]
    assert {"journal": str(journald.folder()), "transport": "journal"} in sources, sources


def exactly_once_across_kills(host, journald):
    sent, running = [len(ODD)], True

    def feed():
        while running:
            send(journald, sent[0])
            sent[0] += 1
            time.sleep(0.001)
    feeder = threading.Thread(target=feed)
    feeder.start()
    rng = random.Random(19)
    for _ in range(KILLS):
        time.sleep(rng.random() * 0.15)
        host.daemon.kill()
        host.daemon.wait()
        host.start_daemon(wait=False)
        wait_until(lambda: host.ingest.exists(), "the daemon is back")
    running = False
    feeder.join()
    wait_until(lambda: host.is_ready() or host.daemon.poll() is not None, "ready again")
    wait_until(lambda: numbers(host)[-1:] == [sent[0] - 1], "all entries are stored")
    found = numbers(host)
    assert found == list(range(sent[0])), [n for n in range(sent[0]) if found.count(n) != 1][:10]
    assert gaps(host) == [], gaps(host)
    print(f"journal: {KILLS} SIGKILLs, {sent[0]} entries, each exactly once")
    return sent[0]


def what_journald_forgot(host, journald, first):
    host.stop_daemon()
    for number in range(first, first + 20):
        send(journald, number)
    wait_until(lambda: len(journald.newest()) >= first + 20, "journald has them")
    archived = journald.rotate()
    for number in range(first + 20, first + 25):
        send(journald, number)
    wait_until(lambda: len(journald.newest()) >= first + 25, "journald has them")
    for path in archived:
        path.unlink()
    host.start_daemon()
    wait_until(lambda: numbers(host)[-1:] == [first + 24], "the rest is stored")
    seen = set(numbers(host))
    missing = [number for number in range(first + 25) if number not in seen]
    assert len(missing) == 20 and missing[0] == first, missing
    # journald numbers its own words as well: what it said at the rotation is of the archived file, or not.
    forgotten = [gap for gap in gaps(host) if gap["reason"] == "journal_vacuumed"]
    numbered = [int(re.search(rb";i=([0-9a-f]+);", event)[1], 16) for _, event, _ in records(host, "event")]
    holes = sum(b - a - 1 for a, b in zip(numbered, numbered[1:]))
    assert len(forgotten) == 1 and forgotten[0]["lost"] == holes >= 20, (forgotten, holes)
    print(f"journal: {holes} entries that journald had forgotten, recorded")
    return first + 25, holes


def maps_of(host):
    return pathlib.Path(f"/proc/{host.daemon.pid}/maps").read_text()


def cut_off_underneath(host, journald, first):
    assert ".journal" in maps_of(host), "the journal is read through a mapping"
    injected = 0
    for turn in range(20):
        journald.stop()
        for path in journald.folder().glob("*.journal"):
            os.truncate(path, min(path.stat().st_size, (4096, 0, 200, 65536, 1 << 20)[turn % 5]))
            injected += path.name == "system.journal"
        journald.start()  # puts the damaged file aside and begins another
        send(journald, first + turn)
        wait_until(lambda: first + turn in numbers(host)[-3:] or host.daemon.poll() is not None, "entries go on")
        assert host.daemon.poll() is None, f"steled ended with {host.daemon.returncode}: {host.daemon_words()[-1000:]}"
    assert injected == 20 and "was cut off while it was read" in host.daemon_words(), "no page was missed"
    found = numbers(host)
    assert found[-20:] == list(range(first, first + 20)), found[-25:]
    assert len(set(found)) == len(found)
    return injected


def the_store_is_not_mapped(host):
    """But for SQLite's shared memory beside the look-up, which is derived: without it a start goes on."""
    events = [b"before %d" % number for number in range(10)]
    places = host.append(b"\n".join(events) + b"\n", "--wait", "durable")
    mapped = {line.split()[-1] for line in maps_of(host).splitlines() if str(host.data) in line}
    shared = host.data / "look-up.sqlite-shm"
    assert mapped <= {str(shared)}, mapped
    os.truncate(shared, 0)
    host.stele("query", "--limit", "1")  # the daemon may end by it, SQLite has no guard
    host.stele("append", "-", input=b"after\n")
    host.daemon.terminate()  # or by what it does at its end
    code = host.daemon.wait(PATIENCE)
    assert code in (OK, -signal.SIGBUS), code
    ended = code != OK
    host.start_daemon()
    stored = host.events()
    assert [stored[place] for place in places] == events
    return "ended the daemon, the next start went on" if ended else "ended nothing"


def main():
    began = time.monotonic()
    with Host("a") as host:
        journald = Journald(host.folder)
        try:
            journald.start()
            host.provision(extra=directory_input(journald.folder()))
            host.start_daemon()
            fields_are_exact(host, journald)
            first = exactly_once_across_kills(host, journald)
            first, lost = what_journald_forgot(host, journald, first)
            report = host.verify()
            assert report["exit"] == OK and report["coverage"]["lost"] == lost, report
            injected = cut_off_underneath(host, journald, first)
            shared = the_store_is_not_mapped(host)
            print(f"family 19: injected {injected + 1}, lost 0, false alarms 0, missed 0 (journal files cut off while "
                  f"mapped; no file of the store is, but SQLite's shared memory: cutting that off {shared})")
            host.stop_daemon()
            assert host.verify()["exit"] == OK
        finally:
            journald.stop()
    print(f"{time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
