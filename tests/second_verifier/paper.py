"""A store on paper: taken apart, free to be bent, and written again with every hash that needs no key made anew.

For the tests only; what is bent is kept as bent: `bent` of a group, segment or journal file names header fields.
"""
import copy
import dataclasses
import struct

from second_verifier import H, Journal, Segments, ZERO, u64

INTENT, RECEIPT, ERASED = 3, 4, 2**32 - 1
AUDIT_AT = 44  # in a receipt: magic, version, kind, parts, d


@dataclasses.dataclass
class Record:
    version: int
    kind: int
    time: int
    source: int
    commitment: bytes
    content: object  # salt, TLVs, bytes; None where erased

    def leaf(self):
        return struct.pack(">BBqQ32s", self.version, self.kind, self.time, self.source, self.commitment)

    def commit(self):
        salt, tlvs, data = self.content or (ZERO, b"", b"")
        body = struct.pack(">32sI", salt, len(tlvs)) + tlvs + u64(len(data)) + data
        self.commitment = H(b"stele/v1/content\0", body)


@dataclasses.dataclass
class Group:
    records: list
    root: bytes = None  # as stated; None: the records'
    bent: dict = dataclasses.field(default_factory=dict)  # header fields, and of the block: codec, cipher, key …
    block_sizes: list = None  # records of each block; None: one block


@dataclasses.dataclass
class Segment:
    marker: bytes
    groups: list
    bent: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class JournalFile:
    marker: bytes
    entries: list  # kind, payload
    bent: dict = dataclasses.field(default_factory=dict)


class Tree:
    def __init__(self):
        self.roots, self.size = [], 0

    def append(self, leaf):
        node, size = H(b"\0", leaf), self.size
        while size & 1:
            node, size = H(b"\1", self.roots.pop(), node), size >> 1
        self.roots.append(node)
        self.size += 1

    def root(self):
        root = self.roots[-1] if self.roots else H()
        for left in self.roots[-2::-1]:
            root = H(b"\1", left, root)
        return root


class Paper:
    def __init__(self, directory):
        """Takes a good store apart."""
        self.log_id, self.segments = (directory / "journal" / f"{0:016x}").read_bytes()[32:64], []
        journal = Journal(directory / "journal", self.log_id)
        self.journal = []
        for entry in journal:
            if not self.journal or self.journal[-1].marker != journal.marker:
                self.journal.append(JournalFile(journal.marker, []))
            self.journal[-1].entries.append(entry)
        segments = Segments(directory / "segments", self.log_id)
        for group in segments:
            if not self.segments or self.segments[-1].marker != segments.marker:
                self.segments.append(Segment(segments.marker, []))
            records = [Record(*struct.unpack(">BBqQ32s", leaf), content)
                       for leaf, content in group]
            self.segments[-1].groups.append(Group(records, segments.roots[segments.count]))

    def copy(self):
        return copy.deepcopy(self)

    def groups(self):
        return [group for segment in self.segments for group in segment.groups]

    def records(self):
        return [record for group in self.groups() for record in group.records]

    def place(self, index):
        """Where record `index` is: its group, and its place there."""
        for group in self.groups():
            if index < len(group.records):
                return group, index
            index -= len(group.records)
        raise IndexError(index)

    def entries(self):
        return [(file, i) for file in self.journal for i in range(len(file.entries))]

    # -- what needs no key, made anew

    def state_roots(self):
        for group in self.groups():
            group.root = None

    def commit(self):
        for record in self.records():
            record.commit()

    def chain(self):
        """Statements name the records' roots and the statements before them; receipts and bundles follow."""
        tree, roots = Tree(), [H()]
        for record in self.records():
            tree.append(record.leaf())
            roots.append(tree.root())
        chain_head, extend, receipt_hash, bundle, digest = self.log_id, None, None, None, None
        for file, i in self.entries():
            kind, payload = file.entries[i]
            if kind == 2:
                bundle = H(payload)
            if kind == INTENT and len(payload) == 256:
                extend = extend or payload[144:176]
                size = struct.unpack(">Q", payload[72:80])[0]
                root = roots[size] if size < len(roots) else payload[80:112]
                payload = b"".join((payload[:80], root, chain_head, extend, receipt_hash or payload[176:208],
                                    bundle or payload[208:240], payload[240:]))
                digest = H(b"stele/v1/anchor\0", payload)
                chain_head = H(chain_head, digest)
                extend = extend if payload[11] & 32 else H(extend, digest)
            elif kind == RECEIPT and len(payload) > AUDIT_AT + 44:
                payload = payload[:12] + (digest or payload[12:AUDIT_AT]) + payload[AUDIT_AT:]
                if payload[11] & 1:
                    if extend:
                        payload = payload[:AUDIT_AT + 8] + extend + payload[AUDIT_AT + 40:]
                    start = AUDIT_AT + 42
                    receipt_hash = H(payload[start:start + struct.unpack(">H", payload[start - 2:start])[0] + 64])
            file.entries[i] = kind, payload

    # -- bytes

    def files(self):
        """Path below the data directory -> bytes."""
        out, tree, before = {}, Tree(), ZERO
        for number, segment in enumerate(self.segments):
            data, before = encode_segment(segment, number, self.log_id, tree, before)
            out[f"segments/{number:016x}"] = data
        count, before = 0, ZERO
        for number, file in enumerate(self.journal):
            data, count, before = encode_journal(file, number, self.log_id, count, before)
            out[f"journal/{number:016x}"] = data
        return out


def encode_segment(segment, number, log_id, tree, before):
    head = {"version": 1, "leaf_size": 50, "era": 0, "log_id": log_id, "number": number, "first": tree.size,
            "marker": segment.marker, "before": before, "roots": list(tree.roots), **segment.bent}
    roots = head.pop("roots")
    data = b"STELESEG" + struct.pack(">HHI32sQQ8s32sB", *head.values(), len(roots)) + b"".join(roots)
    data += H(b"stele/v1/segment\0", data)
    for i, group in enumerate(segment.groups):
        encoded, before = encode_group(group, i, segment.marker, head["log_id"], head["number"], tree, before)
        data += encoded
    return data, before


def encode_group(group, number, marker, log_id, segment, tree, before):
    blocks, sizes = b"", [len(group.records)] if group.block_sizes is None else group.block_sizes
    first = 0
    for size in sizes:
        blocks += encode_block(group.records[first:first + size], first, group.bent)
        first += size
    leaves = [record.leaf() for record in group.records]
    head = {"marker": marker, "first": tree.size, "count": len(leaves), "leaf_bytes": 50 * len(leaves),
            "content_bytes": len(blocks), "blocks": len(sizes), "zero": 0,
            "time": group.records[-1].time if group.records else 0, "number": number}
    head.update((key, value) for key, value in group.bent.items() if key in head)
    head = struct.pack(">8sQIIQIIqQ", *head.values())
    for leaf in leaves:
        tree.append(leaf)
    root = group.root or tree.root()
    checksum = H(b"stele/v1/group\0", log_id, u64(segment), before, head, root)
    body = head + b"".join(leaves) + blocks
    length = group.bent.get("length", len(body) + 72)
    return body + struct.pack(">Q32s32s", length, root, checksum), checksum


def encode_block(records, first, bent):
    table, body = b"", b""
    for record in records:
        salt, tlvs, data = record.content or (ZERO, b"", b"")
        lengths = (len(tlvs), len(data)) if record.content else (ERASED, ERASED)
        table += struct.pack(">32sII", salt, *lengths)
        body += tlvs + data
    stored = table + body + bent.get("slack", b"")
    head = {"magic": b"STBK", "codec": 0, "cipher": 0, "reserved": 0, "key": 0, "block_first": first,
            "block_count": len(records), "stored": len(stored), "plain": len(stored)}
    head.update((key, value) for key, value in bent.items() if key in head)
    return struct.pack(">4sBBHIIIII", *head.values()) + stored


def encode_journal(file, number, log_id, count, before):
    head = {"version": 1, "zero": 0, "number": number, "first": count, "marker": file.marker, "log_id": log_id,
            "before": before, **file.bent}
    data = b"STELEJNL" + struct.pack(">HHIQ8s32s32s", *head.values())
    data += H(b"stele/v1/journal\0", data)
    for kind, payload in file.entries:
        entry = struct.pack(">B3xI", kind, len(payload)) + payload
        before = H(b"stele/v1/entry\0", head["log_id"], u64(count), before, entry)
        data, count = data + file.marker + entry + before, count + 1
    return data, count, before
