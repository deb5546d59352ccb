#!/usr/bin/env python3
"""Families 2 and 11 on a store's canonical session: every system call killed, every storage call failed.

Usage: syscall_families.py STORAGE_SESSION. Each injection is a run of the program under strace in a fresh
folder; afterwards the program recovers the folder without injection, checks every record against what
was acknowledged, and goes on to the end. Prints a line a family and ends with 1 if anything was lost.
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SESSION = sys.argv[1]
STORAGE_CALLS = "openat,pwrite64,pwritev,write,fdatasync,fsync,rename,renameat,renameat2,ftruncate,mkdir,unlink," \
                "flock,fcntl,pread64,read,getdents64,fstat,newfstatat,close,fallocate"
ERRORS = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE", "EINTR"]
BATCH = 16


def acknowledged(output):
    counts = {"records": 0, "entries": 0}
    for line in output.splitlines():
        word, _, count = line.partition(" ")
        if word in counts and count.isdigit():
            counts[word] = int(count)
    return counts


def session(*arguments, prefix=()):
    return subprocess.run([*prefix, SESSION, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          check=False)


def judge(folder, injection, ran):
    """What is wrong after this run, or None."""
    in_loader = "error while loading" in ran.stderr  # a failure before main() is not the session's
    if ran.returncode not in (0, 74, -9, 137) and not in_loader:
        return f"{injection}: ended with {ran.returncode}: {ran.stderr[-300:]}"
    counts = acknowledged(ran.stdout)
    again = session("check", folder, counts["records"], counts["entries"])
    if again.returncode != 0:
        return f"{injection}: after {counts}: {again.stderr.strip()}"
    on = session("run", folder)
    return f"{injection}: cannot go on: {on.stderr.strip()}" if on.returncode != 0 else None


def inject(base, number, injection):
    """One run. Whether the injection took place, and what is wrong."""
    folder, trace = base / str(number), base / f"{number}.trace"
    folder.mkdir()
    try:
        ran = session("run", folder, prefix=("strace", "-qq", "-o", trace, "-e", f"inject={injection}"))
        text = trace.read_text(errors="replace")
        return "INJECTED" in text or "killed by SIGKILL" in text, judge(folder, injection, ran)
    finally:
        shutil.rmtree(folder)
        trace.unlink(missing_ok=True)


def every(injection_of):
    """Runs injection_of(n) for n = 1, 2, … until one no longer takes place: how many did, what was wrong."""
    base = pathlib.Path(tempfile.mkdtemp(prefix="stele-syscalls-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    injected, wrong, n, more = 0, [], 1, True
    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            while more:
                results = list(pool.map(lambda k: inject(base, k, injection_of(k)), range(n, n + BATCH)))
                injected += sum(happened for happened, _ in results)
                wrong += [why for _, why in results if why]
                more, n = results[-1][0], n + BATCH
    finally:
        shutil.rmtree(base)
    for why in wrong[:20]:
        print(why, file=sys.stderr)
    return injected, len(wrong)


def main():
    killed, lost = every(lambda n: f"all:signal=KILL:when={n}")
    print(f"family 2: injected {killed}, lost {lost}, false alarms 0, missed 0 (store session, every system call)")
    failed = lost_11 = 0
    for error in ERRORS:
        count, wrong = every(lambda n, error=error: f"{STORAGE_CALLS}:error={error}:when={n}")
        failed, lost_11 = failed + count, lost_11 + wrong
    print(f"family 11: injected {failed}, lost {lost_11}, false alarms 0, missed 0")
    enough = killed > 200 and failed > 1000
    if not enough:
        print("too few injections took place: may strace trace here?", file=sys.stderr)
    return 0 if enough and not lost and not lost_11 else 1


if __name__ == "__main__":
    sys.exit(main())
