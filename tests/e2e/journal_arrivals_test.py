#!/usr/bin/env python3
"""Goal: in whatever order and state the files of a journal directory arrive, every entry is one event, exactly once, and
what was missing when the next one was read is told once, by its count, also where it comes after all.

Method: a real journald's files of one numbering, rotated, copied newest first, with one in the middle that comes soon,
late or never, in halves, twice, onto the inode of another, into two folders at once; those of a journal that was begun
anew beside them; a directory that is empty at a start and filled later; the daemon killed between.
"""
import json
import pathlib
import re
import shutil
import signal
import time

from audit_host import into_namespaces, prepare, records
from journal_host import directory_input, rotated, write_remote
from stele_host import OK, Host, wait_until

into_namespaces()
prepare()
MACHINE, OTHER = "a" * 32, "b" * 32
STILL_S = 2  # a hole is told when the directory has stood still for as long
TRIES = 10


class Late(Exception):
    """This process stood still for so long that the directory did too."""


class Hurry:
    """A case says that what lies between its looks was done before the directory had stood still."""

    def __init__(self):
        self.since = time.monotonic()

    def made_it(self):
        now = time.monotonic()
        if now - self.since >= STILL_S:
            raise Late(f"{now - self.since:.1f} s")
        self.since = now


class Collector:
    """A host whose journal input reads a directory, and the files that may come into it."""

    def __init__(self, host, files, others):
        self.host, self.others = host, others
        self.folder = pathlib.Path(host.folder) / "machines"
        self.machine = self.folder / MACHINE
        self.machine.mkdir(parents=True)
        self.files = [path for path, _ in files]
        self.numbers = [numbers for _, numbers in files]
        self.numbering = self.files[0].name.split("@")[1][:32]
        host.provision(extra=directory_input(self.folder))

    def copy(self, *which):
        for i in which:
            shutil.copy(self.files[i], self.machine)

    def place(self, i):
        return self.machine / self.files[i].name

    def read(self):
        """Entries of the log: numbers of journald's, of another machine's its own, by their cursors in order."""
        found = [re.search(rb"s=([0-9a-f]{32});i=([0-9a-f]+);", event) for _, event, _ in records(self.host, "event")]
        return [(one[1].decode(), int(one[2], 16)) for one in found if one]

    def has(self, *which, others=0):
        """Waits until the log has just these files' entries, in this order, and so many others."""
        expected = sum((self.numbers[i] for i in which), [])
        wait_until(lambda: len(self.read()) >= len(expected) + others, f"the files {which} are stored")
        assert [n for s, n in self.read() if s == self.numbering] == expected, (which, self.read())
        assert len(self.read()) == len(expected) + others == len(set(self.read())), self.read()

    def gaps(self):
        return [json.loads(gap) for _, gap, _ in records(self.host, "gap")]

    def start(self, *which, others=0):
        """And nothing comes that is known."""
        self.host.start_daemon(wait=False)
        wait_until(lambda: self.host.ingest.exists(), "the daemon is back")
        wait_until(self.host.is_ready, "ready again")
        self.has(*which, others=others)

    def kill(self, *which, others=0):
        self.host.daemon.kill()
        self.host.daemon.wait()
        self.start(*which, others=others)

    def pause(self, paused):
        self.host.daemon.send_signal(signal.SIGSTOP if paused else signal.SIGCONT)


def vacuumed(count):
    return {"lost": count, "reason": "journal_vacuumed"}


def newest_first(c):
    c.host.start_daemon()
    for i in (4, 3, 2, 1, 0):
        c.copy(i)
        c.has(*range(4, i - 1, -1))
        if i in (3, 1):
            c.kill(*range(4, i - 1, -1))
    c.host.stop_daemon()
    c.start(4, 3, 2, 1, 0)
    shutil.copy(c.place(2), c.machine / "system@again.journal")  # another file, nothing new in it
    shutil.copy(c.place(4), c.machine / "user-7@again.journal")
    write_remote(c.folder, OTHER, 0, 3, 1)
    c.has(4, 3, 2, 1, 0, others=3)
    assert c.gaps() == [], c.gaps()


def comes_soon(c):
    """What fills the hole is on its way: nothing is missing."""
    c.host.start_daemon()
    c.copy(0)
    c.has(0)
    hurry = Hurry()
    c.copy(2, 3)
    time.sleep(0.75 * STILL_S)
    c.copy(1)
    hurry.made_it()
    c.has(0, 1, 2, 3)
    assert c.gaps() == [], c.gaps()


def comes_late(c):
    """The hole is told; what fills it is stored nevertheless, and not twice after a kill."""
    c.host.start_daemon()
    c.copy(0, 3)
    lost = len(c.numbers[1]) + len(c.numbers[2])
    c.has(0, 3)
    assert c.gaps() == [vacuumed(lost)], c.gaps()
    c.kill(0, 3)
    c.copy(2)
    c.has(0, 3, 2)
    c.copy(4)
    c.has(0, 3, 2, 4)
    c.kill(0, 3, 2, 4)
    c.copy(1)
    c.has(0, 3, 2, 4, 1)
    c.kill(0, 3, 2, 4, 1)
    assert c.gaps() == [vacuumed(lost)], c.gaps()
    assert c.host.verify()["coverage"]["lost"] == lost


def mount_is_late(c):
    c.copy(0, 1)
    c.host.start_daemon()
    c.has(0, 1)
    c.host.stop_daemon()
    away = c.folder.with_name("away")
    c.folder.rename(away)
    c.folder.mkdir()
    c.host.start_daemon()
    wait_until(lambda: "is it mounted?" in c.host.daemon_words(), "it says so")
    c.has(0, 1)
    shutil.move(away / MACHINE, c.folder)
    c.copy(2)
    c.has(0, 1, 2)
    assert c.gaps() == [], c.gaps()


def machine_is_late(c):
    """One of two machines: nobody can say whether it comes back, which is said once. It does, and is read on."""
    c.copy(0)
    write_remote(c.folder, OTHER, 0, 3, 1)
    c.host.start_daemon()
    c.has(0, others=3)
    c.host.stop_daemon()
    away = c.machine.rename(c.folder / "away")
    write_remote(c.folder, OTHER, 3, 2, 1)
    c.start(0, others=5)
    wait_until(lambda: c.gaps() == [{"lost": 0, "reason": "journal_renumbered"}], "it is said")
    c.kill(0, others=5)
    write_remote(c.folder, OTHER, 5, 1, 1)
    c.has(0, others=6)
    away.rename(c.machine)
    c.copy(1)
    c.has(0, 1, others=6)
    c.kill(0, 1, others=6)
    assert c.gaps() == [{"lost": 0, "reason": "journal_renumbered"}], c.gaps()


def half_copied(c):
    c.copy(0)
    c.host.start_daemon()
    c.has(0)
    data = c.files[1].read_bytes()
    hurry = Hurry()
    for cut in (100, len(data) // 2):
        c.place(1).write_bytes(data[:cut])
        time.sleep(0.3)
        hurry.made_it()
    c.copy(2)
    time.sleep(0.3)
    with c.place(1).open("r+b") as out:
        out.write(data)
    hurry.made_it()
    c.has(0, 1, 2)
    assert c.gaps() == [], c.gaps()


def inode_of_another(c):
    """In place of one that was read, and of one that nobody has opened yet."""
    c.copy(0)
    c.host.start_daemon()
    c.has(0)
    write_remote(c.host.folder, OTHER, 0, 3, 1)
    other = pathlib.Path(c.host.folder) / f"remote-{OTHER[0]}.journal"
    inode = c.place(0).stat().st_ino
    c.pause(True)
    shutil.copyfile(c.files[1], c.place(0))  # cut off and written anew
    c.pause(False)
    c.has(0, 1)
    assert c.place(0).stat().st_ino == inode
    hurry = Hurry()
    c.copy(3, 4)  # waits for what lies before, the newest unopened
    time.sleep(0.25 * STILL_S)
    c.pause(True)
    hurry.made_it()
    shutil.copyfile(other, c.place(4))
    c.pause(False)
    c.has(0, 1, 3, others=3)
    assert c.gaps() == [vacuumed(len(c.numbers[2]))], c.gaps()


def grown_in_place(c):
    """A copy of a file that is written goes over the one before, its beginning first."""
    write_remote(c.host.folder, OTHER, 0, 3, 1)
    path = pathlib.Path(c.host.folder) / f"remote-{OTHER[0]}.journal"
    here = c.folder / path.name
    shutil.copyfile(path, here)
    c.copy(0)
    c.host.start_daemon()
    c.has(0, others=3)
    before = path.read_bytes()
    write_remote(c.host.folder, OTHER, 3, 4, 1)
    after = path.read_bytes()
    with here.open("r+b", buffering=0) as out:
        out.write(after[:4096])
        time.sleep(1.5)  # the reader comes upon a header that says more than there is
        out.write(after[4096:])
    assert after[:4096] != before[:4096] and after[4096:] != before[4096:]
    c.has(0, others=7)
    assert c.gaps() == [], c.gaps()


def begun_anew(c):
    """In one folder, with the numbers of the one before: its own holes are told, and filled."""
    c.copy(0, 1, 2, 3, 4)
    c.host.start_daemon()
    c.has(0, 1, 2, 3, 4)
    paths, numbers = zip(*c.others)
    assert paths[0].name.split("@")[1][:32] != c.numbering and numbers[3][-1] < c.numbers[4][-1]
    shutil.copy(paths[0], c.machine)
    c.has(0, 1, 2, 3, 4, others=len(numbers[0]))
    c.kill(0, 1, 2, 3, 4, others=len(numbers[0]))
    shutil.copy(paths[2], c.machine)
    c.has(0, 1, 2, 3, 4, others=len(numbers[0]) + len(numbers[2]))
    assert c.gaps() == [vacuumed(len(numbers[1]))], c.gaps()
    c.kill(0, 1, 2, 3, 4, others=len(numbers[0]) + len(numbers[2]))
    for i in (1, 3):
        shutil.copy(paths[i], c.machine)
    c.has(0, 1, 2, 3, 4, others=sum(map(len, numbers[:4])))
    c.kill(0, 1, 2, 3, 4, others=sum(map(len, numbers[:4])))
    assert c.gaps() == [vacuumed(len(numbers[1]))], c.gaps()


def begun_anew_and_past_the_one_before(c):
    """Of the old one only the first files are there, so that the new one passes it, with a hole across that place."""
    c.copy(0, 1)
    c.host.start_daemon()
    c.has(0, 1)
    paths, numbers = zip(*c.others)
    assert numbers[0][-1] < c.numbers[1][-10] and c.numbers[1][-1] < numbers[3][0]
    shutil.copy(paths[0], c.machine)
    c.has(0, 1, others=len(numbers[0]))
    shutil.copy(paths[3], c.machine)
    c.has(0, 1, others=len(numbers[0]) + len(numbers[3]))
    lost = len(numbers[1]) + len(numbers[2])
    assert c.gaps() == [vacuumed(lost)], c.gaps()
    for i in (2, 1):
        shutil.copy(paths[i], c.machine)
    c.has(0, 1, others=sum(map(len, numbers[:4])))
    c.kill(0, 1, others=sum(map(len, numbers[:4])))
    assert c.gaps() == [vacuumed(lost)], c.gaps()


def in_two_folders(c):
    c.copy(0, 1, 2, 3, 4)
    shutil.copytree(c.machine, c.folder / f"{MACHINE}.bak")
    c.host.start_daemon()
    c.has(0, 1, 2, 3, 4)
    time.sleep(STILL_S)
    c.kill(0, 1, 2, 3, 4)
    assert c.gaps() == [], c.gaps()


CASES = [newest_first, comes_soon, comes_late, mount_is_late, machine_is_late, half_copied, inode_of_another,
         grown_in_place, begun_anew, begun_anew_and_past_the_one_before, in_two_folders]


def kept_files(name):
    """Of a journald that begins anew, in a place of their own."""
    kept = pathlib.Path("/run") / name
    kept.mkdir()
    shutil.rmtree("/run/log/journal", ignore_errors=True)
    return [(pathlib.Path(shutil.copy(path, kept)), numbers) for path, numbers in rotated(kept)]


def in_time(case, files, others):
    """Whether this process was as fast as the case needs it."""
    with Host("a") as host:
        collector = Collector(host, files, others)
        try:
            case(collector)
        except Late as late:
            print(f"{case.__name__}: once more, its directory stood still for {late}", flush=True)
            return False
        report = host.verify()
        assert report["exit"] == OK, report
        assert report["coverage"]["lost"] == sum(gap["lost"] for gap in collector.gaps()), report
        host.stop_daemon()
        return True


def main():
    began = time.monotonic()
    files, others = kept_files("files"), kept_files("others")
    for case in CASES:
        assert any(in_time(case, files, others) for _ in range(TRIES)), f"{case.__name__}: late {TRIES} times"
        print(f"{case.__name__}: as it must, {time.monotonic() - began:.1f} s", flush=True)
    print(f"journal arrivals: {len(CASES)} cases, each entry once")


if __name__ == "__main__":
    main()
