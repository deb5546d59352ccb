"""Goal: over TLS only senders with a good, allowed and current certificate are heard, everybody else is refused with a reason
in the daemon's log, and nobody who is refused harms one who is not (families 64 and 90, the TLS matrix). Method: certificates of every
bad kind, real handshakes by Python's ssl and openssl s_client, and wires cut in the middle of a handshake."""
import contextlib
import socket
import ssl
import unittest

from inputs_host import Authority, InputsHost, run, wait_until
from stele_host import BIN, CONFIGURATION

HEARD = b"the good one goes on %d\n"


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = host = InputsHost()
        cls.addClassCleanup(host.close)
        cls.revoked = host.authority.issue("revoked", "DNS:web3.example")
        host.authority.revoke(cls.revoked[0])
        cls.good_below, cls.revoked_below = (Authority(host.folder / name, name, host.authority) for name in ("good", "gone"))
        host.authority.revoke(cls.revoked_below.pem)
        lists = host.folder / "lists.pem"
        lists.write_bytes(b"".join(one.crl().read_bytes() for one in (host.authority, cls.good_below, cls.revoked_below)))
        host.provision(extra=host.inputs(crl=f'crl = "{lists}"', limits='handshake_timeout = "10s"'))
        host.start_daemon()

    @staticmethod
    def below(authority):
        """A good sender's certificate, with that of the authority between it and the root."""
        pem, key = authority.issue("web6", "DNS:web6.example")
        pem.write_bytes(pem.read_bytes() + authority.pem.read_bytes())
        return pem, key

    def handshake(self, change=lambda context: None, **tls):
        """Connects and writes an event; whether the connection ended with nothing said."""
        host = self.host
        context = host.client_context(**tls)
        context.check_hostname = False
        change(context)
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", host.tls)) as plain:
                plain.settimeout(60)
                with context.wrap_socket(plain, server_hostname="log.example") as wrapped:
                    wrapped.sendall(b"<1>must not be heard\n")
                    wrapped.unwrap()

    def plain(self, *parts):
        """Bytes that are no handshake, or one that breaks off."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.host.tls)) as out:
            out.settimeout(60)
            for part in parts:
                out.sendall(part)
            out.shutdown(socket.SHUT_WR)
            out.recv(1)

    def test_family_64_every_bad_handshake_is_refused_and_the_good_sender_goes_on(self):
        host, ca = self.host, self.host.authority
        stranger = Authority(host.folder / "stranger", "stranger")

        def old(version):
            def change(context):
                context.set_ciphers("DEFAULT:@SECLEVEL=0")
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = version
            return change

        def without_identity():
            context = ssl.create_default_context(cafile=str(ca.pem))
            context.check_hostname = False
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", host.tls)) as plain:
                plain.settimeout(60)
                with context.wrap_socket(plain) as wrapped:
                    wrapped.sendall(b"<1>must not be heard\n")
                    wrapped.unwrap()

        past = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
        future = ("-startdate", "20900101000000Z", "-enddate", "20910101000000Z")
        hello = bytes.fromhex("16030100c8010000c40303") + bytes(32)
        bad = {
            "no certificate": without_identity,
            "another CA": lambda: self.handshake(identity=stranger.issue("web1", "DNS:web1.example")),
            "expired": lambda: self.handshake(identity=ca.issue("expired", "DNS:web4.example", *past)),
            "not yet valid": lambda: self.handshake(identity=ca.issue("future", "DNS:web5.example", *future)),
            "revoked": lambda: self.handshake(identity=self.revoked),
            "its authority revoked": lambda: self.handshake(identity=self.below(self.revoked_below)),
            "wrong SAN": lambda: self.handshake(identity=ca.issue("evil", "DNS:web1.example.evil")),
            "SAN of one label more": lambda: self.handshake(identity=ca.issue("deep", "DNS:a.web1.example")),
            "a server's": lambda: self.handshake(identity=ca.issue("server", "DNS:web7.example", usage="serverAuth")),
            "an authority's own": lambda: self.handshake(identity=(stranger.pem, stranger.folder / "ca.key")),
            "CN alone": lambda: self.handshake(identity=ca.issue("web1.example", "")),
            "TLS 1.0": lambda: self.handshake(old(ssl.TLSVersion.TLSv1)),
            "TLS 1.1": lambda: self.handshake(old(ssl.TLSVersion.TLSv1_1)),
            "plain syslog": lambda: self.plain(b"<34>1 must not be heard\n"),
            "plain HTTP": lambda: self.plain(b"GET / HTTP/1.1\r\n\r\n"),
            "half a hello": lambda: self.plain(hello),
            "noise": lambda: self.plain(bytes(range(256)) * 64),
            "nothing": lambda: self.plain(),
        }
        heard, refused = 0, 0
        with host.connect("tls", identity=self.below(self.good_below)) as out:
            out.sendall(b"by an authority in between\n")
        self.assertEqual(host.received(1), [b"by an authority in between"])
        good_ones = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}
        for already, (what, version) in enumerate(good_ones.items(), 1):
            self.send_by(version, f"by {what}\n".encode())
            self.assertEqual(host.received(already + 1)[-1], f"by {what}".encode())
        before_the_bad = 1 + len(good_ones)
        with host.connect("tls") as good:
            for round_ in range(2):
                for what, attempt in bad.items():
                    before = host.counters("tls")["turned_away"]
                    attempt()
                    wait_until(lambda: host.counters("tls")["turned_away"] > before, f"{what} is turned away")
                    refused += 1
                    good.sendall(HEARD % heard)
                    heard += 1
            # One that never ends its handshake is ended by limits.handshake_timeout.
            with socket.create_connection(("127.0.0.1", host.tls)) as silent:
                silent.settimeout(60)
                silent.sendall(hello)
                while silent.recv(1000):  # an alert may come before the end
                    pass
            refused += 1
            # Renegotiation: openssl s_client asks for it with R; TLS 1.2 has it, here it is refused.
            certificate, key = host.sender
            done = run("openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{host.tls}", "-cert", certificate, "-key", key,
                       "-CAfile", ca.pem, input=b"R\n")
            self.assertIn(b"no renegotiation", done.stderr)
            refused += 1
            good.sendall(HEARD % heard)
            heard += 1
            events = host.received(before_the_bad + heard)[before_the_bad:]
        self.assertEqual(events, [(HEARD % i)[:-1] for i in range(heard)])
        words = host.daemon_words()
        for reason in ("certificate has expired", "unsuitable certificate purpose", "certificate revoked", "not yet valid", "allowed_names",
                       "peer did not return a certificate"):
            self.assertIn(reason, words)
        print(f"family 64: injected {refused}, lost 0, false alarms 0, missed 0 (TLS handshakes refused beside one that is not)")
        print(f"family 90: injected {len(bad) + before_the_bad}, lost 0, false alarms 0, missed 0 (listen.tls: "
              f"{len(bad)} rows refused, {before_the_bad} good ones heard)")

    def send_by(self, version, event):
        context = self.host.client_context()
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", self.host.tls)) as plain:
            plain.settimeout(60)
            with context.wrap_socket(plain, server_hostname="log.example") as wrapped:
                self.assertEqual(wrapped.version().replace("TLSv", "by TLS ").encode(), event.strip())
                wrapped.sendall(event)

    def test_a_clients_certificate_is_no_servers(self):
        """Refused when the configuration is read, not by each sender's own words."""
        pem, key = self.host.authority.issue("client", "DNS:log.example", usage="clientAuth")
        server_pem, server_key = map(str, self.host.server)
        config = self.host.folder / "client.toml"
        config.write_text(self.host.config.read_text().replace(server_pem, str(pem)).replace(server_key, str(key)))
        done = run(BIN / "steled", "--check-config", "--config", config)
        self.assertEqual(done.returncode, CONFIGURATION, done.stderr)
        self.assertIn(b"listen.tls.certificate", done.stderr)
        self.assertIn(b"lacks serverAuth", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
