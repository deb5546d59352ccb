"""A C2SP tlog-proof reader, written from tlog-proof.md, tlog-checkpoint.md, signed-note.md and tlog-cosignature.md alone:
standard library and openssl. Knows nothing of Stele: the extra line is opaque to it, the record is the caller's."""
import base64
import hashlib
import re

from tlog_witness import verifies

FIRST = "c2sp.org/tlog-proof@v1"


class Refused(Exception):
    pass


def must(condition, why):
    if not condition:
        raise Refused(why)


def decode(text, length=None):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused(f"not base64: {text}") from error
    must(base64.b64encode(data).decode() == text, "base64 in another form")
    must(length is None or len(data) == length, "of another length")
    return data


def number(text):
    must(re.fullmatch(r"0|[1-9][0-9]*", text) is not None, f"not a number: {text}")
    return int(text)


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_by(index, size, leaf, path):
    """RFC 9162, 2.1.3.2: the root that the path leads to."""
    must(index < size, "an index outside the tree")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        must(sn > 0, "a path too long")
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    must(sn == 0, "a path too short")
    return r


class TlogProof:
    def __init__(self, data):
        text = data.decode("utf-8")
        head, blank, note = text.partition("\n\n")
        must(blank, "no checkpoint")
        lines = head.split("\n")
        must(lines.pop(0) == FIRST, "another first line")
        self.extra = None
        if lines and lines[0].startswith("extra "):
            self.extra = decode(lines.pop(0)[6:])
        must(lines and lines[0].startswith("index "), "no index")
        self.index = number(lines.pop(0)[6:])
        self.path = [decode(line, 32) for line in lines]
        self.body, blank, signatures = note.partition("\n\n")
        self.body += "\n"
        must(blank and signatures.endswith("\n"), "no signatures")
        body = self.body.split("\n")
        must(len(body) >= 4, "a checkpoint of fewer than three lines")
        self.origin, self.size, self.root = body[0], number(body[1]), decode(body[2], 32)
        self.signatures = []
        for line in signatures[:-1].split("\n"):
            dash, name, encoded = line.split(" ")
            must(dash == "—", "not a signature line")
            self.signatures.append((name, decode(encoded)))

    def by(self, vkey):
        """What this key signed of it: "note", or a witness's time; None: nothing that verifies."""
        name, given, encoded = vkey.split("+", 2)
        key = decode(encoded, 33)
        key_hash = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        must(key_hash.hex() == given, "a verifier key with another hash")
        for signer, signature in self.signatures:
            if signer != name or signature[:4] != key_hash:
                continue
            if key[0] == 1 and verifies(key[1:], self.body.encode(), signature[4:]):
                return "note"
            if key[0] == 4:
                time = int.from_bytes(signature[4:12], "big")
                message = f"cosignature/v1\ntime {time}\n{self.body}".encode()
                if verifies(key[1:], message, signature[12:]):
                    return time
        return None

    def check(self, entry, origin, log_vkey):
        """That the entry is where it says, in a tree that this log signed; else Refused."""
        must(self.origin == origin, "another log's checkpoint")
        must(self.by(log_vkey) == "note", "the log did not sign the checkpoint")
        leaf = hashlib.sha256(b"\x00" + entry).digest()
        must(root_by(self.index, self.size, leaf, self.path) == self.root, "the path leads elsewhere")
