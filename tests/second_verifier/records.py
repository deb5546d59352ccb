"""The records and their tree (attest/README.md, "Record", "Tree", and the appraiser's rules 1 to 3)."""
import functools
import re
import struct

from fields import Bytes, H, Tampered, Unknown, need, noting, u64
from store_files import UNREADABLE

NO_SOURCE, WINDOW, RECORDS_PER_ROOT = 2**64 - 1, 2**20, 64
GENESIS, SOURCE, GAP, ERA = 1, 3, 4, 10  # kinds
GAP_CONTENT = re.compile(rb'\{"lost":(0|[1-9][0-9]{0,19}),"reason":"[a-z_]{1,64}"\}')


def check_content(index, leaf, content):
    """All that can be said of one record without the others."""
    version, kind, _time, _source, commitment = struct.unpack(">BBqQ32s", leaf)
    if version != 1 or content is UNREADABLE:
        raise Unknown(f"record {index}: a leaf of another version, or content that cannot be read")
    need(content, f"record {index}: its content is missing")
    salt, tlvs, data = content
    body = b"".join((salt, struct.pack(">I", len(tlvs)), tlvs, u64(len(data)), data))
    need(commitment == H(b"stele/v1/content\0", body), f"record {index}: commitment")
    field, types = Bytes(tlvs, f"record {index}: TLVs"), [-1]
    while field.at < len(tlvs):
        types += field.get("H")
        need(types[-1] > types[-2] and field.sized32() is not None, f"record {index}: order of TLVs")
    lost = GAP_CONTENT.fullmatch(data) if kind == GAP else None
    need(kind != GAP or lost and int(lost[1]) < 2**64, f"record {index}: a gap that states no count")
    if kind >= 0x80:
        raise Unknown(f"record {index}: unknown kind")


class Records:
    """The tree of all records; `claims`: roots by tree size; `covered`: the largest size that a statement names."""

    def __init__(self, genesis, claims, covered):
        self.genesis, self.claims, self.covered = genesis, claims, covered
        self.roots, self.size, self.sources, self.agreed, self.doubts = [], 0, set(), 0, []
        need({H()} >= claims.pop(0, set()), "the root of no records")

    def append(self, node):
        """Adds a leaf hash to the roots of the complete subtrees (RFC 9162)."""
        size = self.size
        while size & 1:
            node, size = H(b"\1", self.roots.pop(), node), size >> 1
        self.roots.append(node)
        self.size += 1

    def root(self, roots):
        return functools.reduce(lambda right, left: H(b"\1", left, right), reversed(roots))

    def is_whole(self, group):
        """Does the last group stand by itself? If not, a power cut tore it, for nothing covers it."""
        tree = Records(None, {}, 0)
        tree.roots, tree.size = list(self.roots), self.size
        try:
            for index, (leaf, content) in enumerate(zip(group.leaves, group.contents), group.first):
                with noting([]):
                    check_content(index, leaf, content)
                tree.append(H(b"\0", leaf))
        except Tampered:
            return False
        return tree.root(tree.roots) == group.root

    def check_place(self, index, leaf, content):
        version, kind, _time, source = struct.unpack(">BBqQ", leaf[:18])
        need(index > 0 or (version, kind) == (1, GENESIS), "the first record is no genesis")
        if version != 1:
            return
        near = index - WINDOW < source < index and source in self.sources
        need(source == NO_SOURCE or near, f"record {index}: source")
        self.sources |= {index} if kind == SOURCE else set()
        is_known = index > 0 or self.genesis is None or content is UNREADABLE
        need(is_known or content[2] == self.genesis, "the first record is another genesis than the journal's")
        self.doubts += [f"record {index}: another era"] if index > 0 and kind in (GENESIS, ERA) else []

    def group(self, group):
        for index, (leaf, content) in enumerate(zip(group.leaves, group.contents), group.first):
            with noting(self.doubts):
                check_content(index, leaf, content)
            self.check_place(index, leaf, content)
            self.append(H(b"\0", leaf))
            if self.size in self.claims:
                claimed = self.claims.pop(self.size)
                need({self.root(self.roots)} >= claimed, f"the root of {self.size} records is not as anchored")
        if self.size > self.covered or self.size - self.agreed >= RECORDS_PER_ROOT:
            need(self.root(self.roots) == group.root, f"the root that the group at {group.first} states")
            self.agreed = self.size

    def walk(self, segments):
        with noting(self.doubts):
            for group in segments:
                if group.last and group.first >= self.covered and not self.is_whole(group):
                    break
                self.group(group)
        missing = self.claims and not segments.is_unread
        need(not missing, f"{self.size} records, but {max(self.claims, default=0)} were anchored")
