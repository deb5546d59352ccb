"""A store in root's hands: read, changed at will, written again with every unkeyed hash recomputed.

Written from the format pages of storage/README.md and attest/README.md. It reads through the second verifier and
judges nothing. What the TPM signed is carried over as it is: that is all that root cannot compute.
"""
import os
import pathlib
import shutil
import struct
from collections import namedtuple

import reading
from reading import LEAF_BYTES as LEAF, NO_SOURCE, H, u64

EVENT, SOURCE = 0, 3  # record kinds
GENESIS, BUNDLE, INTENT, RECEIPT, VOID, REMARK = 1, 2, 3, 4, 5, 6  # entry kinds
FIRST_OF_RUN, FINAL, QUOTE, FOREIGN_EXTEND = 1, 2, 32, 64  # statement flags
NAMES = ("magic version flags log_id era seq quote_seq counter size root chain_head prev_extend prev_receipt bundle "
         "wallclock_ns reset restart")
LAYOUT = ">8sHH32sIQQQQ32s32s32s32s32sqII"


class Record(namedtuple("Record", "kind time_ns source salt tlvs content")):
    @property
    def leaf(self):
        body = self.salt + struct.pack(">I", len(self.tlvs)) + self.tlvs + u64(len(self.content)) + self.content
        return struct.pack(">BBqQ", 1, self.kind, self.time_ns, self.source) + H(b"stele/v1/content\0", body)

    def moved(self, from_index, by):
        """The same record after the indices from from_index on moved: its source may be one of them."""
        moves = self.source != NO_SOURCE and self.source >= from_index
        return self._replace(source=self.source + by) if moves else self


class Statement(namedtuple("Statement", NAMES)):
    @classmethod
    def read(cls, payload):
        return cls(*struct.unpack(LAYOUT, payload))

    @property
    def payload(self):
        return struct.pack(LAYOUT, *self)

    @property
    def digest(self):
        return H(b"stele/v1/anchor\0", self.payload)

    @property
    def is_quote(self):
        return bool(self.flags & QUOTE)


def event(content, time_ns, source=NO_SOURCE):
    return Record(EVENT, time_ns, source, os.urandom(32), b"", content)


def audit_of(receipt):
    """What prev_receipt hashes: attest, r and s of a receipt's audit part; None without one."""
    if not receipt[11] & 1:
        return None
    length, = struct.unpack_from(">H", receipt, 84)
    return receipt[86:86 + length + 64]


def root_of(records, size=None):
    roots, root = [], H()
    for index, record in enumerate(records[:size]):
        root = reading.append(roots, index, H(b"\0", record.leaf))
    return root


class Forger:
    """A store as segments of groups of records, and the journal's entries as (kind, payload)."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        first = (self.directory / "journal" / f"{0:016x}").read_bytes()
        self.log_id = first[32:64]
        self.entries = list(reading.Journal(self.directory / "journal", self.log_id))
        self.segments = self._read_segments()

    def _read_segments(self):
        """Groups by the segment that they lie in: a group lies in the newest one that begins at or before it."""
        begins = [struct.unpack_from(">Q", path.read_bytes(), 56)[0]
                  for path in sorted((self.directory / "segments").iterdir())]
        segments, first = [[] for _ in begins], 0
        for read in reading.Segments(self.directory / "segments", self.log_id):
            group = [Record(*struct.unpack(">BqQ", leaf[1:18]), *content) for leaf, content in read]
            segments[max(n for n, begin in enumerate(begins) if begin <= first)].append(group)
            first += len(group)
        return segments

    # -- records

    @property
    def groups(self):
        return [group for segment in self.segments for group in segment]

    @property
    def records(self):
        return [record for group in self.groups for record in group]

    def find(self, index):
        """The group that holds a record, and its place there."""
        for group in self.groups:
            if index < len(group):
                return group, index
            index -= len(group)
        raise IndexError(index)

    def change(self, index, **fields):
        group, place = self.find(index)
        group[place] = group[place]._replace(**fields)

    def delete(self, index):
        group, place = self.find(index)
        del group[place]
        self._move(index + 1, -1)
        self._drop_empty()

    def insert(self, index, record):
        group, place = self.find(index)
        self._move(index, 1)
        group.insert(place, record)

    def swap(self, one, other):
        (a, i), (b, j) = self.find(one), self.find(other)
        a[i], b[j] = b[j], a[i]

    def append(self, *records):
        self.segments[-1].append(list(records))

    def cut(self, size):
        """Keeps the first size records."""
        while len(self.records) > size:
            group = self.groups[-1]
            del group[max(0, len(group) - (len(self.records) - size)):]
            self._drop_empty()

    def _move(self, from_index, by):
        for group in self.groups:
            group[:] = [record.moved(from_index, by) for record in group]

    def _drop_empty(self):
        self.segments = [[group for group in segment if group] for segment in self.segments]
        self.segments = [segment for segment in self.segments if segment]

    # -- anchors

    @property
    def statements(self):
        return [Statement.read(payload) for kind, payload in self.entries if kind == INTENT]

    def place_of(self, seq, quote_seq=0):
        """The number of the entry that is this anchor's intent; of several runs the newest."""
        for number, (kind, payload) in reversed(list(enumerate(self.entries))):
            if kind == INTENT and (lambda s: (s.seq, s.quote_seq))(Statement.read(payload)) == (seq, quote_seq):
                return number
        raise LookupError(f"no anchor {seq}, {quote_seq}")

    def keep_anchors(self, seq, quote_seq=0, with_records=True):
        """Cuts the journal behind this anchor's receipt, and the records that it does not cover."""
        place = self.place_of(seq, quote_seq)
        assert self.entries[place + 1][0] == RECEIPT
        del self.entries[place + 2:]
        if with_records:
            self.cut(self.statements[-1].size)

    def restate(self):
        """Makes every statement fit the records and the statements before; receipts keep what the TPM signed."""
        extend, chain_head, previous, digest = None, self.log_id, None, None
        records = self.records
        for number, (kind, payload) in enumerate(self.entries):
            if kind == GENESIS:
                extend = H(bytes(32), H(b"stele/v1/genesis\0", payload))
            elif kind == INTENT:
                old = Statement.read(payload)
                new = old._replace(root=root_of(records, old.size), chain_head=chain_head, prev_extend=extend,
                                   prev_receipt=previous)
                self.entries[number] = INTENT, new.payload
                digest, quote = new.digest, new.is_quote
            elif kind == RECEIPT:
                if digest:
                    chain_head = H(chain_head, digest)
                    extend = extend if quote else H(extend, digest)
                    payload = payload[:12] + digest + payload[44:]
                if audit_of(payload):
                    payload = payload[:52] + extend + payload[84:]
                    previous = H(audit_of(payload))
                self.entries[number] = RECEIPT, payload

    # -- writing

    def write(self, directory):
        """A whole data directory: what is derived is left out, the rest is copied."""
        directory = pathlib.Path(directory)
        derived = shutil.ignore_patterns("segments", "journal", "tree", "look-up*")
        shutil.copytree(self.directory, directory, ignore=derived)
        for name in ("segments", "journal"):
            (directory / name).mkdir()
        self._write_segments(directory / "segments")
        (directory / "journal" / f"{0:016x}").write_bytes(self._journal())
        return directory

    def _write_segments(self, folder):
        size, roots, before = 0, [], bytes(32)
        for number, segment in enumerate(self.segments):
            marker = os.urandom(8)
            head = (b"STELESEG" + struct.pack(">HHI", 1, LEAF, 0) + self.log_id + u64(number) + u64(size) + marker
                    + before + bytes([len(roots)]) + b"".join(roots))
            out = [head, H(b"stele/v1/segment\0", head)]
            for place, group in enumerate(segment):
                root = None
                for index, record in enumerate(group, size):
                    root = reading.append(roots, index, H(b"\0", record.leaf))
                data, before = self._group(group, marker, size, number, place, root, before)
                size += len(group)
                out.append(data)
            (folder / f"{number:016x}").write_bytes(b"".join(out))

    def _group(self, group, marker, first, segment, place, root, before):
        lengths = b"".join(r.salt + struct.pack(">II", len(r.tlvs), len(r.content)) for r in group)
        plain = lengths + b"".join(r.tlvs + r.content for r in group)
        block = b"STBK" + struct.pack(">BBHIIIII", 0, 0, 0, 0, 0, len(group), len(plain), len(plain)) + plain
        head = marker + struct.pack(">QIIQIIqQ", first, len(group), LEAF * len(group), len(block), 1, 0,
                                    group[-1].time_ns, place)
        checksum = H(b"stele/v1/group\0", self.log_id, u64(segment), before, head, root)
        body = head + b"".join(record.leaf for record in group) + block
        return body + u64(len(body) + 72) + root + checksum, checksum

    def _journal(self):
        marker, before = os.urandom(8), bytes(32)
        head = b"STELEJNL" + struct.pack(">HHIQ", 1, 0, 0, 0) + marker + self.log_id + before
        out = [head, H(b"stele/v1/journal\0", head)]
        for number, (kind, payload) in enumerate(self.entries):
            about = struct.pack(">B3xI", kind, len(payload))
            before = H(b"stele/v1/entry\0", self.log_id, u64(number), before, about, payload)
            out += [marker, about, payload, before]
        return b"".join(out)
