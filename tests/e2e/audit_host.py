"""A real auditd for black-box tests: in namespaces of its own, fed over its network port, served by its plugin.

`local_events = no` keeps it away from the kernel, its own network namespace from everybody's ports, its own mount
namespace from /run. What is fed in comes out of the af_unix plugin in auditd's own words. The plugin is configured as the
README says, and so is the daemon that reads it. Standard library only.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys

from readme_snippets import DAEMON, snippet
from stele_host import OK, PATIENCE, content, wait_until

PORT = 60  # in a network namespace of its own
CONFIG = """local_events = no
write_logs = no
log_file = {folder}/audit.log
log_group = root
log_format = RAW
flush = NONE
max_log_file = 8
num_logs = 0
max_log_file_action = IGNORE
space_left = 2
space_left_action = IGNORE
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
use_libwrap = no
tcp_listen_port = {port}
tcp_listen_queue = 5
tcp_max_per_addr = 4
distribute_network = yes
q_depth = 20000
overflow_action = IGNORE
plugin_dir = {folder}/plugins.d
"""
README_SOCKET = "/var/run/audispd_events"
INSIDE = "STELE_AUDIT_INSIDE"


def records(host, kind):
    """The records of this kind, as (index, bytes, index of the source)."""
    lines = host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
    return [(r["index"], content(r), r["source"]) for r in map(json.loads, lines) if r["kind"] == kind]


def into_namespaces():
    """Runs this script again where mounts and network are its own."""
    if os.environ.get(INSIDE):
        return
    os.environ[INSIDE] = "1"
    own = ["unshare", "-mn"] if os.geteuid() == 0 else ["unshare", "-Urmn"]
    os.execvp("unshare", [*own, sys.executable, "-B", *sys.argv])


def prepare():
    for command in (["mount", "-t", "tmpfs", "tmpfs", "/run"], ["ip", "link", "set", "lo", "up"]):
        subprocess.run(command, check=True)


def audit_input(socket_path):
    """What the README tells to put into steled.toml."""
    return snippet(DAEMON, "audit", {README_SOCKET: socket_path})


class Auditd:
    def __init__(self, folder, form):
        self.folder = pathlib.Path(folder)
        (self.folder / "plugins.d").mkdir(parents=True)
        self.socket = self.folder / "events"
        files = {"auditd.conf": CONFIG.format(folder=self.folder, port=PORT),
                 "plugins.d/af_unix.conf": snippet(DAEMON, "auditd-plugin", {
                     README_SOCKET: self.socket, "format = string": f"format = {form}"})}
        for name, text in files.items():
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o640)
        self.process, self.feed, self.sequence = None, None, 0

    def start(self):
        binary = shutil.which("auditd") or "/sbin/auditd"
        with open(self.folder / "words", "ab") as words:
            self.process = subprocess.Popen([binary, "-f", "-s", "nochange", "-c", self.folder],
                                            stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        wait_until(self.answers, "auditd listens")

    def answers(self):
        assert self.process.poll() is None, (self.folder / "words").read_text()
        try:
            self.feed = socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE)
        except OSError:
            return False
        return True

    def send(self, line):
        """As audisp-remote does, and waits for auditd's word that it has it."""
        self.sequence += 1
        text = line.encode() + b"\n"
        self.feed.sendall(struct.pack("<IBBIHI", 0xff0000fe, 0, 0, 0, len(text), self.sequence) + text)
        answer = b""
        while len(answer) < 16:
            part = self.feed.recv(16 - len(answer))
            assert part, "auditd closed its network connection"
            answer += part

    def stop(self):
        if self.feed:
            self.feed.close()
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
            self.process = None
