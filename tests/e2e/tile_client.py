"""A C2SP tlog client, written from tlog-tiles.md and tlog-checkpoint.md alone: fetches a checkpoint, its tiles and its
entries, and recomputes the root. Standard library only; knows nothing of Stele."""
import base64
import gzip
import hashlib


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(hashes):
    """MTH over these nodes, as RFC 6962, 2.1 defines it."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    return node_hash(tree_hash(hashes[:k]), tree_hash(hashes[k:]))


def path_of(number):
    text = str(number)
    text = text.zfill(-(-len(text) // 3) * 3)
    parts = [text[i:i + 3] for i in range(0, len(text), 3)]
    return "/".join(["x" + part for part in parts[:-1]] + [parts[-1]])


class Checkpoint:
    def __init__(self, note):
        text, blank, self.signatures = note.decode().partition("\n\n")
        lines = text.rstrip("\n").split("\n")
        self.origin, self.size, self.root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        self.extensions = lines[3:]
        assert str(self.size) == lines[1] and len(self.root) == 32


class TileClient:
    """fetch(path, headers) -> (status, headers in lower case, body)."""

    def __init__(self, fetch):
        self.fetch = fetch

    def get(self, path, content_type):
        status, headers, body = self.fetch(path, {"Accept-Encoding": "gzip, identity"})
        assert status == 200, (path, status, body)
        assert headers["content-type"] == content_type, (path, headers)
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return headers, body

    def checkpoint(self):
        return Checkpoint(self.get("/checkpoint", "text/plain; charset=utf-8")[1])

    def tiles(self, kind, count):
        """The tiles that hold `count` nodes of a level, or entries: (number, width, bytes)."""
        for number in range(-(-count // 256)):
            width = min(256, count - number * 256)
            name = f"/tile/{kind}/{path_of(number)}" + (f".p/{width}" if width < 256 else "")
            headers, body = self.get(name, "application/octet-stream")
            assert "immutable" in headers["cache-control"], headers
            yield number, width, body

    def level(self, level, size):
        """All the hashes of this level of a tree of that size."""
        hashes = []
        for _, width, body in self.tiles(level, size >> (8 * level)):
            assert len(body) == 32 * width
            hashes += [body[i:i + 32] for i in range(0, len(body), 32)]
        return hashes

    def entries(self, size):
        entries = []
        for _, width, body in self.tiles("entries", size):
            at = 0
            for _ in range(width):
                length = int.from_bytes(body[at:at + 2], "big")
                entries.append(body[at + 2:at + 2 + length])
                at += 2 + length
            assert at == len(body)
        return entries

    def audit(self, checkpoint):
        """Everything that the checkpoint commits to; raises where anything contradicts its root."""
        size = checkpoint.size
        entries = self.entries(size)
        below = [leaf_hash(entry) for entry in entries]
        assert tree_hash(below) == checkpoint.root, "the entries are not the checkpoint's"
        assert self.level(0, size) == below, "level 0 is not the entries'"
        level = 1
        while size >> (8 * level):
            above = [tree_hash(below[i * 256:(i + 1) * 256]) for i in range(len(below) // 256)]
            assert self.level(level, size) == above, f"level {level} is not that below it"
            below, level = above, level + 1
        return entries
