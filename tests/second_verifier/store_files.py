"""The files of a store, journal and segments, as storage/README.md describes them."""
import collections
import os
import re
import struct

from fields import Bytes, H, Tampered, Unknown, ZERO, need, u64

LEAF_BYTES, MOST_RECORDS, MOST_GROUP_BYTES, MOST_ENTRY_BYTES = 50, 65536, 2**28, 2**20
ERASED = 2**32 - 1
UNREADABLE = object()  # a content under an unknown codec or cipher
Group = collections.namedtuple("Group", "first leaves blocks contents root last")


def numbered(folder):
    """The numbered files: name, bytes, whether it is the last one."""
    names = os.listdir(folder) if folder.is_dir() else []
    names = sorted(name for name in names if re.fullmatch("[0-9a-f]{16}", name))
    need(names, f"{folder.name}: no file")
    for number, name in enumerate(names):
        path = folder / name
        need(name == f"{number:016x}", f"{folder.name}: a file is missing")
        need(path.is_file() and not path.is_symlink(), f"{folder.name}/{name} is no file")
        yield number, path.read_bytes(), number == len(names) - 1


class Walk:
    """Piece by piece through the files of a folder; a torn end is left out.

    Torn: damage in the very last file that no marker follows. Whoever derives from it reads a file's
    header (which gives `marker` its value) and a piece.
    """
    is_torn = False
    is_unread = False  # the rest is of a version that is not known

    def __iter__(self):
        for number, data, is_last_file in numbered(self.folder):
            field = Bytes(data, f"{self.folder.name}, file {number}")
            try:
                self.open_file(field, number)
            except Unknown:
                self.is_unread = True
                raise
            while field.at < len(data):
                start = field.at
                try:
                    piece = self.piece(field, is_last_file)
                except Tampered as why:
                    torn = is_last_file and self.marker not in data[start + 1:]
                    need(torn, f"{field.what}, byte {start}: {why}")
                    self.is_torn = True
                    return
                yield piece


class Journal(Walk):
    """Of each entry: its kind and its payload."""

    def __init__(self, folder):
        self.folder, self.count, self.before, self.log_id = folder, 0, ZERO, None

    def open_file(self, field, number):
        zero, *found, self.marker, log_id, before = field.begins(b"STELEJNL").get("HIQ8s32s32s")
        need(field.take(32) == H(b"stele/v1/journal\0", field.data[:96]), "a journal header's checksum")
        need((zero, *found, before) == (0, number, self.count, self.before), "a journal file does not follow")
        if self.log_id not in (None, log_id):
            need(field.data[field.at + 8:field.at + 9] == b"\1", "a journal file of another log, without a genesis")
            raise Unknown("a journal file of another era")
        self.log_id = log_id

    def piece(self, field, _is_last_file):
        need(field.take(8) == self.marker, "no marker")
        head = field.take(8)
        kind, zero, length = struct.unpack(">B3sI", head)
        need(zero == bytes(3) and length <= MOST_ENTRY_BYTES, "an entry's header")
        payload, checksum = field.take(length), field.take(32)
        due = H(b"stele/v1/entry\0", self.log_id, u64(self.count), self.before, head, payload)
        need(checksum == due, "an entry's checksum")
        self.count, self.before = self.count + 1, checksum
        return kind, payload


class Segments(Walk):
    """The commit groups. `roots`, of the tree of all leaves so far, is the caller's to keep as it goes."""

    def __init__(self, folder, log_id=None, era=None, roots=None):
        self.folder, self.roots, self.pinned = folder, roots, (log_id, era)
        self.size, self.groups, self.segment, self.before = 0, 0, None, ZERO

    def open_file(self, field, number):
        found = field.begins(b"STELESEG").fields(leaf_size="H", era="I", log_id="32s", number="Q", first="Q",
                                                 marker="8s", before="32s", roots="B")
        if found.leaf_size != LEAF_BYTES:
            raise Unknown("a segment with leaves of another size")
        roots = [field.take(32) for _ in range(found.roots)]
        need(field.take(32) == H(b"stele/v1/segment\0", field.data[:field.at - 32]), "a segment header's checksum")
        due = number, self.size, self.before, bin(self.size).count("1")
        need((found.number, found.first, found.before, found.roots) == due, "a segment does not follow")
        self.check_log(found)
        need(self.roots is None or self.roots == roots, "a segment header's roots")
        self.segment, self.marker, self.groups = found, found.marker, 0

    def check_log(self, found):
        before = self.segment
        if before and found.era > before.era:
            raise Unknown("a segment of a later era")
        need(not before or (found.log_id, found.era) == (before.log_id, before.era), "a segment of another log")
        for is_so, pinned in zip((found.log_id, found.era), self.pinned):
            need(pinned in (None, is_so), "a segment that is not the genesis' log's")

    def piece(self, field, is_last_file):
        start, head = field.at, field.take(56)
        said = Bytes(head, "group header").fields(marker="8s", first="Q", count="I", leaf_bytes="I",
                                                  content_bytes="Q", blocks="I", zero="I", time="q", number="Q")
        need(said.marker == self.marker, "no marker")
        due = self.size, 0, self.groups, said.count * LEAF_BYTES
        need((said.first, said.zero, said.number, said.leaf_bytes) == due, "a group's header")
        need(0 < said.count <= MOST_RECORDS, "a group's count")
        leaves, blocks = field.take(said.leaf_bytes), field.take(said.content_bytes)
        length, root, checksum = field.get("Q32s32s")
        need(length == field.at - start <= MOST_GROUP_BYTES, "a group's length")
        due = H(b"stele/v1/group\0", self.segment.log_id, u64(self.segment.number), self.before, head, root)
        need(checksum == due, "a group's checksum")
        contents = contents_of(blocks, said.blocks)
        need(len(contents) == said.count, "blocks that do not cover their group")
        self.size, self.groups, self.before = self.size + said.count, self.groups + 1, checksum
        leaves = [leaves[i:i + LEAF_BYTES] for i in range(0, len(leaves), LEAF_BYTES)]
        return Group(said.first, leaves, blocks, contents, root, is_last_file and field.at == len(field.data))


def contents_of(blocks, count_of_blocks=None):
    """Of each record: salt, TLVs, bytes; None where erased, UNREADABLE under an unknown codec or cipher."""
    field, out, found = Bytes(blocks, "content"), [], 0
    while field.at < len(blocks):
        magic, codec, cipher, zero, key, first, count, stored, plain = field.get("4sBBHIIIII")
        due = b"STBK", 0, len(out)
        need((magic, zero, first) == due and 0 < count <= MOST_RECORDS, "a content block's header")
        block, found = Bytes(field.take(stored), "content block"), found + 1
        if codec or cipher:
            out += [UNREADABLE] * count
            continue
        need((stored, key) == (plain, 0), "a content block's lengths or key")
        for salt, tlvs, length in [block.get("32sII") for _ in range(count)]:
            is_erased = (salt, tlvs, length) == (ZERO, ERASED, ERASED)
            out.append(None if is_erased else (salt, block.take(tlvs), block.take(length)))
        block.end()
    need(count_of_blocks in (None, found), "the number of content blocks")
    return out


def groups(folder, log_id):
    return Segments(folder, log_id)
