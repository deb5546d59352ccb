"""A C2SP witness for tests, to the letter of tlog-witness: one log, its state in memory, signatures by openssl.

Faults on demand: `fault` may be "offline" (connections end at once), "mute" (never answers), "bad_signature",
"other_key", "noise", "error". `clock` is added to its time. Standard library only."""
import base64
import hashlib
import http.server
import pathlib
import subprocess
import tempfile
import threading
import time

PKCS8 = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410, before the seed
SPKI = bytes.fromhex("302a300506032b6570032100")  # ... before a public key


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def node(left, right):
    return sha256(b"\x01", left, right)


def consistent(first, first_root, second, second_root, proof):
    """RFC 9162, 2.1.4.2, for 0 < first < second."""
    if not proof:
        return False
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


class Key:
    """Ed25519 through openssl, from a seed."""

    def __init__(self, seed):
        self.seed = seed
        self.public = self._run(b"", "pkey", "-inform", "DER", "-in", "key", "-pubout", "-outform", "DER")[-32:]

    def _run(self, message, *arguments):
        """In a folder of its own each time: who holds a key may be killed."""
        with tempfile.TemporaryDirectory(prefix="stele-key-") as folder:
            for name, data in (("key", PKCS8 + self.seed), ("message", message)):
                (pathlib.Path(folder) / name).write_bytes(data)
            return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, timeout=60, check=True).stdout

    def sign(self, message):
        return self._run(message, "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", "key", "-in", "message")


def verifies(public, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, data in (("key", SPKI + public), ("message", message), ("signature", signature)):
            (folder / name).write_bytes(data)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey",
                               folder / "key", "-in", folder / "message", "-sigfile", folder / "signature"],
                              capture_output=True, timeout=60)
        return done.returncode == 0


def key_id(name, kind, public):
    return sha256(name.encode(), b"\n", bytes([kind]), public)[:4]


def vkey(name, kind, public):
    return f"{name}+{key_id(name, kind, public).hex()}+{base64.b64encode(bytes([kind]) + public).decode()}"


def parse_vkey(text):
    name, _, encoded = text.strip().split("+", 2)
    data = base64.b64decode(encoded, validate=True)
    return name, data[0], data[1:]


def signature_line(name, kind, public, signature):
    return f"— {name} {base64.b64encode(key_id(name, kind, public) + signature).decode()}\n"


def signed_note(name, key, text):
    return text + "\n" + signature_line(name, 1, key.public, key.sign(text.encode()))


class Witness:
    def __init__(self, log_vkey, seed=b"w" * 32, name="witness.example/w1"):
        self.origin, _, self.log_public = parse_vkey(log_vkey)
        self.name, self.key, self.other = name, Key(seed), Key(b"other" + seed[5:])
        self.size, self.root = 0, sha256()
        self.fault, self.clock, self.answers = None, 0, []
        self.released = threading.Event()
        handler = type("Handler", (Handler,), {"witness": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def vkey(self):
        return vkey(self.name, 4, self.key.public)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/prefix"

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def cosignature(self, text, key=None):
        now = int(time.time()) + self.clock
        message = f"cosignature/v1\ntime {now}\n{text}".encode()
        signature = now.to_bytes(8, "big") + (key or self.key).sign(message)
        if self.fault == "bad_signature":
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return signature_line(self.name, 4, self.key.public, signature)

    def answer(self, body):
        """The status, the content type and the body that the specification demands."""
        try:
            head, _, note = body.partition("\n\n")
            lines = head.split("\n")
            old = int(lines[0].removeprefix("old "))
            proof = [base64.b64decode(line, validate=True) for line in lines[1:]]
            text, _, signatures = note.partition("\n\n")
            text += "\n"
            origin, size, root = text.split("\n")[:3]
            size, root = int(size), base64.b64decode(root, validate=True)
            assert lines[0] == f"old {old}" and len(proof) <= 63 and all(len(h) == 32 for h in proof)
        except (ValueError, AssertionError) as error:
            return 400, "text/plain", f"{error}\n"
        if origin != self.origin:
            return 404, "text/plain", "unknown origin\n"
        wanted = key_id(origin, 1, self.log_public)
        signed = [base64.b64decode(line.split(" ")[2]) for line in signatures.splitlines()
                  if line.startswith(f"— {origin} ")]
        if not any(s[:4] == wanted and verifies(self.log_public, text.encode(), s[4:]) for s in signed):
            return 403, "text/plain", "no signature of a known key\n"
        if old > size:
            return 400, "text/plain", "old is larger\n"
        if old != self.size or (old == size and root != self.root):
            return 409, "text/x.tlog.size", f"{self.size}\n"
        if old in (0, size):
            good = not proof
        else:
            good = consistent(old, self.root, size, root, proof)
        if not good:
            return 422, "text/plain", "the proof does not verify\n"
        self.size, self.root = size, root
        return 200, "text/plain", self.cosignature(text, self.other if self.fault == "other_key" else None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        witness = self.witness
        if witness.fault == "offline":
            self.close_connection = True
            return
        if witness.fault == "mute":
            witness.released.wait()
            self.close_connection = True
            return
        if self.path != "/prefix/add-checkpoint":
            status, kind, text = 404, "text/plain", "no such path\n"
        elif witness.fault == "error":
            status, kind, text = 500, "text/plain", "out of order\n"
        elif witness.fault == "noise":
            status, kind, text = 200, "text/plain", "this is no signature line\n"
        else:
            with self.lock:
                status, kind, text = witness.answer(body)
        witness.answers.append(status)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass
