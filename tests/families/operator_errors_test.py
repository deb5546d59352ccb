"""Family 85: what an operator gets wrong: the message says what is wrong, and what to do. Method: one log, copied,
put back, moved to another TPM, its indexes removed, its clock set wrong, its configuration mistaken; what the daemon's
log and `stele status` say is held against the remedy, which is then carried out where there is one."""
import re
import shutil
import sys

from family import OK, TAMPERED, Host, Tally, Tpm, into_namespace, preload, run, wait_until

CONFIGURATION, TEMPORARY = 78, 75


class Operator(Host):
    def __init__(self):
        super().__init__()
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
    """A copy beside the running original, on the same TPM: whichever anchors second stops, and says why."""
    config = host.other_config("copy", host.copy("copy"))
    host.append(b"five\n")
    host.anchor()  # the copy is older now
    words = start_until(config, host, "anchoring stops|was put back|stopped")
    host.told("copied directory", "the data directory was put back, or somebody else anchors",
              "stop whoever anchors with a copy of this directory", text=words)
    host.append(b"six\n")
    host.anchor()
    host.judged("copied directory: the original")


def start_until(config, host, pattern):
    """A second daemon's words, until it has said so; then it is ended."""
    from subprocess import DEVNULL, Popen
    from stele_host import BIN, PATIENCE
    path = config.with_suffix(".log")
    with open(path, "wb") as log:
        daemon = Popen([BIN / "steled", "--config", config], stdin=DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(lambda: re.search(pattern, path.read_text()) or daemon.poll() is not None, f"{config}: {pattern}")
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE)
    return path.read_text()


def same_directory_twice(host):
    config = host.other_config("twice", host.data)
    done = run("steled") if False else start(config)
    host.told("one directory, two daemons", "is in use by another daemon", "stop that one, or give this one its own",
              text=done.stderr.decode())
    host.tally.missed_unless(done.returncode == TEMPORARY, ("one directory, two daemons", done.returncode))


def start(config):
    from stele_host import BIN
    return run(BIN / "steled", "--config", config)


def two_hosts_one_id(host):
    """The directory cloned to a host with a TPM of its own; and an auditor who gets the wrong host's trust file."""
    other = Tpm(host.folder / "other-tpm")
    other.start()
    try:
        words = start_until(host.other_config("clone", host.copy("clone"), other.tcti), host,
                            "anchoring stops|stopped|gone|another TPM")
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


def wrong_clock(host):
    """A year ahead at a start, then put right in mid-run."""
    host.stop_daemon()
    clock = host.folder / "clock"
    clock.write_text("+1y\n")
    host.start_with(preload(clock))
    host.append(b"from next year\n")
    host.anchor()
    clock.write_text("+0\n")
    wait_until(lambda: host.append(b"on time\n") and "wall clock stepped" in host.daemon_words(), "the step is noticed")
    host.told("wrong clock", r"the wall clock stepped by -3\d+", "noted in the log", "time synchronisation")
    host.anchor()
    host.judged("wrong clock")


def removed_index(host):
    counter = "0x" + re.search(r"counter C[^\n]*0x([0-9a-fA-F]{8})", host.stele(
        "provision", "--dry-run", "--tcti", host.tpm.tcti, "--origin", host.origin, "--mode", "a").stdout.decode()
    ).group(1) if False else None
    import json
    shown = json.loads(host.stele("tpm", "show", "-o", "json", expect=OK).stdout)
    handles = re.findall(r"0x01[0-9a-f]{6}", json.dumps(shown))
    host.tally.missed_unless(handles, shown)
    return counter, handles


def main():
    with Operator() as host:
        host.begin()
        same_directory_twice(host)
        mistaken_configuration(host)
        copied_directory(host)
        restored_backup(host)
        two_hosts_one_id(host)
        wrong_clock(host)
        host.tally.report(85, "operator errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
