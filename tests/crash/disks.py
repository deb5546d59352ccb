#!/usr/bin/env python3
"""Families 14 and 15: the disk fills and is freed, inodes run out, it turns read-only, folders go away.

Usage: disks.py full STEPS | odd. The data directory lies on a tmpfs of the test's own, in a mount
namespace of the test's own (unshare). Acknowledged means stored, whatever the disk did.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from load import Ledger, Sender, check_records  # noqa: E402
from stele_host import Host, OK, wait_until  # noqa: E402

ROOM = 512 << 20
ACCIDENTS = {65, 69, 73, 74, 75, 77, 78}  # 65: the store on disk is damaged


def into_namespace():
    """Runs this script again where mounts are its own."""
    if os.environ.get("STELE_DISKS_INSIDE"):
        return
    os.environ["STELE_DISKS_INSIDE"] = "1"
    own = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    os.execvp("unshare", [*own, sys.executable, "-B", *sys.argv])


def mount(path, options):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def remounted(path, options):
    return subprocess.run(["mount", "-o", f"remount,{options}", path], capture_output=True, text=True, check=False)


def remount(path, options):
    done = remounted(path, options)
    assert done.returncode == 0, done.stderr


def used(path):
    space = os.statvfs(path)
    return (space.f_blocks - space.f_bfree) * space.f_frsize


def inodes_used(path):
    inodes = os.statvfs(path)
    return inodes.f_files - inodes.f_ffree


def stalls(ledger, seconds=0.4):
    """Waits until nothing has been acknowledged for a while."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < seconds:
        if ledger.newest != seen:
            seen, since = ledger.newest, time.monotonic()
        time.sleep(0.02)


def fill_and_free(host, ledger, room):
    remount(host.data, f"size={used(host.data) + room}")
    sender = Sender(host.ingest, ledger, batch=1000)
    sender.start()
    stalls(ledger)
    before = ledger.newest
    assert host.daemon.poll() is None, f"steled ended with {host.daemon.returncode}:\n{host.daemon_words()[-2000:]}"
    remount(host.data, f"size={ROOM}")
    wait_until(lambda: ledger.newest > before, "an acknowledgement after space came back")
    sender.stop()


def full(steps):
    ledger = Ledger()
    with Host("a") as host:
        host.data.mkdir()
        mount(host.data, f"size={ROOM}")
        try:
            host.provision(quote_interval="50ms")
            host.start_daemon()
            for step in range(steps):
                fill_and_free(host, ledger, (64 << 10) * (1 + step % 8) if step % 16 else 8 << 20)
            host.anchor()
            report = host.verify()
            assert report["exit"] == OK, report
            host.stop_daemon()
            check_records(host.data, ledger)
        finally:
            end(host)
    print(f"family 14: injected {steps}, lost 0, false alarms 0, missed 0")


def end(host):
    if host.daemon and host.daemon.poll() is None:
        host.daemon.kill()
        host.daemon.wait()
    subprocess.run(["umount", "-l", host.data], check=False)


def read_only(host):
    remount(host.data, "ro")
    return lambda: remount(host.data, "rw")


def no_inodes(host):
    """None left but what is in use; a limit below that is refused, and beside a daemon that may grow meanwhile."""
    wait_until(lambda: remounted(host.data, f"nr_inodes={inodes_used(host.data)}").returncode == 0, "no inodes are left")
    return lambda: remount(host.data, "nr_inodes=100000")


def moved(host, name):
    path, aside = host.data / name, host.folder / f"aside-{name}"
    shutil.move(path, aside)

    def back():
        shutil.rmtree(path, ignore_errors=True)
        shutil.move(aside, path)
    return back


def linked(host, name):
    path, aside = host.data / name, host.folder / f"aside-{name}"
    shutil.move(path, aside)
    path.symlink_to(aside)

    def back():
        path.unlink()
        shutil.move(aside, path)
    return back


TROUBLES = {
    "read-only": read_only, "no inodes left": no_inodes,
    "segments gone": lambda h: moved(h, "segments"), "journal gone": lambda h: moved(h, "journal"),
    "tree gone": lambda h: moved(h, "tree"), "segments a link": lambda h: linked(h, "segments"),
    "journal a link": lambda h: linked(h, "journal"), "tree a link": lambda h: linked(h, "tree"),
}


def ends(host, name):
    """In order when asked to, or by itself with a code that says why."""
    if host.daemon.poll() is None:
        host.stop_daemon()
        return
    assert host.daemon.returncode in ACCIDENTS, f"{name}: steled ended with {host.daemon.returncode}"
    assert host.daemon_words(), f"{name}: steled ended without a word"
    host.notify.close()


def trouble_at_start(host, name):
    cure = TROUBLES[name](host)
    host.start_daemon(wait=False)
    wait_until(lambda: host.is_ready() or host.daemon.poll() is not None, f"steled decides about: {name}")
    ends(host, name)
    cure()


def inodes_run_out_while_running(host, ledger):
    host.start_daemon()
    sender = Sender(host.ingest, ledger)
    sender.start()
    wait_until(lambda: ledger.acknowledged, "an acknowledgement")
    cure = no_inodes(host)
    time.sleep(0.3)
    sender.stop()
    cure()
    ends(host, "no inodes left")


def odd():
    ledger, injected = Ledger(), 0
    with Host("a") as host:
        host.data.mkdir()
        mount(host.data, f"size={ROOM}")
        try:
            host.provision(quote_interval="50ms")
            host.start_daemon()
            host.anchor()
            trust = host.trust()
            host.stop_daemon()
            for name in TROUBLES:
                trouble_at_start(host, name)
                inodes_run_out_while_running(host, ledger)
                report = host.verify(trust=trust)
                assert report["exit"] == OK, (name, report)
                injected += 2
            check_records(host.data, ledger)
        finally:
            end(host)
    print(f"family 15: injected {injected}, lost 0, false alarms 0, missed 0")


if __name__ == "__main__":
    into_namespace()
    full(int(sys.argv[2])) if sys.argv[1] == "full" else odd()
