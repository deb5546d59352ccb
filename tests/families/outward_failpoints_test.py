#!/usr/bin/env python3
"""Goal: a daemon that dies, cannot write or is held up between an answer of a witness and its keeping, as the witness
and as the witnessed, or between a delivery and its note of it, never cosigns two histories or a smaller log than it did,
loses no cosignature that it gave or got, and pushes every receipt at least once.

Method: each named point of witnesses and pushes × {kill, throw (EIO), sleep}, the real daemon on a real swtpm; a log of
the test's own making asks the witness, so that it can fork; real failed syncs (strace) and full disks (tmpfs) beside
them. Every cosignature that was ever given is held against all others."""
import base64
import contextlib
import itertools
import os
import pathlib
import subprocess
import sys
from collections import Counter

from family import Tally, failing, into_namespace, need_failpoints, run, side_by_side, wait_until
from http_host import HttpHost
from merkle_tree import consistency, root
from push_test import Receiver, seqs
from stele_host import OK, Host
from tlog_witness import Key, Witness, parse_vkey, signed_note, verifies, vkey

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "crash"))
from disks import mount, remount  # noqa: E402

ACTIONS = ("kill", "throw", "sleep")
ORIGIN = "made.example/log"
ROLES = 'plain_roles = ["log", "monitor"]'
LEAST_ROUNDS, MOST_ROUNDS = 12, 100  # of kills at random: more where the asker hardly gets to ask before one


class Asker:
    """A log that a test makes up, and asks a steled with; it may fork. given: every head that was cosigned, in order."""

    def __init__(self):
        self.key, self.given = Key(b"asker" * 6 + b"xx"), []
        self.leaves = [b"leaf %d" % i for i in range(200)]
        self.forked = self.leaves[:5] + [b"lie %d" % i for i in range(195)]

    @property
    def vkey(self):
        return vkey(ORIGIN, 1, self.key.public)

    def ask(self, host, old, size, leaves=None):
        """The answer's status (0: none came) and text."""
        leaves = (leaves or self.leaves)[:size]
        head = root(leaves)
        text = f"{ORIGIN}\n{size}\n{base64.b64encode(head).decode()}\n"
        proof = "".join(base64.b64encode(h).decode() + "\n" for h in consistency(old, leaves))
        body = f"old {old}\n{proof}\n{signed_note(ORIGIN, self.key, text)}".encode()
        status, answer = 503, b""
        while status == 503:  # a daemon that just began has not got its key from the TPM yet
            status, answer = host.curl("/add-checkpoint", body=body)
        if status == 200:
            self.given.append((size, head, answer.decode(), text))
        return status, answer.decode().strip()

    def check(self, tally, host, key, what):
        """Of all that was given: one history, never a smaller head, each line good; and the newest is kept, or a newer."""
        roots = {}
        for size, head, line, text in self.given:
            tally.missed_unless(roots.setdefault(size, head) == head, (what, "two histories", size))
            blob = base64.b64decode(line.strip().split(" ")[2])
            message = f"cosignature/v1\ntime {int.from_bytes(blob[4:12], 'big')}\n{text}".encode()
            tally.missed_unless(verifies(key, message, blob[12:]), (what, "a cosignature does not verify", size))
        sizes = [size for size, *_ in self.given]
        tally.missed_unless(sizes == sorted(sizes), (what, "a smaller head after a larger", sizes))
        kept = kept_size(host)
        tally.lost_unless(not sizes or kept >= sizes[-1], (what, "given and not kept", sizes, kept))


def kept_size(host):
    files = [path for path in (host.data / "witnessed").iterdir() if path.suffix == ""]
    return int(files[0].read_text().split("\n")[1]) if files else 0


@contextlib.contextmanager
def witness_host():
    """A steled that witnesses the log that an Asker makes up, with five leaves cosigned; and its key."""
    with HttpHost("b") as host:
        host.provision()
        asker = Asker()
        host.write_config(http=ROLES, extra=f'[[witnessed]]\nkey = "{asker.vkey}"\n')
        host.start_daemon()
        wait_until(lambda: asker.ask(host, 0, 5)[0] == 200, "the key to cosign with is there")
        public = host.stele("trust", "--witness-key", expect=OK).stdout.decode().strip()
        yield host, asker, parse_vkey(public)[2]
        if host.daemon.poll() is None:
            host.stop_daemon()


def strike(host, point, action):
    """The daemon anew, with this point armed, which it passes only when it is asked."""
    host.stop_daemon()
    return strike_stopped(host, point, action, wait=True)


def strike_stopped(host, point, action, wait=False):
    """The same of one that passes the point by itself: killed there it may not get as far as to be ready."""
    before = len(host.daemon_words())
    with failing(point, action):
        host.start_daemon(wait=wait or action != "kill")
    return lambda: f"failpoint {point.split(':')[0]}: " in host.daemon_words()[before:]


def killed_is_over(tally, host, action, what):
    """After a kill: it is dead, and starts again by itself."""
    if action == "kill":
        tally.missed_unless(host.daemon.wait(60) == -9, (what, host.daemon.returncode))
        host.start_daemon()


def as_a_witness(tally):
    for point in ("witness.before_keep", "witness.after_keep"):
        for action in ACTIONS:
            with witness_host() as (host, asker, key):
                what = f"{action} at {point}"
                was_there = strike(host, point, action)
                status, _ = asker.ask(host, 5, 7)
                tally.inject()
                tally.missed_unless(was_there() and status == {"kill": 0, "throw": 500, "sleep": 200}[action], (what, status))
                killed_is_over(tally, host, action, what)
                durable = kept_size(host)
                tally.missed_unless(durable == (5 if point == "witness.before_keep" and action != "sleep" else 7), (what, durable))
                # What may be durable is not forked, nor made smaller, whether its cosignature got through or not.
                bound = 5 if (point, action) == ("witness.before_keep", "kill") else 7
                for old, size, leaves in ((0, 4, None), (bound, bound, asker.forked), (5, 6, None), (5, 7, asker.forked)):
                    if size <= bound and not (size == bound == 5):
                        status, text = asker.ask(host, old, size, leaves)
                        tally.missed_unless(status == 409, (what, old, size, status, text))
                lead_on(tally, host, asker, what)
                asker.check(tally, host, key, what)


def lead_on(tally, host, asker, what, known=5, size=9):
    """As a log does that does not know what its witness knows: told its size, it goes on from there."""
    status, text = asker.ask(host, known, size)
    if status == 409:
        status, text = asker.ask(host, int(text), size)
    tally.lost_unless(status == 200, (what, "the witness does not go on", status, text))


def killed_at_random(tally):
    """One witness, asked without a pause while it is killed, again and again."""
    with witness_host() as (host, asker, key):
        known = 9
        lead_on(tally, host, asker, "before any kill")  # so that the fork below is one of what was given
        for round_ in range(MOST_ROUNDS):
            if round_ >= LEAST_ROUNDS and len(asker.given) > LEAST_ROUNDS:
                break
            killer = subprocess.Popen(["sh", "-c", f"sleep 0.{round_ * 7 % 10}{round_}; kill -9 {host.daemon.pid}"])
            while known < 199:
                status, text = asker.ask(host, known, known + 1)
                if status == 0:
                    break
                known = int(text) if status == 409 else known + 1
            killer.wait()
            tally.inject()
            host.daemon.wait(60)
            host.start_daemon()
            tally.missed_unless(asker.ask(host, 5, 8, asker.forked)[0] == 409, "a fork below what is kept")
            asker.check(tally, host, key, f"killed at random, {round_}")
            known = max(known, kept_size(host))
        tally.missed_unless(len(asker.given) > LEAST_ROUNDS, ("hardly anything was cosigned", len(asker.given)))


class FailingSyncs:
    """Every sync of that file fails with EIO, as strace answers it."""

    def __init__(self, host, path):
        self.process = subprocess.Popen(
            ["strace", "-qq", "-f", "-p", str(host.daemon.pid), "-o", "/dev/null", "-P", path, "-e",
             "inject=fsync,fdatasync:error=EIO"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.traces_all(host.daemon.pid), "strace is attached")

    def traces_all(self, pid):
        try:
            return all(f"TracerPid:\t{self.process.pid}\n" in (task / "status").read_text()
                       for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
        except FileNotFoundError:  # a thread has ended meanwhile
            return False

    def end(self):
        self.process.terminate()
        self.process.wait(60)


def that_cannot_keep(tally):
    """A failed sync and a full disk under what a witness keeps: nothing is given that is not kept; and it goes on."""
    with witness_host() as (host, asker, key):
        kept, = (path for path in (host.data / "witnessed").iterdir() if path.suffix == "")
        failing_syncs = FailingSyncs(host, f"{kept}.new")
        status, _ = asker.ask(host, 5, 7)
        failing_syncs.end()
        tally.inject()
        tally.missed_unless(status == 500 and kept_size(host) == 5, ("a failed sync", status, kept_size(host)))
        lead_on(tally, host, asker, "after a failed sync")
        host.stop_daemon()
        state = kept.read_bytes()
        mount(host.data / "witnessed", "size=8192")
        kept.write_bytes(state)
        (host.data / "witnessed" / "other").write_bytes(b"x" * 4096)
        host.start_daemon()
        status, _ = asker.ask(host, 9, 11)
        tally.inject()
        tally.missed_unless(status == 500 and kept.read_bytes() == state, ("a full disk", status))
        (host.data / "witnessed" / "other").unlink()
        lead_on(tally, host, asker, "room again", 9, 12)
        asker.check(tally, host, key, "could not keep")
        host.stop_daemon()
        run("umount", host.data / "witnessed")


def place(host):
    return host.status()["outward"][0]


def reaches(host, through, what):
    wait_until(lambda: place(host)["state"] == "working" and place(host)["through"] >= through, f"{what}")


def has_all(host, what):
    """Waits until the place has the newest anchor, and says which that is. A lag of none may be from before it: what is said
    of places is up to half a second old."""
    newest = host.status()["anchoring"]["counter_anchors"]
    reaches(host, newest, what)
    return newest


def as_the_witnessed(tally):
    """What it was given is kept, or given again; the witness sees one history, and the verdict says who saw what."""
    points = ("witness.submit", "witness.cosigned", "witness.kept")
    side_by_side(tally, struck_as_the_witnessed, itertools.product(points, ACTIONS))  # each waits to try again


def struck_as_the_witnessed(tally, case):
    point, action = case
    what = f"{action} at {point}"
    with Host("b", origin="log.example/a") as host:
        host.provision()
        witness = Witness(host.stele("trust", "--checkpoint-key", expect=OK).stdout.decode().strip())
        host.write_config(extra=f'[[witness]]\nurl = "{witness.url}"\nkey = "{witness.vkey}"\ninterval = "1s"\n')
        host.start_daemon()
        reaches(host, max(host.append(b"before\n")), what)
        host.stop_daemon()
        was_there = strike_stopped(host, point, action)
        if action != "kill":
            host.append(b"meanwhile\n" * 20)
        wait_until(was_there, what)
        tally.inject()
        killed_is_over(tally, host, action, what)
        reaches(host, max(host.append(b"after\n")), what)
        host.stop_daemon()
        # An end does not wait for its last answer as long as that may take: then it is given again.
        host.start_daemon()
        reaches(host, witness.size, what)
        wait_until(lambda: place(host)["lag"] == 0, f"{what}: all is cosigned")
        witness.fault = "offline"
        host.stop_daemon()
        policy = host.folder / "policy"
        policy.write_text(f"log {host.stele('trust', '--checkpoint-key', expect=OK).stdout.decode().strip()}\n"
                          f"witness w {witness.vkey}\nquorum w\n")
        verdict = host.verify("--policy", policy)
        tally.alarm_unless(verdict["conclusion"] == "verified", (what, verdict))
        tally.lost_unless(verdict["witness"]["quorum_through"] == witness.size, (what, verdict["witness"], witness.size))
        tally.missed_unless(422 not in witness.answers, (what, witness.answers))
        witness.close()


def pushing(tally):
    """To an endpoint and to a file: everything arrives, what was under way at a death arrives twice, in order."""
    for action in ACTIONS:
        for nth in (1, 3):
            with Host("b") as host:
                receiver, what = Receiver(), f"{action} at push.delivered:{nth}"
                host.provision()
                file = host.folder / "elsewhere"
                file.mkdir()
                place_ = f'to = "{receiver.url()}"' if nth == 1 else f'to = "{file}/receipts"\nsame_mount = true'
                host.write_config(extra=f'[[push]]\n{place_}\ninterval = "1h"\n')
                got = lambda: seqs(receiver.lines("anchor") if nth == 1 else  # noqa: E731
                                   [line for line in (file / "receipts").read_text().splitlines() if " anchor " in line])
                host.start_daemon()
                host.stop_daemon()
                before = len(got())  # the last of them twice, if that end did not wait for its answer
                was_there = strike_stopped(host, f"push.delivered:{nth}", action)

                def work():
                    host.stele("anchor")
                    return was_there()
                wait_until(work, what)
                tally.inject()
                killed_is_over(tally, host, action, what)
                for _ in range(40):  # more than one batch of those that are read from the journal
                    host.anchor()
                newest = has_all(host, what)
                arrived = got()
                tally.lost_unless(set(arrived) >= set(range(1, newest + 1)), (what, newest, arrived))
                twice = [seq for seq, count in Counter(arrived[before:]).items() if count > 1]
                tally.missed_unless(bool(twice) == (action != "sleep"), (what, "delivered, not noted: again", twice))
                host.stop_daemon()
                held = host.folder / "held"
                held.write_text("".join(receiver.bodies) if nth == 1 else (file / "receipts").read_text())
                verdict = host.verify("--receipts", held)
                tally.alarm_unless(verdict["conclusion"] == "verified" and not any(
                    found["finding"].startswith("held") for found in verdict["findings"]), (what, verdict))
                receiver.close()


def on_a_mount_that_fails(tally):
    """The place's disk is full, then read-only, then well: told by name, and nothing is missing."""
    with Host("b") as host:
        host.provision()
        elsewhere = host.folder / "elsewhere"
        elsewhere.mkdir()
        mount(elsewhere, "size=64k")
        (elsewhere / "other").write_bytes(b"x" * (64 << 10))
        host.write_config(extra=f'[[push]]\nto = "{elsewhere}/receipts"\ninterval = "1h"\n')
        host.start_daemon()
        for fault, mend in (("No space left", lambda: (elsewhere / "other").unlink()),
                            ("Read-only file system", lambda: remount(elsewhere, "rw"))):
            if fault.startswith("Read"):
                remount(elsewhere, "ro")
            host.anchor()
            wait_until(lambda: fault in place(host)["reason"], f"{fault}: {place(host)}")
            tally.inject()
            tally.missed_unless(place(host)["state"] == "failing" and place(host)["lag"] > 0, place(host))
            mend()
            wait_until(lambda: place(host)["lag"] == 0 and place(host)["state"] == "working", f"after {fault}")
        # As a service it cannot tell a read-only place from a unit that lacks it: it names what to add, where.
        host.stop_daemon()
        remount(elsewhere, "ro")
        with_unit, without = "ReadWritePaths=" + str(elsewhere), "Read-only file system"
        for invocation, wanted in (("", without), ("c0ffee", with_unit)):
            os.environ.update({"INVOCATION_ID": invocation} if invocation else {})
            host.start_daemon()
            os.environ.pop("INVOCATION_ID", None)
            host.anchor()
            wait_until(lambda: without in place(host)["reason"], "failing on a read-only mount")
            tally.inject()
            now = place(host)
            tally.missed_unless(now["state"] == "failing" and wanted in now["reason"], now)
            tally.missed_unless(invocation or with_unit not in now["reason"], now)
            tally.missed_unless(now["reason"] in host.daemon_words(), "told in the daemon's log")
            host.stop_daemon()
        remount(elsewhere, "rw")
        host.start_daemon()
        host.anchor()
        newest = has_all(host, "writable again")
        lines = [line for line in (elsewhere / "receipts").read_text().splitlines() if " anchor " in line]
        tally.lost_unless(set(seqs(lines)) == set(range(1, newest + 1)), (newest, seqs(lines)))
        host.stop_daemon()
        run("umount", elsewhere)


def main():
    need_failpoints()
    into_namespace()
    tally = Tally()
    for part in (as_a_witness, killed_at_random, that_cannot_keep, as_the_witnessed, pushing, on_a_mount_that_fails):
        part(tally)
    tally.report(3, "6 failpoints of witnesses and pushes: kill, throw, sleep; kills at random, failed syncs, full and read-only places")


if __name__ == "__main__":
    main()
