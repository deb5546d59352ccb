"""Family 85: what an operator gets wrong: the message says what is wrong, and what to do. Method: one log, copied,
put back, moved to another TPM, its indexes removed, its clock set wrong, its configuration mistaken; what the daemon's
log and `stele status` say is held against the remedy, which is then carried out where there is one."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

from family import CONFIGURATION, OK, PATIENCE, TAMPERED, Host, Tally, Tpm, preload, run, wait_until
from stele_host import BIN, TEMPORARY


class Operator(Host):
    def __init__(self, mode="a"):
        super().__init__(mode)
        self.tally = Tally()

    def begin(self):
        self.provision()
        self.start_daemon()
        self.append(b"one\ntwo\n")
        self.anchor()

    def copy(self, name):
        target = self.folder / name
        shutil.copytree(self.data, target, symlinks=True)
        return target

    def other_config(self, name, data, tcti=None):
        """A daemon of the same configuration but for directory, sockets and TPM."""
        text = self.config.read_text().replace(f'"{self.data}"', f'"{data}"').replace(self.tpm.tcti,
                                                                                  tcti or self.tpm.tcti)
        for socket in (self.ingest, self.control):
            text = text.replace(str(socket), str(socket.with_name(f"{name}-{socket.name}")))
        path = self.folder / f"{name}.toml"
        path.write_text(text)
        return path

    def told(self, what, *words, text=None):
        """The fault is named, and so is what to do."""
        self.tally.inject()
        said = text if text is not None else self.daemon_words()
        for word in words:
            self.tally.missed_unless(re.search(word, said), (what, word, said[-600:]))

    def stopped(self, what, *words):
        wait_until(lambda: self.status()["anchoring"]["state"] == "stopped", f"{what}: anchoring stops")
        self.told(what, *words)
        self.told(f"{what}, in status", *words, text=self.status()["anchoring"]["reason"])
        self.tally.lost_unless(self.stele("append", input=b"still taken\n").returncode == OK, f"{what}: events taken")

    def judged(self, what, exit_code=OK):
        report = self.verify()
        self.tally.alarm_unless(report["exit"] == exit_code, (what, report["defects"]))


def start(config):
    return run(BIN / "steled", "--config", config)


def reason_of(config):
    """What a second daemon's status says once it does not anchor; then it is ended."""
    path, seen = config.with_suffix(".log"), []

    def gives_up():
        done = run(BIN / "stele", "status", "-o", "json", "--config", config)
        status = json.loads(done.stdout) if done.returncode == OK else {}
        anchoring = status["anchoring"] if status.get("daemon") else {}
        if anchoring.get("state") in ("stopped", "unavailable", "contended"):
            seen.append(anchoring["reason"])
        return seen or daemon.poll() is not None

    with open(path, "wb") as log:
        daemon = subprocess.Popen([BIN / "steled", "--config", config], stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log)
    try:
        wait_until(gives_up, f"{config}: a daemon that does not anchor")
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE)
    return seen[0] if seen else path.read_text()


def restored_backup(host):
    backup = host.copy("backup")
    host.append(b"three\n")
    host.anchor()
    host.stop_daemon()
    newest = host.folder / "newest"
    host.data.rename(newest)
    backup.rename(host.data)
    host.start_daemon()
    host.stopped("restored backup", "the data directory was put back", "put the newest copy in its place",
                 "stele era begin")
    host.stop_daemon()
    shutil.rmtree(host.data)
    newest.rename(host.data)  # the remedy
    host.start_daemon()
    host.append(b"four\n")
    host.anchor()
    host.judged("restored backup, made good")


def copied_directory(host):
    """A copy beside the original, on the same TPM: whichever is behind stops, and says why."""
    config = host.other_config("copy", host.copy("copy"))
    host.append(b"five\n")
    host.anchor()
    host.stop_daemon()  # a simulator serves one program; the copy is behind now
    words = reason_of(config)
    host.told("copied directory", "the data directory was put back, or somebody else anchors",
              "stop whoever anchors with a copy of this directory", text=words)
    host.start_daemon()
    host.append(b"six\n")
    host.anchor()
    host.judged("copied directory: the original")


def same_directory_twice(host):
    config = host.other_config("twice", host.data)
    done = start(config)
    host.told("one directory, two daemons", "is in use by another daemon", "stop that one, or give this one its own",
              text=done.stderr.decode())
    host.tally.missed_unless(done.returncode == TEMPORARY, ("one directory, two daemons", done.returncode))


def two_hosts_one_id(host):
    """The directory cloned to a host with a TPM of its own; and an auditor who gets the wrong host's trust file."""
    other = Tpm(host.folder / "other-tpm")
    other.start()
    try:
        words = reason_of(host.other_config("clone", host.copy("clone"), other.tcti))
        host.told("two hosts, one identity", "another TPM", "[Tt]ake it back to its host|right host|stele era begin",
                  text=words)
    finally:
        other.stop()
    with Host(origin=host.origin) as namesake:  # another log of the same name
        namesake.provision()
        namesake.start_daemon()
        namesake.append(b"one\n")
        namesake.anchor()
        report = host.verify(trust=namesake.trust())
        faults = " ".join(d["fault"] + " " + d["detail"] for d in report["defects"])
        host.told("two logs, one name", "genesis_mismatch", "not one that the trust file pins", text=faults)
        host.tally.missed_unless(report["exit"] == TAMPERED, report)
        host.judged("two logs, one name: with its own trust file")


def mistaken_configuration(host):
    for line, words in ((f'origin = "other.example/log"\n', ("holds the log", "correct `origin` or `data`")),
                        (f'data = "{host.folder / "nothing"}"\n', ("nothing", "stele provision"))):
        config = host.other_config("mistaken", host.data)
        text = config.read_text()
        config.write_text(line + (text if "origin" in line else text.split("\n", 1)[1]))
        done = start(config)
        host.told(f"mistaken configuration: {line}", *words, text=done.stderr.decode())
        host.tally.missed_unless(done.returncode == CONFIGURATION, (line, done.returncode))


@contextlib.contextmanager
def faked(clock):
    """What is started meanwhile has that clock."""
    added = preload(clock)
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def wrong_clock(host):
    """A year ahead at a start, then put right in mid-run."""
    host.stop_daemon()
    clock = host.folder / "clock"
    clock.write_text("+1y\n")
    with faked(clock):
        host.start_daemon()
    host.append(b"from next year\n")
    host.anchor()
    clock.write_text("+0\n")
    wait_until(lambda: host.append(b"on time\n") and "wall clock stepped" in host.daemon_words(), "the step is noticed")
    host.told("wrong clock", r"the wall clock stepped by -3\d+", "noted in the log", "time synchronisation")
    host.anchor()
    host.judged("wrong clock")


def removed_index(tally):
    """Whoever knows ownerAuth (mode B) clears out the TPM: C is gone."""
    with Operator("b") as host:
        host.tally = tally
        host.begin()
        host.stop_daemon()
        shown = json.loads(host.stele("tpm", "show", "-o", "json", expect=OK).stdout)
        handle = shown["log"]["c"]["handle"]
        gone = run("tpm2_nvundefine", "-T", host.tpm.tcti, "-C", "o", handle)
        assert gone.returncode == OK, gone.stderr
        host.start_daemon()
        host.stopped("removed index", "counter index is gone: it was deleted", "stele era begin")
        host.stop_daemon()
        host.judged("removed index")


def main():
    with Operator() as host:
        host.begin()
        same_directory_twice(host)
        copied_directory(host)
        restored_backup(host)
        two_hosts_one_id(host)
        wrong_clock(host)
        host.stop_daemon()
        mistaken_configuration(host)
        removed_index(host.tally)
        host.tally.report(85, "one identity on two hosts, copies, wrong clock, removed index, restored backup")
    return 0


if __name__ == "__main__":
    sys.exit(main())
