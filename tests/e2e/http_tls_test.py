"""Goal: off the host nobody is served without TLS 1.3 and a certificate that is good today, and each only what its role
allows. Families 64 and 90 (certificates) and 93 (every route, every role). Method: an authority of the test's own, curl and
openssl s_client as clients, against a real daemon."""
import json
import pathlib
import unittest

from http_host import HttpHost
from stele_host import CONFIGURATION, OK, BIN, run

ROLES = ["writer", "reader", "auditor", "admin", "monitor"]
# Who may: every route that there is but a witness's. None: whoever can connect.
ROUTES = {
    ("POST", "/v1/events"): {"writer"},
    ("GET", "/metrics"): {"auditor", "admin", "monitor"},
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
    ("GET", "/version"): None,
    ("GET", "/checkpoint"): None,
    ("GET", "/tile/0/000.p/1"): None,
    ("GET", "/tile/entries/000.p/1"): None,
    ("GET", "/v1/events/0"): {"reader"},
    ("GET", "/v1/events/0/proof"): {"reader", "auditor"},
    ("GET", "/v1/events/0/proof?content=true"): {"reader"},
    ("GET", "/v1/anchors"): {"auditor", "admin"},
    ("GET", "/v1/anchors/newest"): {"auditor", "admin"},
    ("POST", "/v1/challenge"): {"auditor"},
    ("POST", "/v1/enroll/identity"): {"auditor"},
    ("POST", "/v1/enroll/activate"): {"auditor"},
}
NO_MESSAGE = {"/v1/enroll/identity": 400, "/v1/enroll/activate": 400}  # what who may ask is told of a body like this
BODIES = {"/v1/challenge": b'{"nonce":"' + b"5a" * 32 + b'"}'}
AUTHORITY = """[ca]
default_ca = one
[one]
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


class Authority:
    """Issues certificates and revocation lists by the openssl command."""

    def __init__(self, folder, name):
        self.folder, self.name = pathlib.Path(folder) / name, name
        self.folder.mkdir()
        for file, text in {"index.txt": "", "serial": "01\n", "crlnumber": "01\n"}.items():
            (self.folder / file).write_text(text)
        self.config = self.folder / "ca.cnf"
        self.config.write_text(AUTHORITY.format(folder=self.folder))
        self.certificate, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     f"/CN={name}", "-days", "30", "-keyout", self.key, "-out", self.certificate)

    def openssl(self, *arguments):
        done = run("openssl", *arguments)
        assert done.returncode == OK, done.stderr
        return done

    def issue(self, name, *sans, days=("20200101000000Z", "20491231000000Z"), usage="clientAuth"):
        """The paths of a certificate and its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        extensions = ["-addext", f"extendedKeyUsage={usage}"]
        if sans:
            extensions += ["-addext", "subjectAltName=" + ",".join(sans)]
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     f"/CN={name}", *extensions, "-keyout", key, "-out", self.folder / "request.pem")
        self.openssl("ca", "-batch", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key, "-in",
                     self.folder / "request.pem", "-out", certificate, "-notext", "-startdate", days[0], "-enddate", days[1])
        return certificate, key

    def revocations(self, *certificates):
        for certificate in certificates:
            self.openssl("ca", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key, "-revoke",
                         certificate)
        path = self.folder / "crl.pem"
        self.openssl("ca", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key, "-gencrl", "-out", path)
        return path


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = HttpHost()
        cls.addClassCleanup(cls.host.close)
        ours = cls.ours = Authority(cls.host.folder, "ours")
        cls.server = ours.issue("localhost", "DNS:localhost", "IP:127.0.0.1", usage="serverAuth")
        cls.clients = {role: ours.issue(role) for role in ROLES}
        cls.clients["by SAN"] = ours.issue("san", "DNS:collector.example", "URI:spiffe://example/collector")
        cls.clients["nobody"] = ours.issue("nobody", "DNS:other.example")
        cls.bad = {"expired": ours.issue("expired", days=("20200101000000Z", "20200201000000Z")),
                   "not yet valid": ours.issue("future", days=("20480101000000Z", "20491231000000Z")),
                   "a server's": ours.issue("writer2", usage="serverAuth"),
                   "revoked": ours.issue("revoked"),
                   "another authority's": Authority(cls.host.folder, "theirs").issue("writer")}
        revoked = ours.revocations(cls.bad["revoked"][0])
        lists = "\n".join(f'{role}s = ["CN={role}"]' for role in ROLES if role != "writer")
        cls.host.provision(http=f'''certificate = "{cls.server[0]}"
key = "{cls.server[1]}"
client_ca = "{ours.certificate}"
client_crl = "{revoked}"
writers = ["CN=writer", "URI:spiffe://example/collector", "CN=revoked", "CN=writer2"]
{lists}''')
        cls.host.start_daemon()

    def ask(self, client, method, path, *arguments):
        certificate, key = client
        arguments += ("--cacert", self.ours.certificate, "--cert", certificate, "--key", key)
        body = BODIES.get(path, b"over TLS") if method == "POST" and "-T" not in arguments else None
        return self.host.curl(path, *arguments, body=body, scheme="https")

    def test_every_route_serves_its_roles_and_no_other(self):
        cases = 0
        for (method, path), roles in ROUTES.items():
            for name in [*ROLES, "by SAN", "nobody"]:
                role = "writer" if name == "by SAN" else name
                expected = NO_MESSAGE.get(path, 200) if roles is None or role in roles else 403
                status, body = self.ask(self.clients[name], method, path)
                self.assertEqual(status, expected, (method, path, name, body))
                cases += 1
        print(f"family 93: {cases} cases")

    def test_the_source_record_names_the_certificate(self):
        status, body = self.ask(self.clients["writer"], "POST", "/v1/events")
        record = json.loads(self.host.stele("show", str(json.loads(body)["first"]), "-o", "json", expect=OK).stdout)
        source = json.loads(json.loads(self.host.stele("show", str(record["source"]), "-o", "json").stdout)["text"])
        self.assertEqual((source["subject"], source["transport"], source["address"]), ("CN=writer", "https", "127.0.0.1"))
        self.assertRegex(source["certificate_sha256"], "^[0-9a-f]{64}$")

    def test_keys_of_one_sender_do_not_meet_those_of_another(self):
        for name in ("writer", "by SAN"):
            status, body = self.ask(self.clients[name], "POST", "/v1/events", "-H", "Idempotency-Key: of-two")
            self.assertEqual(status, 200, body)
            self.assertNotIn(b"repeated", body)

    def test_a_certificate_that_is_not_good_today_is_no_certificate(self):
        for name, client in self.bad.items():
            with self.subTest(name):
                self.assertEqual(self.ask(client, "GET", "/healthz")[0], 0)
        self.assertEqual(self.ask(self.clients["writer"], "GET", "/healthz")[0], 200)
        # A good one with other names is somebody, but nobody who may: the rows below hold the rest.
        self.assertEqual(self.ask(self.clients["nobody"], "POST", "/v1/events")[0], 403)
        print(f"family 90: injected {len(self.bad) + 2}, lost 0, false alarms 0, missed 0 (https: {len(self.bad)} refused "
              "in the handshake, another's names 403, a good one served)")

    def test_a_clients_certificate_is_no_servers(self):
        config = self.host.folder / "client.toml"
        text = self.host.config.read_text()
        for mine, theirs in zip(map(str, self.server), map(str, self.clients["writer"])):
            text = text.replace(mine, theirs)
        config.write_text(text)
        done = run(BIN / "steled", "--check-config", "--config", config)
        self.assertEqual(done.returncode, CONFIGURATION, done.stderr)
        self.assertIn(b"http.certificate", done.stderr)
        self.assertIn(b"lacks serverAuth", done.stderr)

    def test_without_a_certificate_nothing_is_served(self):
        arguments = ("--cacert", self.ours.certificate)
        self.assertEqual(self.host.curl("/healthz", *arguments, scheme="https")[0], 0)
        self.assertEqual(self.host.curl("/healthz", scheme="http")[0], 0)

    def test_older_versions_of_tls_are_refused(self):
        for version in ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3"):
            done = self.s_client(version, b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            served = b"HTTP/1.1 200" in done.stdout
            self.assertEqual(served, version == "-tls1_3", (version, done.stdout, done.stderr))

    def s_client(self, *arguments, sends=b""):
        if arguments and isinstance(arguments[-1], bytes):
            *arguments, sends = arguments
        certificate, key = self.clients["writer"]
        return run("openssl", "s_client", "-connect", f"127.0.0.1:{self.host.port}", "-cert", certificate, "-key", key,
                   "-CAfile", self.ours.certificate, "-cipher", "ALL:@SECLEVEL=0", "-ign_eof", *arguments, input=sends)

    def test_a_handshake_that_never_ends_delays_nobody(self):
        clients = [self.host.connect() for _ in range(20)]
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(b"\x16\x03\x01\x02\x00\x01")
        self.assertEqual(self.ask(self.clients["monitor"], "GET", "/readyz")[0], 200)

    def test_an_early_refusal_can_be_read_although_the_client_goes_on_writing(self):
        status, body = self.ask(self.clients["nobody"], "POST", "/v1/events", "-H", "Expect:", "-X", "POST", "-T", self.large())
        self.assertEqual(status, 403, body)
        status, body = self.ask(self.clients["writer"], "POST", "/v1/events", "-H", "Expect:", "-X", "POST", "-T", self.large())
        self.assertEqual(status, 413, body)

    def large(self):
        path = self.host.folder / "large"
        path.write_bytes(bytes(9 << 20))
        return path

    def test_no_session_is_resumed(self):
        done = self.s_client("-reconnect", b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.assertNotIn(b"Reused", done.stdout)


class Plain(unittest.TestCase):
    def test_what_others_can_reach_needs_a_certificate(self):
        with HttpHost() as host:
            host.tpm.port = 1
            for keys, words in {'addresses = ["0.0.0.0:0"]': b"without TLS", 'addresses = ["[::]:80"]': b"without TLS",
                                'key = "/k"': b"without http.certificate",
                                'certificate = "/c"': b"needs http.key", 'addresses = ["localhost:80"]': b"a list"}.items():
                host.config.write_text(f"[http]\n{keys}\n")
                done = run(BIN / "steled", "--check-config", "--config", host.config)
                self.assertEqual(done.returncode, CONFIGURATION, keys)
                self.assertIn(words, done.stderr)

    def test_the_roles_of_whoever_connects_without_tls_are_configured(self):
        with HttpHost() as host:
            host.provision(http='plain_roles = ["monitor"]')
            host.start_daemon()
            self.assertEqual(host.post(b"not for you")[0], 403)
            self.assertEqual(host.curl("/metrics")[0], 200)
            status, body = host.curl("/v1/events", "--unix-socket", str(host.folder / "http.sock"), body=b"our own user")
            self.assertEqual(status, 200, body)


if __name__ == "__main__":
    unittest.main(verbosity=2)
