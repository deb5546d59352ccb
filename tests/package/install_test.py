"""Goal: install, run, upgrade, remove, purge: nothing of ours is left, and nothing of the owner's is lost. Method: the
packages of this build in a throw-away root over this machine's files, with dpkg, the real scripts, the real daemon as
the package's own user, and a software TPM. Family 84."""
import os
import pathlib
import re
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import packages  # noqa: E402
from root import Root  # noqa: E402
from stele_host import BIN, OK, PATIENCE, Tpm, run, wait_until  # noqa: E402

NOT_PROVISIONED = 78
AS_THE_UNIT = ("setpriv", "--reuid=stele", "--regid=stele", "--init-groups", "--bounding-set=-all", "--inh-caps=-all",
               "--no-new-privs")
DROP_IN = '[tpm]\ntcti = "{tcti}"\n[anchor]\nheartbeat = "1h"\n'


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="stele-packages-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.made = packages.make(cls.folder.name)
        cls.older = {name: packages.predecessor(path, cls.folder.name) for name, path in cls.made.items()}

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.close)
        print(self.root.how)

    # -- the package manager

    def dpkg(self, action, *what):
        return self.root.must("dpkg", "--force-confold", "--force-unsafe-io", action, *what)

    def install(self, which):
        for path in which.values():
            (self.root.path / "tmp" / path.name).write_bytes(path.read_bytes())
        told = self.dpkg("--install", *(f"/tmp/{path.name}" for path in which.values()))
        if self.root.is_copy:
            done = run("systemd-tmpfiles", f"--root={self.root.path}", "--create", "steled.conf")
            self.assertEqual(done.returncode, OK, done.stderr)
        return told

    def purge(self):
        return self.dpkg("--purge", *packages.NAMES)

    # -- the machine's life

    def start(self):
        """steled as its unit would start it: as its user, with what the installed configuration says."""
        log = open(self.root.base / "steled.log", "ab")
        self.addCleanup(log.close)
        self.daemon = self.root.start(*self.steled(), stderr=log)
        self.addCleanup(lambda: self.daemon.poll() is None and self.daemon.kill())
        wait_until(lambda: self.daemon.poll() is not None or self.state() == "anchoring", "steled anchors")
        self.assertIsNone(self.daemon.poll(), (self.root.base / "steled.log").read_text())

    def steled(self):
        if not self.root.is_copy:
            return [*AS_THE_UNIT, "/usr/sbin/steled"]
        uid, gid = re.search(r"(?m)^stele:x:(\d+):(\d+):", self.root.read("etc/passwd")).groups()
        places = {"data": "var/lib/stele", "listen.unix.path": "run/stele/ingest.sock",
                  "control.path": "run/stele/control.sock"}
        return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *AS_THE_UNIT[4:],
                self.root.path / "usr/sbin/steled", "--config", self.root.path / "etc/stele/steled.toml",
                *(word for key, place in places.items() for word in ("--set", f"{key}={self.root.path / place}"))]

    def state(self):
        told = self.root.run("stele", "status", "-o", "json").stdout.decode()
        return told.partition('"state":"')[2].partition('"')[0]

    def stop(self):
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(PATIENCE), OK, (self.root.base / "steled.log").read_text())

    def provision(self):
        self.tpm = Tpm(self.root.base / "tpm")
        self.tpm.start()
        self.addCleanup(lambda: (self.tpm.stop(), self.tpm.reservation.close()))
        drop_ins = self.root.path / "etc" / "stele" / "conf.d"
        drop_ins.mkdir()
        (drop_ins / "tpm.toml").write_text(DROP_IN.format(tcti=self.tpm.tcti))
        return self.root.must("runuser", "-u", "stele", "--", "stele", "provision", "--origin", "test.example/log")

    def append(self, events):
        self.root.must("stele", "append", input=events)
        self.root.must("stele", "anchor")

    def events(self):
        return self.root.must("stele", "query", "--limit", "0", "-o", "jsonl").count('"kind":"event"')

    def verified(self):
        self.root.must("stele", "trust", "-o", "/tmp/trust")
        done = self.root.run("stele-verify", "/var/lib/stele", "--trust", "/tmp/trust")
        self.assertEqual(done.returncode, OK, done.stdout)

    # -- what is asked of it

    def test_what_is_installed_is_whole_and_purge_without_a_log_leaves_nothing(self):
        before = self.root.changed()
        self.assertEqual(before, set())
        told = self.install(self.made)
        self.assertIn("stele provision", told)
        self.is_set_up()
        done = self.root.run(*AS_THE_UNIT, "/usr/sbin/steled")
        self.assertEqual(done.returncode, NOT_PROVISIONED, done.stderr)
        told = self.purge()
        self.assertEqual(self.root.changed(), set(), told)
        self.assertNotIn("\nstele:", self.root.read("etc/passwd") + self.root.read("etc/group"))

    def is_set_up(self):
        self.assertRegex(self.root.read("etc/passwd"), r"(?m)^stele:x:\d+:\d+:.*:/var/lib/stele:/usr/sbin/nologin$")
        self.assertRegex(self.root.read("etc/group"), r"(?m)^tss:x:\d+:.*\bstele\b")
        for path, mode in (("var/lib/stele", 0o700), ("run/stele", 0o755)):
            found = (self.root.path / path).stat()
            self.assertEqual(found.st_mode & 0o7777, mode, path)
            self.assertEqual(self.root.must("stat", "-c", "%U:%G", f"/{path}").strip(), "stele:stele")
        unit = self.root.path / "etc/systemd/system/multi-user.target.wants/steled.service"
        self.assertEqual(os.readlink(unit), "/lib/systemd/system/steled.service")
        self.root.must("/usr/sbin/steled", "--check-config")
        if self.root.is_copy:
            return
        told = self.root.run("systemd-analyze", "verify", "/lib/systemd/system/steled.service")
        self.assertEqual((told.returncode, told.stderr.decode()), (OK, ""))
        rules = pathlib.Path("/etc/dpkg/dpkg.cfg.d").iterdir()
        if any("path-exclude=/usr/share/man" in path.read_text() for path in rules):
            return print("man pages: not looked for, dpkg leaves them out on this machine")
        for page in ("8 steled", "5 steled.toml", "1 stele", "1 stele-verify"):
            self.root.must("man", "-w", *page.split())

    def test_a_log_outlives_upgrade_removal_and_purge(self):
        self.install(self.older)
        self.provision()
        edited = self.root.path / "etc/stele/steled.toml"
        edited.write_text(edited.read_text() + "\n# the owner's words\n")
        self.start()
        self.append(b"one\ntwo\n")
        self.stop()
        self.install(self.made)
        self.goes_on(3)
        self.dpkg("--remove", *packages.NAMES)
        self.assertFalse((self.root.path / "usr/sbin/steled").exists())
        self.install(self.made)
        self.goes_on(4)
        told = self.purge()
        self.assertIn("the log in /var/lib/stele is kept: it is evidence", told)
        self.keeps_the_log_alone()
        print("family 84: injected 4, lost 0, false alarms 0, missed 0 "
              "(upgrade, removal, installing again, purge, over a log of 4 events)")

    def goes_on(self, count):
        """The log as it was, the configuration as its owner left it, and one event more."""
        self.assertIn("# the owner's words", self.root.read("etc/stele/steled.toml"))
        self.start()
        self.append(b"another\n")
        self.assertEqual(self.events(), count)
        self.stop()
        self.verified()

    def keeps_the_log_alone(self):
        """After purge: the log, verified by a verifier from elsewhere; its owner; the drop-in that the owner made."""
        left = self.root.changed()
        ours = {path for path in left if not path.startswith("var/lib/stele")}
        self.assertEqual(ours, {"etc/stele", "etc/stele/conf.d", "etc/stele/conf.d/tpm.toml"})
        self.assertIn("\nstele:", self.root.read("etc/passwd"))
        done = run(BIN / "stele-verify", self.root.path / "var/lib/stele", "--trust", self.root.path / "tmp/trust")
        self.assertEqual(done.returncode, OK, done.stdout)

    def asked_of_systemctl(self, action, active=True):
        """What the scripts ask of systemctl meanwhile, with a stand-in for it, which says that all is (in)active."""
        asked = self.root.path / "tmp/asked"
        asked.write_text("")
        systemctl = self.root.path / "usr/bin/systemctl"
        systemctl.unlink()
        code = 0 if active else 3
        systemctl.write_text(f'#!/bin/sh\necho "$*" >>/tmp/asked\ncase "$*" in *is-active*) exit {code};; esac\n')
        systemctl.chmod(0o755)
        (self.root.path / "usr/sbin/policy-rc.d").unlink(missing_ok=True)  # a container's: it forbids to start anything
        (self.root.path / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        action()
        return {word for word in asked.read_text().split() if word in ("start", "stop", "restart", "daemon-reload")}

    def test_an_upgrade_restarts_what_runs_and_starts_nothing_else(self):
        if self.root.is_copy:
            return print("systemctl: its stand-in needs the overlay")
        self.assertEqual(self.asked_of_systemctl(lambda: self.install(self.older), active=False), {"daemon-reload"})
        self.assertEqual(self.asked_of_systemctl(lambda: self.install(self.made), active=False), {"daemon-reload"})
        self.assertEqual(self.asked_of_systemctl(lambda: self.install(self.made)), {"daemon-reload", "restart"})
        self.assertEqual(self.asked_of_systemctl(lambda: self.dpkg("--remove", "steled")), {"daemon-reload", "stop"})

    def test_purge_follows_no_link_that_stands_where_the_log_was(self):
        self.install(self.made)
        elsewhere = self.root.path / "tmp/elsewhere"
        elsewhere.mkdir()
        (self.root.path / "var/lib/stele").rmdir()
        (self.root.path / "var/lib/stele").symlink_to("/tmp/elsewhere")
        told = self.purge()
        self.assertIn("symbolic link", told)
        self.assertTrue(elsewhere.is_dir())


if __name__ == "__main__":
    unittest.main(verbosity=2)
