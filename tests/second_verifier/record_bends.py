"""Ways to bend the records of a store on paper, its groups and segments."""
BIG = 2**32 - 1


def some_record(rng, paper):
    index = rng.randrange(len(paper.records()))
    return index, paper.records()[index]


def delete_record(rng, paper, _other):
    index, _ = some_record(rng, paper)
    group, i = paper.place(index)
    del group.records[i]
    if not group.records:
        for segment in paper.segments:
            segment.groups = [kept for kept in segment.groups if kept is not group]
    return f"record {index} deleted"


def duplicate_record(rng, paper, _other):
    index, record = some_record(rng, paper)
    group, i = paper.place(rng.randrange(len(paper.records())))
    group.records.insert(i, record)
    return f"record {index} put in again"


def swap_records(rng, paper, _other):
    (i, a), (j, b) = some_record(rng, paper), some_record(rng, paper)
    a.__dict__, b.__dict__ = b.__dict__, a.__dict__
    return f"records {i} and {j} swapped"


def foreign_record(rng, paper, other):
    (i, record), (j, foreign) = some_record(rng, paper), some_record(rng, other)
    record.__dict__ = dict(foreign.__dict__)
    return f"record {i} is record {j} of another log"


def bend_leaf(rng, paper, _other):
    index, record = some_record(rng, paper)
    field, value = rng.choice([("version", 2), ("version", 0), ("kind", 13), ("kind", 0x80), ("kind", 255), ("kind", 1),
                               ("kind", 3), ("kind", 4), ("kind", 10), ("source", BIG), ("source", index),
                               ("source", 0), ("source", 2**64 - 1), ("time", 0), ("time", -1),
                               ("commitment", bytes(32))])
    setattr(record, field, value)
    return f"record {index}: {field} = {value}"


def bend_content(rng, paper, _other):
    index, record = some_record(rng, paper)
    salt, tlvs, data = record.content or (bytes(32), b"", b"")
    name, content = rng.choice([
        ("longer", (salt, tlvs, data + b"x")), ("empty", (salt, tlvs, b"")), ("zero salt", (bytes(32), tlvs, data)),
        ("erased", None), ("short TLV", (salt, tlvs + b"\0\1\0\0\0\1", data)),
        ("a TLV more", (salt, tlvs + b"\xff\xf0\0\0\0\0", data)),
        ("TLVs descend", (salt, b"\0\2\0\0\0\0\0\1\0\0\0\0", data)),
        ("a gap", (salt, b"", b'{"lost":1,"reason":"too_long"}')),
        ("a gap of 01", (salt, b"", b'{"lost":01,"reason":"x"}')),
        ("a gap of 2^64", (salt, b"", b'{"lost":18446744073709551616,"reason":"x"}'))])
    record.content = content
    if "gap" in name:
        record.kind = 4
    return f"record {index}: content {name}"


def some_group(rng, paper):
    i = rng.randrange(len(paper.segments))
    while not paper.segments[i].groups:
        i = (i + 1) % len(paper.segments)
    segment = paper.segments[i]
    j = rng.randrange(len(segment.groups))
    return f"group {j} of segment {i}", segment, j


def delete_group(rng, paper, _other):
    name, segment, j = some_group(rng, paper)
    del segment.groups[j]
    return f"{name} deleted"


def duplicate_group(rng, paper, _other):
    name, segment, j = some_group(rng, paper)
    segment.groups.insert(j, segment.groups[j])
    return f"{name} twice"


def swap_groups(rng, paper, _other):
    (a, first, i), (b, second, j) = some_group(rng, paper), some_group(rng, paper)
    first.groups[i], second.groups[j] = second.groups[j], first.groups[i]
    return f"{a} and {b} swapped"


def merge_groups(rng, paper, _other):
    name, segment, j = some_group(rng, paper)
    if j + 1 < len(segment.groups):
        segment.groups[j].records += segment.groups.pop(j + 1).records
        segment.groups[j].root = None
    return f"{name} and the next in one"


def split_group(rng, paper, _other):
    name, segment, j = some_group(rng, paper)
    records = segment.groups[j].records
    at = rng.randrange(len(records))
    if at:
        segment.groups.insert(j + 1, type(segment.groups[j])(records[at:], segment.groups[j].root))
        segment.groups[j].records, segment.groups[j].root = records[:at], None
    return f"{name} split at {at}"


def bend_group(rng, paper, _other):
    name, segment, j = some_group(rng, paper)
    field, value = rng.choice([
        ("marker", bytes(8)), ("first", 0), ("first", BIG), ("count", 0), ("count", 65537), ("leaf_bytes", 0),
        ("content_bytes", 2**60), ("content_bytes", 3), ("blocks", 0), ("blocks", 2), ("zero", 1), ("time", 1),
        ("number", 7), ("length", 0), ("codec", 1), ("cipher", 200), ("reserved", 1), ("key", 1), ("block_first", 1),
        ("block_count", 0), ("block_count", BIG), ("stored", BIG), ("plain", 0), ("slack", b"slack"),
        ("magic", b"STBL")])
    segment.groups[j].bent[field] = value
    if field == "codec" and rng.random() < 0.5:
        segment.groups[j].bent["plain"] = 5  # another codec, another plain size
    return f"{name}: {field} = {value}"


def bend_root(rng, paper, _other):
    name, segment, j = some_group(rng, paper)
    segment.groups[j].root = rng.randbytes(32)
    return f"{name}: another root stated"


def more_blocks(rng, paper, _other):
    name, segment, j = some_group(rng, paper)
    count = len(segment.groups[j].records)
    segment.groups[j].block_sizes = [1] * count if rng.random() < 0.7 else [1] * (count - 1)
    return f"{name}: {len(segment.groups[j].block_sizes)} blocks for {count} records"


def bend_segment(rng, paper, _other):
    i = rng.randrange(len(paper.segments))
    field, value = rng.choice([("version", 2), ("leaf_size", 51), ("era", 1), ("log_id", bytes(32)), ("number", 9),
                               ("first", 1), ("before", bytes(32)), ("roots", [bytes(32)]), ("roots", []),
                               ("marker", bytes(8))])
    paper.segments[i].bent[field] = value
    return f"segment {i}: {field} = {value}"


def cut_segment_in_two(rng, paper, _other):
    name, segment, j = some_group(rng, paper)
    later = type(segment)(rng.randbytes(8), segment.groups[j:])
    segment.groups = segment.groups[:j]
    paper.segments.insert(paper.segments.index(segment) + 1, later)
    return f"{name} begins a segment"


def empty_segment(rng, paper, _other):
    bent = rng.choice([{}, {"roots": None}, {"log_id": bytes(32)}, {"era": 1}, {"version": 3}, {"first": 3}])
    at = len(paper.segments) if rng.random() < 0.8 else rng.randrange(len(paper.segments) + 1)
    if "roots" in bent:
        size = sum(len(group.records) for segment in paper.segments[:at] for group in segment.groups)
        bent = {"roots": [rng.randbytes(32)] * bin(size).count("1")}
    paper.segments.insert(at, type(paper.segments[0])(rng.randbytes(8), [], bent))
    return f"an empty segment at {at}, {list(bent)}"


def swap_segments(rng, paper, _other):
    i, j = rng.randrange(len(paper.segments)), rng.randrange(len(paper.segments))
    paper.segments[i], paper.segments[j] = paper.segments[j], paper.segments[i]
    return f"segments {i} and {j} swapped"


def append_tail(rng, paper, _other):
    """Honest records behind the last anchor, or ones that cannot be: a daemon of the attacker's may write them."""
    records = [paper.records()[-1 - i] for i in range(rng.randrange(1, 4))]
    group = type(paper.groups()[0])([type(r)(**r.__dict__) for r in records])
    what = rng.choice(["honest", "honest", "kind 200", "version 9", "era", "genesis", "no source", "commitment",
                       "erased", "root"])
    last = group.records[-1]
    changes = {"kind 200": {"kind": 200}, "version 9": {"version": 9}, "era": {"kind": 10}, "genesis": {"kind": 1},
               "no source": {"source": 10**6}, "commitment": {"commitment": bytes(32)}, "erased": {"content": None}}
    last.__dict__.update(changes.get(what, {}))
    group.root = rng.randbytes(32) if what == "root" else None
    paper.segments[-1].groups.append(group)
    if rng.random() < 0.3:
        paper.segments[-1].groups.append(type(group)([records[0]]))
    return f"{len(records)} records more behind the last anchor, {what}"


RECORDS = [delete_record, duplicate_record, swap_records, foreign_record, bend_leaf, bend_leaf, bend_content,
           bend_content]
GROUPS = [delete_group, duplicate_group, swap_groups, merge_groups, split_group, bend_group, bend_group, bend_root,
          more_blocks, bend_segment, cut_segment_in_two, empty_segment, swap_segments, append_tail, append_tail,
          append_tail]
