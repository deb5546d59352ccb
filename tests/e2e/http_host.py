"""A host whose daemon serves HTTP on a free port of 127.0.0.1, as the README says; requests by curl and by raw sockets.
Standard library only."""
import json
import re
import socket

from readme_snippets import HTTP, snippet
from stele_host import PATIENCE, Host, run

LISTENING = re.compile(r"https?: listening on 127\.0\.0\.1 port (\d+)")


class HttpHost(Host):
    """write_config(http=...) adds keys of [http]; the port is found in the daemon's words."""

    def write_config(self, http="", **options):
        super().write_config(extra=f"{options.pop('extra', '')}\n{self.addresses()}{http}\n", **options)

    def addresses(self):
        return snippet(HTTP, "http", {"127.0.0.1:8080": "127.0.0.1:0", "/run/stele/http.sock": self.folder / "http.sock"})

    @property
    def port(self):
        return int(LISTENING.findall(self.daemon_words())[-1])

    def curl(self, path, *arguments, body=None, scheme="http"):
        """The status and the body of a reply, (0, b"") for none."""
        command = ["curl", "-sS", "--max-time", PATIENCE, "-o", "-", "-w", "\n%{http_code}", *arguments]
        if body is not None:
            command += ["--data-binary", "@-"]
        done = run(*command, f"{scheme}://localhost:{self.port}{path}", input=body or b"")
        text, _, status = done.stdout.rpartition(b"\n")
        return int(status or 0), text

    def post(self, body, *headers, path="/v1/events"):
        arguments = [part for header in headers for part in ("-H", header)]
        status, text = self.curl(path, *arguments, body=body)
        return status, json.loads(text) if text else None

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        return client

    def exchange(self, data, half_close=False):
        """Sends bytes as they are; all that comes back until the daemon closes."""
        with self.connect() as client:
            client.sendall(data)
            if half_close:
                client.shutdown(socket.SHUT_WR)
            return read_all(client)


def read_all(client):
    received = b""
    try:
        while more := client.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received


def statuses(received):
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
