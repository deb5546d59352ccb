"""Where things lie in a store's files, for attacks that change bytes and recompute nothing."""
import pathlib
import struct
from collections import namedtuple

LEAF, HEADER, BLOCK_HEADER = 50, 56, 28
Group = namedtuple("Group", "path begin end first count")
Spot = namedtuple("Spot", "path index leaf salt content length in_last_group")


def segment_paths(store):
    return sorted((pathlib.Path(store) / "segments").iterdir())


def groups(store):
    found = []
    for path in segment_paths(store):
        data = path.read_bytes()
        at = 137 + 32 * data[104]
        while at < len(data):
            first, count, leaves, content = struct.unpack_from(">QIIQ", data, at + 8)
            end = at + HEADER + leaves + content + 72
            found.append(Group(path, at, end, first, count))
            at = end
    return found


def spots(store):
    """Of each record: its file, and where in it its leaf, salt and content begin; for groups of one block."""
    found, all_groups = [], groups(store)
    for group in all_groups:
        data = group.path.read_bytes()
        table = group.begin + HEADER + LEAF * group.count + BLOCK_HEADER
        content = table + 40 * group.count
        for place in range(group.count):
            tlvs, length = struct.unpack_from(">II", data, table + 40 * place + 32)
            leaf = group.begin + HEADER + LEAF * place
            found.append(Spot(group.path, group.first + place, leaf, table + 40 * place, content + tlvs, length,
                              group == all_groups[-1]))
            content += tlvs + length
    return found


def flip(path, at, bits=1):
    """Changes one byte of a file."""
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bits]))
