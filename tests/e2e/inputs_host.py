"""A host whose daemon has every socket input on, with a certificate authority; and the README's snippets for senders.

Daemon and senders are configured as the README says: only addresses, ports and paths are replaced. Standard library only.
"""
import json
import os
import pathlib
import socket
import ssl
import subprocess

from readme_snippets import DAEMON, ROOT, snippet
from stele_host import (BIN, CONFIGURATION, OK, PATIENCE, TEMPORARY, Host, content, run,  # noqa: F401
                        wait_until)

UNPACKED = ROOT / "build" / "unpacked"


class Authority:
    """A certificate authority of a test's own: `openssl ca` in a folder. issuer: the one above it."""

    def __init__(self, folder, name="ca", issuer=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.pem = self.folder / "ca.pem"
        (self.folder / "index.txt").write_text("")
        (self.folder / "index.txt.attr").write_text("unique_subject = no\n")
        self.settings = self.folder / "ca.cnf"
        self.settings.write_text(f"""[ca]
default_ca = here
[here]
database = {self.folder}/index.txt
new_certs_dir = {self.folder}
certificate = {self.pem}
private_key = {self.folder}/ca.key
rand_serial = yes
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
copy_extensions = copy
[any]
commonName = supplied
""")
        request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                   "-keyout", self.folder / "ca.key"]
        if issuer is None:
            self.openssl(*request, "-x509", "-days", "30", "-out", self.pem)
        else:
            self.openssl(*request, "-addext", "basicConstraints=critical,CA:TRUE", "-out", self.folder / "ca.csr")
            issuer.openssl("ca", "-batch", "-notext", "-config", issuer.settings, "-in", self.folder / "ca.csr",
                           "-out", self.pem)

    def openssl(self, *arguments):
        done = run("openssl", *arguments)
        assert done.returncode == 0, (arguments, done.stderr)

    def issue(self, name, san, *options, usage=None):
        """Certificate and key for this subjectAltName; options of `openssl ca`, such as its dates; usage: for what
        alone, such as serverAuth."""
        pem, key, request = (self.folder / f"{name}.{suffix}" for suffix in ("pem", "key", "csr"))
        extension = ["-addext", f"subjectAltName={san}"] if san else []
        extension += ["-addext", f"extendedKeyUsage={usage}"] if usage else []
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                     "-keyout", key, "-out", request, *extension)
        self.openssl("ca", "-batch", "-notext", "-config", self.settings, "-in", request, "-out", pem, *options)
        return pem, key

    def revoke(self, pem):
        self.openssl("ca", "-config", self.settings, "-revoke", pem)

    def crl(self):
        path = self.folder / "crl.pem"
        self.openssl("ca", "-config", self.settings, "-gencrl", "-out", path)
        return path


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class InputsHost(Host):
    def __init__(self):
        super().__init__()
        self.authority = Authority(self.folder / "authority")
        self.server = self.authority.issue("log", "DNS:log.example,IP:127.0.0.1")
        self.sender = self.authority.issue("sender", "DNS:web1.example,IP:192.0.2.7")
        self.log_socket = self.folder / "log"
        self.tcp, self.tls, self.udp = free_port(), free_port(), free_port(socket.SOCK_DGRAM)

    def begin(self, listen="", limits=""):
        self.provision(extra=self.inputs(listen, limits))
        self.start_daemon()

    def inputs(self, listen="", limits="", names='["*.example"]', crl=""):
        """The README's, with this host's addresses; listen: more keys of listen.tcp, crl: of listen.tls."""
        certificate, key = self.server
        every = snippet(DAEMON, "listen", {
            "/run/stele/log": self.log_socket, "127.0.0.1:514": f"127.0.0.1:{self.udp}",
            "127.0.0.1:601": f"127.0.0.1:{self.tcp}", "127.0.0.1:6514": f"127.0.0.1:{self.tls}",
            "/etc/stele/log.pem": certificate, "/etc/stele/log.key": key, "/etc/ssl/stele/ca.pem": self.authority.pem,
            '["*.example"]': names, "[listen.tls]": f"{listen}\n[listen.tls]"})
        return f"{every}{crl}\n[limits]\n{limits}\n"

    def snippet(self, name):
        """The README's for a sender, with this host's addresses, ports and paths, each of which stands there."""
        certificate, key = self.sender
        files = {"/etc/ssl/stele/ca.pem": self.authority.pem, "/etc/ssl/stele/sender.pem": certificate,
                 "/etc/ssl/stele/sender.key": key}
        local = {"/run/stele/log": self.log_socket}
        here = {"rsyslog-tls": {'port="6514"': f'port="{self.tls}"', **files},
                "rsyslog-tcp": {'port="601"': f'port="{self.tcp}"'},
                "rsyslog-udp": {'port="514"': f'port="{self.udp}"'},
                "rsyslog-unix": local,
                "syslog-ng-tls": {"port(6514)": f"port({self.tls})", **files},
                "syslog-ng-tcp": {"port(601)": f"port({self.tcp})"},
                "syslog-ng-udp": {"port(514)": f"port({self.udp})"},
                "syslog-ng-unix": local,
                "commands": {"--port 514": f"--port {self.udp}", "--port 601": f"--port {self.tcp}",
                             "127.0.0.1 601": f"127.0.0.1 {self.tcp}", "127.0.0.1:601": f"127.0.0.1:{self.tcp}",
                             "127.0.0.1:6514": f"127.0.0.1:{self.tls}", "/run/stele/ingest.sock": self.ingest,
                             **local, **files}}
        return snippet(DAEMON, name, here[name])

    # -- senders

    def connect(self, transport, **tls):
        """A connected socket: unix, tcp or tls for streams, unix_datagram or udp."""
        kind = socket.SOCK_DGRAM if transport in ("udp", "unix_datagram") else socket.SOCK_STREAM
        local = {"unix": self.ingest, "unix_datagram": self.log_socket}.get(transport)
        made = socket.socket(socket.AF_UNIX if local else socket.AF_INET, kind)
        made.settimeout(PATIENCE)
        made.connect(str(local) if local else ("127.0.0.1", getattr(self, transport)))
        return self.client_context(**tls).wrap_socket(made, server_hostname="log.example") if transport == "tls" else made

    def client_context(self, identity=None, ca=None):
        context = ssl.create_default_context(cafile=str(ca or self.authority.pem))
        context.load_cert_chain(*map(str, identity or self.sender))
        return context

    def counters(self, transport=None):
        ingest = self.status()["ingest"]
        return ingest["inputs"][transport] if transport else ingest

    def records(self, kind):
        """(bytes, content of the source record or None) of each record of this kind."""
        lines = self.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        every = {r["index"]: r for r in map(json.loads, lines)}
        text = {i: content(r) for i, r in every.items()}
        return [(text[i], text.get(r["source"])) for i, r in every.items() if r["kind"] == kind]

    def received(self, count):
        """Waits until so many events are taken in all; the bytes of each."""
        try:
            wait_until(lambda: self.counters()["events"] >= count, f"{count} events")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.counters()}\n{self.daemon_words()}") from None
        wait_until(lambda: self.status()["queue"]["records"] == 0, "an empty queue")
        return [event for event, _ in self.records("event")]


class Relay:
    """A syslog daemon in the foreground, with a configuration of the test's own; its socket takes datagrams."""

    def __init__(self, folder, command, environment=None):
        self.folder = pathlib.Path(folder)
        self.socket = self.folder / "in.sock"
        self.log = open(self.folder / "relay.log", "ab")
        self.process = subprocess.Popen([str(part) for part in command], cwd=self.folder, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env={**os.environ, **(environment or {})})
        wait_until(lambda: self.socket.exists() or self.process.poll() is not None, f"{command[0]} listens")
        assert self.process.poll() is None, (self.folder / "relay.log").read_text()

    def send(self, messages):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(PATIENCE)
            out.connect(str(self.socket))
            for message in messages:
                out.send(message)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()


def rsyslog(folder, snippet):
    folder.mkdir()
    modules = ":".join(str(UNPACKED / p / "usr/lib/x86_64-linux-gnu/rsyslog") for p in ("rsyslog", "rsyslog-openssl"))
    (folder / "rsyslog.conf").write_text(f"""global(workDirectory="{folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/in.sock" RateLimit.Interval="0")
{snippet}""")
    return Relay(folder, [UNPACKED / "rsyslog/usr/sbin/rsyslogd", "-n", "-C", "-f", folder / "rsyslog.conf", "-i",
                          folder / "pid", "-M", modules])


def syslog_ng(folder, snippet):
    folder.mkdir()
    root = UNPACKED / "syslog-ng-core/usr"
    (folder / "syslog-ng.conf").write_text(f"""@version: 3.38
source s_in {{ unix-dgram("{folder}/in.sock"); }};
{snippet}
log {{ source(s_in); destination(d_stele); flags(flow-control); }};
""")
    return Relay(folder, [root / "sbin/syslog-ng", "--foreground", "--no-caps", "-f", folder / "syslog-ng.conf",
                          "-R", folder / "persist", "-p", folder / "pid", "-c", folder / "ctl",
                          f"--module-path={root}/lib/syslog-ng/3.38"],
                 {"LD_LIBRARY_PATH": f"{root}/lib/syslog-ng"})
