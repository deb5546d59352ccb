"""An auditor who visits hosts with `stele challenge`, and hosts that lie to him: servers whose answers root chooses."""
import hashlib
import http.server
import json
import pathlib
import socketserver
import threading

from scene import BIN, EXITS, run

PART_ANSWER, PART_ENTRY, PART_END = 2, 5, 9


class Auditor:
    """One memory, one trust file; a folder for proofs."""

    def __init__(self, folder, trust):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.trust = trust
        self.memory = self.folder / "memory"
        self.told = b""

    def ask(self, url, *arguments):
        """The exit code and, where there is one, the report."""
        done = run(BIN / "stele", "challenge", url, "--trust", self.trust, "--memory", self.memory, "-o", "json", *arguments)
        self.told = done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    def visit(self, conclusion, url, *arguments, fault=None, **verdicts):
        before = self.memory.read_bytes() if self.memory.exists() else None
        exit_code, report = self.ask(url, *arguments)
        told = (json.dumps(report, indent=1), self.told.decode())
        assert report, told
        assert (report["conclusion"], exit_code) == (conclusion, EXITS[conclusion]), (conclusion, exit_code, *told)
        for verdict, expected in verdicts.items():
            assert report[verdict] == expected, (verdict, expected, *told)
        assert fault is None or fault in [defect["fault"] for defect in report["defects"]], (fault, *told)
        after = self.memory.read_bytes() if self.memory.exists() else None
        assert after == before or conclusion == "verified", "what was not verified is remembered"
        return report

    def proofs(self, kind=""):
        folder = self.folder / "memory.proofs"
        return sorted(path for path in folder.glob(f"*-{kind}*")) if folder.exists() else []

    def check_proof(self, kind):
        """The newest proof holds on its own: by openssl for each signed half, by stele-verify as a whole."""
        proof = self.proofs(kind)[-1]
        for half in ("remembered", "presented"):
            for prefix in ("", "audit."):
                attest = proof / half / f"{prefix}attest"
                if attest.exists():
                    done = run("openssl", "dgst", "-sha256", "-verify", proof / half / "ak.pem", "-signature",
                               proof / half / f"{prefix}sig.der", attest)
                    assert done.returncode == 0, done.stdout + done.stderr
            assert (proof / half / "statement").exists(), list(proof.rglob("*"))
        done = run(BIN / "stele-verify", proof / "evidence", "--trust", proof / "trust", "--memory", proof / "memory",
                   "--nonce", (proof / "nonce").read_text().strip(), "-o", "json")
        assert done.returncode == EXITS["tampered"], done.stdout + done.stderr
        assert json.loads(done.stdout) == json.loads((proof / "report.json").read_text()), "another verdict than then"
        statements = [(proof / half / "statement").read_bytes() for half in ("remembered", "presented")]
        assert statements[0] != statements[1]
        return statements


class LyingHost:
    """Answers what an auditor posts to 127.0.0.1 with answer_to(question) -> bytes, or with a status and bytes. A question
    is a challenge's, unless question_of(path, body) makes another of it."""

    def __init__(self, answer_to, question_of=lambda path, body: json.loads(body)):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                answer = answer_to(question_of(self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                status, body = answer if isinstance(answer, tuple) else (200, answer)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def control_of(host):
    return f"unix:{host.control}"


def ask_host(host, question):
    """The evidence that a real daemon answers with, over its control socket."""
    import base64
    import socket
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(host.control))
        client.sendall(json.dumps({"do": "challenge", **question}).encode() + b"\n")
        evidence = b""
        for line in client.makefile("rb"):
            reply = json.loads(line)
            if "ok" in reply:
                assert reply["ok"], reply
                return evidence
            evidence += base64.b64decode(reply["evidence"])
    raise AssertionError("no last line")


def parts_of(evidence):
    parts, at = [], 10
    while at < len(evidence):
        length = int.from_bytes(evidence[at + 1:at + 5], "big")
        parts.append((evidence[at], evidence[at + 5:at + 5 + length]))
        at += 5 + length
    return parts


def evidence_of(parts, front):
    """A bundle of these parts, its end recomputed: it needs no key."""
    out = front[:10]
    for kind, payload in parts:
        if kind == PART_END:
            payload = hashlib.sha256(b"stele/v1/evidence\0" + out).digest()
        out += bytes([kind]) + len(payload).to_bytes(4, "big") + payload
    return out


def with_answer(evidence, answer):
    """The same bundle with another live answer in it."""
    return evidence_of([(kind, answer if kind == PART_ANSWER else payload) for kind, payload in parts_of(evidence)], evidence)
