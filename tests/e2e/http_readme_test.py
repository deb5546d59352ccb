"""Goal: the README's examples work as they stand. Method: every `sh` block of daemon/http/README.md, run by sh -e, one
after another, against a daemon without and one with TLS, both configured as the page says; what it prints has the fields of
the `json` block below it."""
import json
import os
import re
import subprocess
import unittest

from http_host import HttpHost
from http_tls_test import Authority
from readme_snippets import HTTP, ROOT, snippet
from stele_host import OK, PATIENCE

README = ROOT / HTTP
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:```json\n(.*?)```)?", re.S)


def shape(line):
    """Field names and the types of their values."""
    return {name: type(value).__name__ for name, value in json.loads(line).items()}


class HttpsHost(HttpHost):
    """Off the host: an authority of its own vouches for the daemon and for whoever sends."""

    def __init__(self):
        super().__init__()
        self.authority = Authority(self.folder, "ca")
        self.server = self.authority.issue("localhost", "DNS:localhost", usage="serverAuth")

    def addresses(self):
        certificate, key = self.server
        return snippet(HTTP, "https", {"192.0.2.7:8443": "127.0.0.1:0", "/etc/stele/http.pem": certificate,
                                       "/etc/stele/http.key": key, "/etc/stele/senders.pem": self.authority.certificate})


class Readme(unittest.TestCase):
    def test_every_example_prints_what_it_says(self):
        with HttpHost() as plain, HttpsHost() as secure:
            # A heartbeat now and then, so that the example of wait=sealed ends by itself.
            plain.provision(heartbeat="2s", http='plain_roles = ["writer", "monitor", "reader", "auditor"]')
            plain.start_daemon()
            secure.provision()
            secure.start_daemon()
            secure.authority.issue("client")
            environment = {**os.environ, "STELE": f"http://127.0.0.1:{plain.port}",
                           "STELE_TLS": f"https://localhost:{secure.port}"}
            blocks = BLOCK.findall(README.read_text())
            self.assertGreater(len(blocks), 6)
            for commands, expected in blocks:
                done = subprocess.run(["sh", "-e", "-c", commands], cwd=secure.authority.folder, env=environment,
                                      stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
                self.assertEqual(done.returncode, OK, (commands, done.stderr))
                self.assertTrue(done.stdout, commands)
                if expected:
                    said, told = done.stdout.decode().splitlines(), expected.splitlines()
                    self.assertEqual(list(map(shape, said)), list(map(shape, told)), commands)


if __name__ == "__main__":
    unittest.main(verbosity=2)
