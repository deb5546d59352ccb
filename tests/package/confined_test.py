"""Goal: steled does its work under the shipped unit's confinement, what the unit denies is denied, and the list of calls that
is checked in is the list of those that it makes. Method: end-to-end suites, and a day of all its main work (confined_day.py),
with a steled that runs confined, where a call outside the filter kills: the unit's filter, expanded by systemd itself, and
once more the list alone, so that a call that is not on it is seen when it comes. Family 87."""
import contextlib
import os
import pathlib
import re
import signal
import sys
import tempfile
import unittest
import unittest.mock

HERE = pathlib.Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
sys.path.insert(0, str(E2E))
import unit_file  # noqa: E402
from confined import BEGINS_A_PROGRAM  # noqa: E402
from stele_host import BIN, PATIENCE, Host, run, wait_until  # noqa: E402

DAY = HERE / "confined_day.py"
LIST = unit_file.CALLS
LONG = os.environ.get("STELE_LONG") == "1"
SUITES = sorted(p.name for p in E2E.glob("*_test.py")) if LONG else ["lifecycle_test.py", "clients_test.py"]
SOMEBODY = 64_321  # no user of this machine; SQLite calls fchown for root only
DENIED = {
    "mount": "ctypes.CDLL(None).mount(b'x', b'/', b'tmpfs', 0, None)",
    "ptrace": "ctypes.CDLL(None).ptrace(0, 0, 0, 0)",
    "chown": "os.chown('/tmp', 0, 0)",
    "reboot": "ctypes.CDLL(None).reboot(0)",
    "a packet socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "a netlink socket": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "memory to write and run": "mmap.mmap(-1, 4096, prot=7)",
    "memory made runnable": "ctypes.CDLL(None).mprotect(ctypes.c_void_p(0), 4096, 4)",
    "a set-uid file": "os.chmod('/dev/null', 0o4755)",
    "a namespace": "ctypes.CDLL(None).unshare(0x10000000)",
    "a key ring": "ctypes.CDLL(None).syscall(250, 0, 0, 0, 0, 0)",
    "a user": "os.setuid(65534)",
    "a module": "ctypes.CDLL(None).syscall(313, 0, 0, 0)",
    "the clock": "time.clock_settime(time.CLOCK_REALTIME, time.time())",
}


def confined(*command):
    return run(sys.executable, "-B", HERE / "confined.py", *command)


class Confined(unittest.TestCase):
    def folder(self):
        made = tempfile.TemporaryDirectory(prefix="stele-confined-")
        self.addCleanup(made.cleanup)
        return pathlib.Path(made.name)

    def binaries(self, before):
        """A folder of the three programs; what is put before steled starts it."""
        path = self.folder()
        for name in ("stele", "stele-verify"):
            (path / name).symlink_to(BIN / name)
        (path / "steled").write_text(f'#!/bin/sh\nexec {before} {BIN}/steled "$@"\n')
        (path / "steled").chmod(0o755)
        return path

    def confined_binaries(self, *options):
        return self.binaries(f"{sys.executable} -B {HERE}/confined.py --as {SOMEBODY} {' '.join(map(str, options))}")

    def passes(self, script, binaries):
        done = run(sys.executable, "-B", script, env={**os.environ, "STELE_BIN": str(binaries)}, cwd=script.parent)
        words = (done.stdout + done.stderr).decode(errors="replace")[-4000:]
        self.assertEqual(done.returncode, 0, f"{script.name}; -{int(signal.SIGSYS)} is a call that killed, and STELE_LONG=1 "
                                             f"has strace name it\n{words}")

    def list_without(self, *names):
        """A list of a test's own, as wide as the unit's filter: without these, and without what begins a program."""
        path = self.folder() / "calls"
        path.write_text("\n".join(sorted(unit_file.allowed_calls() - set(names) - BEGINS_A_PROGRAM)))
        return path

    def test_the_suites_pass_under_a_filter_that_kills(self):
        binaries = self.confined_binaries()
        for suite in SUITES:
            with self.subTest(suite=suite):
                self.passes(E2E / suite, binaries)
        print(f"family 87: injected {len(SUITES)}, lost 0, false alarms 0, missed 0 "
              f"(end-to-end suites with steled under the shipped filter, action kill)")

    def test_a_day_of_all_its_work_passes_under_the_units_filter(self):
        self.passes(DAY, self.confined_binaries("--refuse-netlink"))
        print("family 87: injected 1, lost 0, false alarms 0, missed 0 "
              "(a day of all inputs, anchors, HTTP, packing and starts under the shipped filter, action kill)")

    def test_a_day_of_all_its_work_makes_no_call_that_is_not_on_the_list(self):
        self.passes(DAY, self.confined_binaries("--refuse-netlink", "--calls", LIST))
        print(f"family 87: injected {len(unit_file.listed_calls())}, lost 0, false alarms 0, missed 0 "
              f"(the same under the list of calls that is checked in, and nothing else)")

    def test_a_call_that_is_missing_from_the_list_is_seen(self):
        for name in ("fdatasync", "timerfd_settime", "accept"):
            binaries = self.confined_binaries("--calls", self.list_without(name))
            with self.subTest(name), Host() as host, unittest.mock.patch("stele_host.BIN", binaries):
                host.provision()
                with contextlib.suppress(AssertionError):  # sooner or later it ends
                    host.start_daemon()
                    host.append(b"one\n")
                self.assertEqual(host.daemon.wait(PATIENCE), -signal.SIGSYS, host.daemon_words())
                host.tpm.reservation.close()

    def test_the_list_lets_the_daemon_begin_and_the_daemon_begins_nothing(self):
        options = ("--calls", self.list_without())
        begun = confined(*options, sys.executable, "-c", "print('begun')")
        self.assertEqual((begun.returncode, begun.stdout), (0, b"begun\n"), begun.stderr)
        for statement in ("os.execv('/bin/true', ['true'])", "os.execve(os.open('/bin/true', os.O_RDONLY), ['true'], {})",
                          "subprocess.run(['/bin/true'], check=True)"):
            with self.subTest(statement):
                done = confined(*options, sys.executable, "-c", f"import os, subprocess; {statement}")
                self.assertNotEqual(done.returncode, 0, done)
                self.assertTrue(done.returncode == -signal.SIGSYS or b"SIGSYS" in done.stderr, done)
        listed = self.folder() / "calls"
        listed.write_text("read\nexecve\n")
        refused = confined("--calls", listed, sys.executable, "-c", "print('begun')")
        self.assertEqual((refused.returncode, refused.stdout), (1, b""))
        self.assertIn(b"the daemon begins no program", refused.stderr)

    def test_what_the_unit_denies_kills(self):
        allowed = confined(sys.executable, "-c", "import ctypes, mmap, os, socket, time; os.stat('/tmp')")
        self.assertEqual(allowed.returncode, 0, "the confinement itself ends a harmless program: " + repr(allowed))
        for what, statement in DENIED.items():
            with self.subTest(what=what):
                done = confined(sys.executable, "-c", f"import ctypes, mmap, os, socket, time; {statement}")
                self.assertEqual(done.returncode, -signal.SIGSYS, (done.stdout, done.stderr))
        print(f"family 87: injected {len(DENIED)}, lost 0, false alarms 0, missed 0 (calls that the unit denies)")

    def test_every_call_on_the_list_is_let_through(self):
        self.assertGreater(len(unit_file.listed_calls()), 50)
        self.assertLessEqual(unit_file.listed_calls(), unit_file.allowed_calls(), "on the list, not through the unit's filter")

    @unittest.skipUnless(LONG, "strace beside a starting daemon can hang on a machine under load: STELE_LONG=1 runs it")
    def test_the_calls_of_a_day_by_their_names(self):
        """What the day under the list shows by a death, named. SQLite gives its files away where root runs it, which the
        service never is; who starts the daemon is the service manager."""
        new = self.calls_of_a_day() - unit_file.listed_calls() - {"fchown", "execve"}
        self.assertFalse(new, f"steled makes calls that are not listed: judge whether it should, then add to {LIST}")

    def calls_of_a_day(self):
        trace = self.folder() / "trace"
        self.passes(DAY, self.binaries(f"strace -D -f -A -o {trace}"))
        # strace outlives a daemon by a moment.
        begun = r"(?m)^(\d+) +execve\("
        wait_until(lambda: all(re.search(rf"(?m)^{pid} \+\+\+ ", trace.read_text(errors="replace"))
                               for pid in re.findall(begun, trace.read_text(errors="replace"))), "the ends of the trace")
        calls = trace.read_text(errors="replace")
        return set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z0-9_]+)(?:\(| resumed)", calls, re.M))


if __name__ == "__main__":
    unittest.main(verbosity=2)
