"""Goal: sockets opened by the service manager serve their inputs, and what is wrong with one is said at the start. Method:
descriptors passed by the protocol of sd_listen_fds(3), by systemd-socket-activate and by the test's own hands."""
import socket
import subprocess
import unittest
import urllib.request

from activated_host import bound, passing
from inputs_host import BIN, CONFIGURATION, OK, PATIENCE, TEMPORARY, InputsHost, free_port, run, wait_until

NO_PERMISSION = 77


class Activation(unittest.TestCase):
    def setUp(self):
        self.host = InputsHost()
        self.addCleanup(self.host.close)

    def failed_start(self, sockets, code, words):
        with passing(sockets, BIN / "steled", "--config", self.host.config, stderr=subprocess.PIPE) as daemon:
            error = daemon.communicate(timeout=PATIENCE)[1].decode()
        self.assertEqual(daemon.returncode, code, error)
        self.assertIn(words, error)

    def test_each_input_is_served_through_the_socket_passed_for_it(self):
        host = self.host
        host.provision()  # nothing but the ingest socket is configured
        names = ["unix", "unix-datagram", "udp", "tcp", "control", "http"]
        paths = {n: host.folder / f"passed-{n}" for n in ("unix", "unix-datagram", "control")}
        made = [bound(socket.SOCK_STREAM, socket.AF_UNIX, str(paths["unix"])),
                bound(socket.SOCK_DGRAM, socket.AF_UNIX, str(paths["unix-datagram"])), bound(socket.SOCK_DGRAM),
                bound(socket.SOCK_STREAM), bound(socket.SOCK_STREAM, socket.AF_UNIX, str(paths["control"])),
                bound(socket.SOCK_STREAM)]
        for one in made:
            self.addCleanup(one.close)
        host.write_config()
        with open(host.daemon_log, "ab") as log:
            host.daemon = passing(list(zip(names, made)), BIN / "steled", "--config", host.config, stderr=log)
        host.config.write_text(host.config.read_text().replace(str(host.control), str(paths["control"])))
        # Written before anybody listens: it waits in the socket.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(b"local datagram", str(paths["unix-datagram"]))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(b"udp datagram", made[2].getsockname())
        for family, address, text in ((socket.AF_UNIX, str(paths["unix"]), b"ingest\n"),
                                      (socket.AF_INET, made[3].getsockname(), b"3 tcp")):
            with socket.socket(family, socket.SOCK_STREAM) as out:
                out.connect(address)
                out.sendall(text)
        wait_until(lambda: run(BIN / "stele", "status", "--config", host.config).returncode == OK, "status")
        self.assertEqual(sorted(host.received(4)), [b"ingest", b"local datagram", b"tcp", b"udp datagram"])
        self.assertFalse(host.ingest.exists() or host.control.exists(), "the configured paths are not opened beside")
        with urllib.request.urlopen(f"http://127.0.0.1:{made[5].getsockname()[1]}/healthz", timeout=PATIENCE) as reply:
            self.assertEqual(reply.status, 200)
        self.assertIn("http", host.counters()["inputs"])
        host.stop_daemon()
        self.assertTrue(all(path.exists() for path in paths.values()), "whoever made a socket's file removes it")

    def test_systemd_socket_activate_starts_it(self):
        host, port = self.host, free_port()
        host.provision()
        with open(host.daemon_log, "ab") as log:
            host.daemon = subprocess.Popen(["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "--fdname=tcp",
                                            BIN / "steled", "--config", host.config], stdin=subprocess.DEVNULL, stderr=log)
        wait_until(lambda: "Listening on" in host.daemon_words(), "systemd-socket-activate listens")
        with socket.create_connection(("127.0.0.1", port)) as out:  # starts the daemon
            out.sendall(b"woken by this\n")
        wait_until(host.control.exists, "the daemon is there")
        self.assertEqual(host.received(1), [b"woken by this"])
        host.stop_daemon()

    def test_what_is_wrong_with_a_socket_is_said(self):
        host = self.host
        host.provision()
        with bound(socket.SOCK_STREAM) as tcp, bound(socket.SOCK_DGRAM) as udp:
            self.failed_start([("pigeon", tcp)], CONFIGURATION, "FileDescriptorName=")
            self.failed_start([("tcp", udp)], CONFIGURATION, "not of that kind")
            self.failed_start([("unix", tcp)], CONFIGURATION, "not of that kind")
            self.failed_start([("tls", tcp)], CONFIGURATION, "listen.tls.certificate")
            port = tcp.getsockname()[1]
            done = run(BIN / "steled", "--config", host.config, "--set", f'listen.tcp.addresses=["127.0.0.1:{port}"]')
            self.assertEqual(done.returncode, TEMPORARY, done.stderr)
            self.assertIn(b"stop whoever has it", done.stderr)

    def test_a_low_port_needs_a_privilege_or_a_passed_socket(self):
        self.host.provision()
        done = run("unshare", "--net", "setpriv", "--bounding-set", "-net_bind_service", "--inh-caps", "-net_bind_service",
                   BIN / "steled", "--config", self.host.config, "--set", 'listen.tcp.addresses=["127.0.0.1:514"]',
                   "--set", "tpm.tcti=swtpm:host=127.0.0.1,port=1")
        self.assertEqual(done.returncode, NO_PERMISSION, done.stderr)
        self.assertIn(b"socket activation", done.stderr)

    def test_certificates_are_checked_without_starting(self):
        host = self.host
        host.provision(extra=host.inputs())
        check = lambda *more: run(BIN / "steled", "--config", host.config, "--check-config", *more)  # noqa: E731
        self.assertEqual(check().returncode, OK)
        other = host.authority.issue("other", "DNS:other.example")
        for key, value in (("certificate", host.folder / "absent"), ("certificate", host.config), ("key", other[1]),
                           ("key", host.config), ("client_ca", host.config), ("crl", host.config)):
            done = check("--set", f"listen.tls.{key}={value}")
            self.assertEqual(done.returncode, CONFIGURATION, (key, done.stderr))
            self.assertIn(f"listen.tls.{key}: {value}".encode(), done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
