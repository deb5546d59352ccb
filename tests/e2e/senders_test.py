"""Goal: unmodified senders reach steled with exactly the configuration that daemon/README.md gives. Method: real rsyslog,
syslog-ng, logger, nc, socat, openssl s_client and the C library's syslog(), each with the README's snippet (addresses,
ports and paths replaced), over each transport; every message is one event, stamped by the daemon."""
import json
import os
import shlex
import unittest

from inputs_host import InputsHost, rsyslog, run, syslog_ng, wait_until

MESSAGES = 200
SYSLOG = """import syslog, sys
syslog.openlog("app", syslog.LOG_PID)
for i in range(int(sys.argv[1])): syslog.syslog(f"libc {i}")
"""


class Senders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = InputsHost()
        cls.addClassCleanup(cls.host.close)
        cls.host.begin()

    def setUp(self):
        self.before = self.host.counters()["events"]

    def relayed(self, make, name, transport):
        """All messages that a relay gets come out of steled's input of this name, each once; source records."""
        relay = make(self.host.folder / name, self.host.snippet(name))
        before = self.host.counters(transport)["events"]
        try:
            relay.send(b"<13>Nov 25 12:00:00 app[7]: %s message %d" % (name.encode(), i) for i in range(MESSAGES))
            # A relay says something of itself as well: at least ours have come when the last is there.
            wait_until(lambda: self.host.counters(transport)["events"] >= before + MESSAGES, f"all of {name}")
        finally:
            relay.stop()
        wait_until(lambda: self.host.status()["queue"]["records"] == 0, "an empty queue")
        events = self.host.records("event")
        for i in range(MESSAGES):
            found = [source for event, source in events if event.rstrip(b"\n\0").endswith(b"%s message %d" % (name.encode(), i))]
            self.assertEqual(len(found), 1, f"{name} message {i}")
        return json.loads(found[0])

    def test_rsyslog_over_each_transport(self):
        source = self.relayed(rsyslog, "rsyslog-tls", "tls")
        self.assertEqual(source, {"address": "127.0.0.1", "san": ["DNS:web1.example", "IP:192.0.2.7"],
                                  "subject": "CN=sender", "transport": "tls"})
        self.assertEqual(self.relayed(rsyslog, "rsyslog-tcp", "tcp"), {"address": "127.0.0.1", "transport": "tcp"})
        self.assertEqual(self.relayed(rsyslog, "rsyslog-udp", "udp"), {"address": "127.0.0.1", "transport": "udp"})
        source = self.relayed(rsyslog, "rsyslog-unix", "unix_datagram")
        self.assertEqual((source["transport"], source["uid"]), ("unix_datagram", os.getuid()))

    def test_syslog_ng_over_each_transport(self):
        self.assertEqual(self.relayed(syslog_ng, "syslog-ng-tls", "tls")["subject"], "CN=sender")
        self.assertEqual(self.relayed(syslog_ng, "syslog-ng-tcp", "tcp")["transport"], "tcp")
        self.assertEqual(self.relayed(syslog_ng, "syslog-ng-udp", "udp")["transport"], "udp")
        self.assertEqual(self.relayed(syslog_ng, "syslog-ng-unix", "unix_datagram")["uid"], os.getuid())

    def test_commands_by_hand(self):
        lines = [b"<34>1 - line %d" % i for i in range(50)]
        (self.host.folder / "FILE").write_bytes(b"\n".join(lines) + b"\n")
        commands = self.host.snippet("commands").splitlines()
        self.assertEqual(len(commands), 7)
        expected = self.before
        for command in commands:
            done = run("sh", "-c", command.replace("TEXT", shlex.quote("text of " + command.split()[0])),
                       cwd=self.host.folder)
            self.assertEqual(done.returncode, 0, (command, done.stderr))
            expected += 1 if command.startswith("logger") else len(lines)
            events = self.host.received(expected)
        self.assertEqual(sum(b"text of logger" in event for event in events), 3)
        for line in lines:
            self.assertEqual(events.count(line), 4, line)

    def test_syslog_of_the_c_library(self):
        """In a mount namespace of its own, /dev/log is the daemon's socket."""
        script = self.host.folder / "libc.py"
        script.write_text(SYSLOG)
        done = run("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev && ln -s "$0" /dev/log && exec python3 "$1" 20',
                   self.host.log_socket, script)
        self.assertEqual(done.returncode, 0, done.stderr)
        events = self.host.received(self.before + 20)
        for i in range(20):
            self.assertEqual(sum(event.rstrip(b"\n\0").endswith(b"libc %d" % i) for event in events), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
