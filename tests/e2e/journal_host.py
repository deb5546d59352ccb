"""A real journald for black-box tests, in the caller's own mount and network namespaces; what the README tells to
configure for its journal, or for a directory of journals. Standard library only."""
import pathlib
import re
import signal
import socket
import struct
import subprocess

from readme_snippets import DAEMON, snippet
from stele_host import PATIENCE, wait_until

JOURNALD = "/lib/systemd/systemd-journald"
REMOTE = "/lib/systemd/systemd-journal-remote"
SOCKET = "/run/systemd/journal/socket"
NOW_US = 1_790_000_000_000_000
CONFIG = "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\nRateLimitIntervalSec=0\nRuntimeMaxUse=64M\n"


def journal_input():
    return snippet(DAEMON, "journal", {})


def directory_input(folder):
    return snippet(DAEMON, "journal-directory", {"/var/log/journal/remote": folder})


def parse_export(data):
    """Fields of an entry in export format, as sorted (name, value) pairs."""
    fields, at = [], 0
    while at < len(data):
        end = data.index(b"\n", at)
        name, is_text, value = data[at:end].partition(b"=")
        at = end + 1
        if not is_text:
            length = struct.unpack_from("<Q", data, at)[0]
            value = data[at + 8:at + 8 + length]
            at += 8 + length + 1
            assert data[at - 1:at] == b"\n", data
        fields.append((name, value))
    return sorted(fields)


class Journald:
    settings = CONFIG

    def __init__(self, folder):
        pathlib.Path("/run/systemd/journal").mkdir(parents=True, exist_ok=True)
        config = pathlib.Path(folder) / "journald.conf"
        config.write_text(self.settings)
        subprocess.run(["mount", "--bind", config, "/etc/systemd/journald.conf"], check=True)
        self.process = None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def start(self):
        pathlib.Path(SOCKET).unlink(missing_ok=True)
        self.process = subprocess.Popen([JOURNALD], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(lambda: pathlib.Path(SOCKET).exists() and list(self.folder().glob("system.journal")), "journald runs")

    def folder(self):
        found = [path for path in pathlib.Path("/run/log/journal").glob("*") if path.is_dir()]
        return found[0] if found else pathlib.Path("/run/log/journal")

    def send(self, **fields):
        """By journald's own protocol; every value as bytes of any kind."""
        parts = [name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n" for name, value in fields.items()]
        self.socket.sendto(b"".join(parts), SOCKET)

    def rotate(self):
        before = set(self.folder().iterdir())
        self.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: set(self.folder().iterdir()) - before, "journald has rotated")
        return sorted(set(self.folder().glob("*@*.journal")))

    def newest(self):
        """Of the entries with a TEST field: all, as fields."""
        out = subprocess.run(["journalctl", "-o", "export", "--no-pager", "-D", self.folder(), "SYSLOG_IDENTIFIER=stele-test"],
                             capture_output=True, check=True).stdout
        return [fields for fields in split_export(out)]

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None


def split_export(data):
    """Entries of a stream: a blank line ends each."""
    at, begin = 0, 0
    while at < len(data):
        end = data.index(b"\n", at)
        if end == at:
            yield parse_export(data[begin:at])
            begin = at + 1
        elif b"=" not in data[at:end]:
            length = struct.unpack_from("<Q", data, end + 1)[0]
            end += 8 + length + 1
        at = end + 1


def write_remote(folder, machine, first, count, hours_ago):
    """Entries first... of this machine, by journal-remote, into its file."""
    entries = []
    for number in range(first, first + count):
        time_us = NOW_US - hours_ago * 3_600_000_000 + number * 1000
        entries.append(f"__REALTIME_TIMESTAMP={time_us}\n__MONOTONIC_TIMESTAMP={number * 1000 + 1}\n_BOOT_ID={machine}\n"
                       f"_MACHINE_ID={machine}\nMESSAGE=of {machine[0]}\nNUMBER={number}\n\n")
    done = subprocess.run([REMOTE, "-o", pathlib.Path(folder) / f"remote-{machine[0]}.journal", "-"], input="".join(entries).encode(),
                          capture_output=True)
    assert done.returncode == 0, done.stderr


def counted(path):
    out = subprocess.run(["journalctl", "--file", path, "-o", "export", "--no-pager"], capture_output=True, text=True, check=True)
    return [int(number, 16) for number in re.findall(r"^__CURSOR=s=[0-9a-f]{32};i=([0-9a-f]+);", out.stdout, re.M)]


def rotated(folder):
    """Five files of one numbering of a real journald, each with its numbers, oldest first."""
    journald = Journald(folder)
    journald.start()
    try:
        for i in range(5):
            for n in range(40):
                journald.send(SYSLOG_IDENTIFIER=b"stele-test", MESSAGE=b"turn %d of %d" % (n, i))
            wait_until(lambda: len(journald.newest()) >= 40 * (i + 1), "journald has them")
            if i < 4:
                journald.rotate()
    finally:
        journald.stop()
    return sorted(((path, counted(path)) for path in journald.folder().glob("*.journal")), key=lambda one: one[1][0])
