"""Goal: off the host only an auditor's certificate enrols, and only towards a host whose certificate is right. Method: a
real daemon under TLS 1.3 with roles by certificate, an authority of the test's own, a TPM with a maker."""
import unittest

from enroll_host import EnrolHost, Maker
from http_host import LISTENING
from http_tls_test import Authority
from stele_host import OK, PERMISSION, UNAVAILABLE


class EnrolmentOverTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.maker = Maker()
        cls.addClassCleanup(cls.maker.close)
        cls.host = EnrolHost(cls.maker, http=False)
        cls.addClassCleanup(cls.host.close)
        cls.ours = Authority(cls.host.folder, "ours")
        cls.theirs = Authority(cls.host.folder, "theirs")
        server = cls.ours.issue("localhost", "DNS:localhost", "IP:127.0.0.1", usage="serverAuth")
        cls.host.provision(extra=f'''[http]
addresses = ["127.0.0.1:0"]
certificate = "{server[0]}"
key = "{server[1]}"
client_ca = "{cls.ours.certificate}"
auditors = ["CN=auditor"]
readers = ["CN=reader"]
''')
        cls.host.start_daemon()
        cls.host.append(b"one\n")
        cls.host.anchor()
        cls.url = f"https://localhost:{LISTENING.findall(cls.host.daemon_words())[-1]}"

    def enroll(self, client, cacert=None, **options):
        arguments = ["--cacert", cacert or self.ours.certificate]
        if client:
            arguments += ["--cert", client[0], "--key", client[1]]
        return self.host.enroll(*arguments, url=self.url, **options)

    def test_an_auditor_enrols(self):
        done, path = self.enroll(self.ours.issue("auditor"))
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(self.host.verify(trust=path)["conclusion"], "verified")

    def test_another_role_does_not(self):
        done, path = self.enroll(self.ours.issue("reader"), output="reader")
        self.assertEqual(done.returncode, PERMISSION, done.stderr)
        self.assertIn(b"auditor", done.stderr)
        self.assertFalse(path.exists())

    def test_nor_does_who_has_no_certificate_or_another_authoritys(self):
        for client in (None, self.theirs.issue("auditor")):
            done, _ = self.enroll(client, output="nobody")
            self.assertEqual(done.returncode, UNAVAILABLE, done.stderr)

    def test_a_host_under_another_authority_is_not_asked(self):
        done, _ = self.enroll(self.ours.issue("auditor"), cacert=self.theirs.certificate, output="nobody")
        self.assertEqual(done.returncode, UNAVAILABLE, done.stderr)


if __name__ == "__main__":
    unittest.main()
