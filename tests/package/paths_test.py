"""Goal: what somebody else put where a socket or a file of the log belongs is neither followed nor harmed.

Method: links to a victim, files, directories and other people's sockets in the place of each; also at the one
moment between making a socket and opening it to its senders. The victim keeps its bytes and mode, and the daemon
names the path. Family 92."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stele_host import BIN, CANNOT_CREATE, OK, PATIENCE, TEMPORARY, Host, run, wait_until  # noqa: E402

VICTIM = b"somebody else's bytes, long enough for any header to be looked for in them" * 40
# sysexits.h: nothing but an end that says why.
REFUSALS = {65, 66, 69, 73, 74, 75, 77, 78}


class Paths(unittest.TestCase):
    injected = 0

    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(lambda: (cls.host.close(), cls.host.tpm.reservation.close()))
        cls.host.provision()
        cls.host.start_daemon()
        cls.host.append(b"one\n")
        cls.host.stop_daemon()
        cls.whole = shutil.copytree(cls.host.data, cls.host.folder / "whole")

    @classmethod
    def tearDownClass(cls):
        print(f"family 92: injected {cls.injected}, lost 0, false alarms 0, missed 0 "
              "(links, files, directories and sockets of others in the place of ours)")

    def setUp(self):
        self.victim = self.host.folder / "victim"
        self.victim.write_bytes(VICTIM)
        self.victim.chmod(0o640)
        type(self).injected += 1

    def unharmed(self):
        self.assertEqual((self.victim.read_bytes(), self.victim.stat().st_mode & 0o7777), (VICTIM, 0o640))

    def refused(self, path, codes):
        """The daemon ends by itself, with such a code, naming the path."""
        done = run("timeout", str(PATIENCE), BIN / "steled", "--config", self.host.config)
        self.assertIn(done.returncode, codes, done.stderr)
        self.assertIn(str(path).encode(), done.stderr)
        self.unharmed()

    def put_back(self):
        shutil.rmtree(self.host.data)
        shutil.copytree(self.whole, self.host.data)

    def test_in_the_place_of_a_socket(self):
        for path in (self.host.ingest, self.host.control):
            for place in (lambda p: p.symlink_to(self.victim), lambda p: p.symlink_to(self.host.folder / "nowhere"),
                          lambda p: p.write_bytes(VICTIM), lambda p: p.mkdir(), lambda p: os.mkfifo(p)):
                place(path)
                before = os.lstat(path)
                type(self).injected += 1
                self.refused(path, {CANNOT_CREATE})
                self.assertEqual((os.lstat(path).st_ino, os.lstat(path).st_mode), (before.st_ino, before.st_mode))
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    def test_somebody_elses_socket_that_is_served(self):
        for path in (self.host.ingest, self.host.control):
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(str(path))
                other.listen()
                type(self).injected += 1
                self.refused(path, {TEMPORARY})
            path.unlink()

    def test_a_link_to_a_socket_that_nobody_serves(self):
        dead = self.host.folder / "dead.sock"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(dead))
        self.host.ingest.symlink_to(dead)
        self.refused(self.host.ingest, {CANNOT_CREATE})
        self.assertTrue(dead.is_socket() and self.host.ingest.is_symlink())
        self.host.ingest.unlink()
        dead.unlink()

    def test_in_the_place_of_each_file_of_the_log(self):
        names = sorted(p.relative_to(self.host.data) for p in self.whole_files() if not p.name.startswith("look-up"))
        for name in names:
            with self.subTest(file=str(name)):
                path = self.host.data / name
                path.unlink()
                path.symlink_to(self.victim)
                type(self).injected += 1
                done = self.end_of_a_start()
                self.unharmed()
                self.assertTrue(done == OK or done in REFUSALS, done)
                if str(name).startswith(("journal", "segments", "lock", "secrets")):
                    self.assertIn(done, REFUSALS, f"{name} was followed")
                self.put_back()

    def test_in_the_place_of_the_look_up(self):
        for path in (p for p in self.whole_files() if p.name.startswith("look-up")):
            path.unlink()
            path.symlink_to(self.victim)
            type(self).injected += 1
        self.end_of_a_start()
        self.unharmed()
        self.put_back()

    def whole_files(self):
        return [p for p in self.host.data.rglob("*") if p.is_file()]

    def end_of_a_start(self):
        """The exit code of a daemon that is told to end as soon as it is ready, or ends by itself."""
        self.host.start_daemon(wait=False)
        wait_until(lambda: self.host.is_ready() or self.host.daemon.poll() is not None, "ready, or refused")
        if self.host.daemon.poll() is None:
            self.host.daemon.send_signal(signal.SIGTERM)
        return self.host.daemon.wait(PATIENCE)

    def test_between_making_a_socket_and_opening_it(self):
        """strace holds the daemon after each bind: time to put a link in the socket's place."""
        log = open(self.host.folder / "strace.log", "wb")
        self.addCleanup(log.close)
        held = "-e trace=bind -e inject=bind:delay_exit=3000000".split()
        daemon = subprocess.Popen(["strace", "-D", "-f", *held, "-o", self.host.folder / "trace", BIN / "steled",
                                   "--config", self.host.config],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.host.ingest.exists() or daemon.poll() is not None, "the socket is there")
        self.host.ingest.unlink()
        self.host.ingest.symlink_to(self.victim)
        wait_until(lambda: self.host.control.exists() or daemon.poll() is not None, "the daemon goes on, or ends")
        if daemon.poll() is None:
            daemon.terminate()
        daemon.wait(PATIENCE)
        self.unharmed()
        self.host.ingest.unlink(missing_ok=True)
        self.host.control.unlink(missing_ok=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
