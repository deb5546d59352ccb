#!/usr/bin/env python3
"""Goal: the look-up (SQLite) restored from a backup, lost or torn changes no answer and no verdict.

Method: the look-up's files are put back to an older copy, removed, cut in half or emptied beside a daemon that is
down; the next daemon answers every query as before. (What root does to it on purpose is attack 22.)
"""
import shutil

from luck import Machine, into_namespace, unless_it_stood_still

NAME = "look-up.sqlite"


def files(machine):
    return sorted(machine.data.glob(NAME + "*"))


def put_back(machine, saved):
    remove(machine, saved)
    for path in saved.iterdir():
        shutil.copy(path, machine.data / path.name)


def remove(machine, _saved):
    for path in files(machine):
        path.unlink()


def tear(machine, _saved):
    path = machine.data / NAME
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def empty(machine, _saved):
    (machine.data / NAME).write_bytes(b"")


def answers(machine):
    """Every event through `stele query`; what the daemon says of all of them and of a part."""
    everything = machine.events()
    assert {i: e for i, e in everything.items() if i in machine.ledger.acknowledged} == machine.ledger.acknowledged
    return everything


def main():
    with Machine("a") as machine:
        machine.begin()
        saved = machine.folder / "saved"
        saved.mkdir()
        machine.stop_daemon()
        for path in files(machine):
            shutil.copy(path, saved)
        machine.start_daemon()
        older = machine.copy("older")
        for misfortune in (put_back, remove, tear, empty, put_back):
            machine.send(50)
            before = answers(machine)
            machine.stop_daemon()
            misfortune(machine, saved)
            machine.start_daemon()
            assert answers(machine) == before, misfortune.__name__
            machine.anchor()
            machine.check(unanchored=0)
        machine.check_still_caught(older)


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
