"""Goal: the unit confines the daemon, agrees with it, and the daemon speaks with the service manager as it expects.

Method: systemd's own analysis, the settings against the daemon's words, and a real daemon's notifications on a socket
of ours. Families 86 and 88."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import unit_file

ROOT = unit_file.PACKAGE.parents[1]
sys.path[:0] = [str(unit_file.PACKAGE), str(ROOT / "tests" / "e2e")]
import help  # noqa: E402
from stele_host import BIN, OK, PATIENCE, Host, run, wait_until  # noqa: E402

UNITS = unit_file.SERVICE.parent
THRESHOLD = 15  # exposure 1.5
WORKS = {"unix", "unix-datagram", "udp", "tcp", "tls", "http"}
RETRIES_ARE_IN_VAIN = {"64", "65", "77", "78"}


def exposure(text):
    """systemd's figure for a unit of this text, and its exit code under the threshold."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "steled.service")
        path.write_text(text)
        done = run("systemd-analyze", "security", "--offline=yes", f"--threshold={THRESHOLD}", "--no-pager", path)
    return float(re.search(r"exposure level for \S+ ([\d.]+)", done.stdout.decode()).group(1)), done.returncode


def verify(files):
    """systemd-analyze verify over units by name and text: exit code and words."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            text = text.replace("ExecStart=/usr/sbin/steled", f"ExecStart={BIN}/steled")
            pathlib.Path(folder, name).write_text(text)
        done = run("systemd-analyze", "verify", "--man=no", *(pathlib.Path(folder, name) for name in files))
    return done.returncode, done.stderr.decode()


class Unit(unittest.TestCase):
    def setUp(self):
        self.text = unit_file.SERVICE.read_text()
        self.settings = unit_file.settings()

    def test_it_is_confined_as_promised(self):
        figure, code = exposure(self.text)
        self.assertEqual(code, OK, f"exposure {figure}")
        self.assertLessEqual(figure, THRESHOLD / 10)
        given_up = "ProtectSystem|CapabilityBoundingSet|SystemCallFilter|PrivateMounts"
        softer = re.sub(rf"(?m)^({given_up})=.*\n", "", self.text)
        self.assertNotEqual(exposure(softer)[1], OK, "a softer unit must not pass")
        print(f"family 86: injected 1, lost 0, false alarms 0, missed 0 "
              f"(exposure {figure}, threshold {THRESHOLD / 10})")

    def test_systemd_understands_every_line(self):
        self.assertEqual(verify({"steled.service": self.text}), (OK, ""))
        self.assertNotEqual(verify({"steled.service": self.text + "\n[Service]\nRestart=perhaps\n"}), (OK, ""))

    def test_it_does_not_falsify_who_sends(self):
        self.assertNotIn("PrivateUsers", self.settings)
        self.assertNotIn("DynamicUser", self.settings)

    def test_it_starts_again_only_where_that_can_help_and_not_for_ever(self):
        self.assertEqual(set(unit_file.setting("RestartPreventExitStatus").split()), RETRIES_ARE_IN_VAIN)
        self.assertEqual(unit_file.setting("Restart"), "on-failure")
        # Each start costs a write of C: no more in a row than the daemon's own bucket allows at once.
        burst, = (key.default for key in help.keys(BIN / "steled") if key.name == "anchor.burst")
        self.assertEqual(unit_file.setting("StartLimitBurst"), burst)
        self.assertEqual(unit_file.setting("StartLimitIntervalSec"), "1h")

    def test_its_directories_are_those_of_the_daemon_and_of_tmpfiles(self):
        keys = {key.name: key.default.strip("'") for key in help.keys(BIN / "steled")}
        self.assertEqual(keys["data"], "/var/lib/" + unit_file.setting("StateDirectory"))
        for key in ("listen.unix.path", "control.path"):
            self.assertEqual(os.path.dirname(keys[key]), "/run/" + unit_file.setting("RuntimeDirectory"))
        self.assertEqual(unit_file.setting("ConditionDirectoryNotEmpty"), keys["data"] + "/journal")
        self.assertIn(keys["tpm.tcti"].partition(":")[2] + " rw", self.settings["DeviceAllow"])
        made = {line.split()[1]: line.split()[2:5] for line in (UNITS / "tmpfiles.conf").read_text().splitlines()
                if line.startswith("d ")}
        self.assertEqual(made, {"/var/lib/stele": [unit_file.setting("StateDirectoryMode"), "stele", "stele"],
                                "/run/stele": [unit_file.setting("RuntimeDirectoryMode"), "stele", "stele"]})
        self.assertRegex((UNITS / "sysusers.conf").read_text(), rf"(?m)^u {unit_file.setting('User')} -")

    def test_sysusers_and_tmpfiles_do_what_they_say(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f"{folder}/etc")
            for tool, file in (("systemd-sysusers", "sysusers.conf"), ("systemd-tmpfiles", "tmpfiles.conf")):
                create = ["--create"] if tool == "systemd-tmpfiles" else []
                if create:  # it looks names up in the root's own files
                    pathlib.Path(folder, "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\n")
                done = run(tool, *create, f"--root={folder}", UNITS / file)
                self.assertEqual(done.returncode, OK, done.stderr)
            self.assertRegex(pathlib.Path(folder, "etc/passwd").read_text(), r"(?m)^stele:.*:/usr/sbin/nologin$")
            self.assertRegex(pathlib.Path(folder, "etc/group").read_text(), r"(?m)^tss:.*:stele$")
            self.assertEqual(os.stat(f"{folder}/var/lib/stele").st_mode & 0o7777, 0o700)


class Sockets(unittest.TestCase):
    def units(self):
        """The socket as shipped, and each input that its comments tell to copy it for."""
        shipped = (UNITS / "steled.socket").read_text()
        found = {"steled.socket": shipped}
        for name, lines in re.findall(r"(?m)^# (steled-\w+\.socket).*\n((?:#[A-Z]\w+=.*\n)+)", shipped):
            body = "\n".join(line[1:] for line in lines.splitlines())
            found[name] = f"[Socket]\n{body}\nService=steled.service\n"
        return found

    def test_systemd_understands_each(self):
        units = self.units()
        self.assertEqual(len(units), 5)
        self.assertEqual(verify({**units, "steled.service": unit_file.SERVICE.read_text()}), (OK, ""))

    def test_each_names_what_is_spoken(self):
        names = [re.findall(r"(?m)^FileDescriptorName=(.*)$", text) for text in self.units().values()]
        self.assertTrue(all(len(name) == 1 for name in names))
        self.assertLessEqual({name[0] for name in names}, WORKS)


class Notifications(unittest.TestCase):
    def start(self, host, **environment):
        """A daemon whose notifications are kept, with whatever the service manager puts into its environment."""
        path = str(host.folder / "manager.sock")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(path)
        self.manager.setblocking(False)
        self.heard = []
        with open(host.daemon_log, "ab") as log:
            host.daemon = subprocess.Popen([BIN / "steled", "--config", host.config], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log,
                                           env={**os.environ, "NOTIFY_SOCKET": path, **environment})

    def hear(self):
        while True:
            try:
                self.heard += self.manager.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.heard

    def test_ready_alive_and_stopping_are_told_in_this_order(self):
        with Host() as host:
            host.provision()
            self.start(host, WATCHDOG_USEC="200000")
            wait_until(lambda: "READY=1" in self.hear(), "READY=1")
            self.assertTrue(any(line.startswith("STATUS=log test.example/log") for line in self.heard), self.heard)
            wait_until(lambda: self.hear().count("WATCHDOG=1") >= 5, "WATCHDOG=1, again and again")
            self.assertNotIn("STOPPING=1", self.heard)
            host.daemon.send_signal(signal.SIGTERM)
            self.assertEqual(host.daemon.wait(PATIENCE), OK)
            self.hear()
            self.assertLess(self.heard.index("READY=1"), self.heard.index("STOPPING=1"))
            self.assertEqual((self.heard.count("READY=1"), self.heard.count("STOPPING=1")), (1, 1))
            host.tpm.reservation.close()

    def test_who_hangs_is_not_alive(self):
        """A daemon held by SIGSTOP says nothing; one without a watchdog never does."""
        with Host() as host:
            host.provision()
            self.start(host, WATCHDOG_USEC="200000")
            wait_until(lambda: "WATCHDOG=1" in self.hear() and "READY=1" in self.heard, "alive")
            host.daemon.send_signal(signal.SIGSTOP)
            state = pathlib.Path(f"/proc/{host.daemon.pid}/stat")
            wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "stopped")
            before = self.hear().count("WATCHDOG=1")
            time.sleep(0.5)
            self.assertEqual(self.hear().count("WATCHDOG=1"), before)
            host.daemon.send_signal(signal.SIGCONT)
            wait_until(lambda: self.hear().count("WATCHDOG=1") > before, "alive again")
            host.stop_daemon()
            host.tpm.reservation.close()

    def test_the_running_daemon_has_what_the_unit_says_and_no_more(self):
        """No memory to write and run; an own process as the kernel shows it, not as the linker meant it."""
        with Host() as host:
            host.provision()
            self.start(host)
            wait_until(lambda: "READY=1" in self.hear(), "READY=1")
            maps = pathlib.Path(f"/proc/{host.daemon.pid}/maps").read_text().splitlines()
            self.assertGreater(len(maps), 20)
            self.assertEqual([line for line in maps if re.search(r" rwx[ps] ", line)], [])
            host.stop_daemon()
            self.assertNotIn("WATCHDOG=1", self.hear())
            host.tpm.reservation.close()
        print("family 88: injected 1, lost 0, false alarms 0, missed 0 "
              "(the running daemon: no memory to write and run)")


if __name__ == "__main__":
    unittest.main(verbosity=2)
