#!/usr/bin/env python3
"""Goal: of a directory with the journals of several machines, every entry is one event, exactly once, however late a
machine's entries come and whatever their times; no gap is told where nothing is missing; a stretch that is, by its count.

Method: files that systemd-journal-remote writes, a machine's entries hours older than what was read of another before;
the daemon killed and stopped between and while files grow; a real journald's files of one numbering, rotated, read with
and without one of them.
"""
import json
import pathlib
import random
import re
import shutil
import time

from audit_host import into_namespaces, prepare, records
from journal_host import directory_input, parse_export, rotated, write_remote
from stele_host import OK, Host, wait_until

into_namespaces()
prepare()
MACHINES = ["a" * 32, "b" * 32, "c" * 32]
KILLS = 12


def read_of(host):
    """The numbers of each machine, in the order of the log."""
    found = {machine: [] for machine in MACHINES}
    for _, event, _ in records(host, "event"):
        entry = dict(parse_export(event))
        if entry.get(b"_MACHINE_ID", b"").decode() in found and b"NUMBER" in entry:
            found[entry[b"_MACHINE_ID"].decode()].append(int(entry[b"NUMBER"]))
    return found


def gaps(host):
    return [json.loads(gap) for _, gap, _ in records(host, "gap")]


def all_there(host, written):
    wait_until(lambda: sum(map(len, read_of(host).values())) >= sum(written.values()), f"{written} are stored")
    expected = {machine: list(range(written[machine])) for machine in MACHINES}
    assert read_of(host) == expected, {machine[0]: len(numbers) for machine, numbers in read_of(host).items()}
    assert gaps(host) == [], gaps(host)


def kill(host):
    host.daemon.kill()
    host.daemon.wait()
    host.start_daemon(wait=False)
    wait_until(lambda: host.ingest.exists(), "the daemon is back")


def late_machines(host, folder):
    written = dict.fromkeys(MACHINES, 0)

    def more(machine, count, hours_ago):
        write_remote(folder, machine, written[machine], count, hours_ago)
        written[machine] += count
    a, b, c = MACHINES
    more(a, 300, 1)
    host.start_daemon()
    all_there(host, written)
    more(b, 700, 48)  # a file that was not there, all of it older
    all_there(host, written)
    more(b, 5, 47)
    more(a, 5, 1)
    more(b, 5, 47)  # older than what was read a moment before
    all_there(host, written)
    host.stop_daemon()
    more(b, 10, 46)
    more(c, 10, 100)
    more(a, 1, 1)
    host.start_daemon()
    all_there(host, written)
    host.stop_daemon()
    host.start_daemon()
    all_there(host, written)
    rng = random.Random(4)
    for turn in range(KILLS):
        for machine in rng.sample(MACHINES, 2):
            more(machine, rng.randrange(1, 1500), 10 * (turn % 3))
        time.sleep(rng.random() * 0.1)
        kill(host)
    wait_until(host.is_ready, "ready again")
    all_there(host, written)
    return sum(written.values())


def numbered(host):
    return [int(re.search(rb";i=([0-9a-f]+);", event)[1], 16) for _, event, _ in records(host, "event")
            if b"__CURSOR=" in event]


def a_missing_file(host, folder, files):
    """Files come and go in a machine's folder; one of them was never there."""
    machine = folder / MACHINES[0]
    machine.mkdir()
    numbers = [counts for _, counts in files]
    assert len(files) == 5 and sum(numbers, []) == list(range(numbers[0][0], numbers[-1][-1] + 1)), numbers
    shutil.copy(files[0][0], machine)
    host.start_daemon()
    wait_until(lambda: len(numbered(host)) >= len(numbers[0]), "the first file is stored")
    for path, _ in files[1:3]:  # what was read may be removed, what comes is found
        shutil.copy(path, machine)
    (machine / files[0][0].name).unlink()
    wait_until(lambda: len(numbered(host)) >= sum(map(len, numbers[:3])), "three files are stored")
    assert gaps(host) == [], gaps(host)
    kill(host)
    wait_until(host.is_ready, "ready again")
    host.stop_daemon()
    shutil.copy(files[4][0], machine)  # the fourth is gone before anyone could read it
    host.start_daemon()
    wait_until(lambda: len(numbered(host)) >= sum(map(len, numbers)) - len(numbers[3]), "the last file is stored")
    assert numbered(host) == sum((numbers[i] for i in (0, 1, 2, 4)), []), numbered(host)
    assert gaps(host) == [{"lost": len(numbers[3]), "reason": "journal_vacuumed"}], (gaps(host), len(numbers[3]))
    assert host.verify()["coverage"]["lost"] == len(numbers[3])
    return len(numbers[3])


def main():
    with Host("a") as host:
        folder = pathlib.Path(host.folder) / "machines"
        folder.mkdir()
        host.provision(extra=directory_input(folder))
        total = late_machines(host, folder)
        report = host.verify()
        assert report["exit"] == OK and report["coverage"]["lost"] == 0, report
        host.stop_daemon()
    print(f"journals of {len(MACHINES)} machines: {total} entries, {KILLS} SIGKILLs, each entry once, no gap")
    with Host("a") as host:
        files = rotated(host.folder)
        folder = pathlib.Path(host.folder) / "machines"
        folder.mkdir()
        host.provision(extra=directory_input(folder))
        lost = a_missing_file(host, folder, files)
        host.stop_daemon()
    print(f"journals of one numbering: {lost} entries of a missing file, recorded once")


if __name__ == "__main__":
    main()
