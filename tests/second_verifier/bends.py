"""Ways to bend a good store, each drawn from a seeded generator; a recipe says what was done.

Two sorts: of a store on paper (written again afterwards, hashes as the recipe's mend says), and of the
files' bytes. What they do need not be an attack: the two verifiers only have to agree.
"""
import struct

from fields import H

MENDS = ("checksums", "stated roots", "commitments", "chain")  # each with those before it
BIG = 2**32 - 1


def mend(paper, level):
    if level >= 1:
        paper.state_roots()
    if level >= 2:
        paper.commit()
    if level >= 3:
        paper.chain()


# -- records


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
        ("a TLV more", (salt, tlvs + b"\xff\xf0\0\0\0\0", data)), ("TLVs descend", (salt, b"\0\2\0\0\0\0\0\1\0\0\0\0", data)),
        ("a gap", (salt, b"", b'{"lost":1,"reason":"too_long"}')), ("a gap of 01", (salt, b"", b'{"lost":01,"reason":"x"}')),
        ("a gap of 2^64", (salt, b"", b'{"lost":18446744073709551616,"reason":"x"}'))])
    record.content = content
    if "gap" in name:
        record.kind = 4
    return f"record {index}: content {name}"


# -- groups and segments


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
    what = rng.choice(["honest", "honest", "kind 200", "version 9", "era", "genesis", "no source", "commitment", "erased",
                       "root"])
    last = group.records[-1]
    changes = {"kind 200": {"kind": 200}, "version 9": {"version": 9}, "era": {"kind": 10}, "genesis": {"kind": 1},
               "no source": {"source": 10**6}, "commitment": {"commitment": bytes(32)}, "erased": {"content": None}}
    last.__dict__.update(changes.get(what, {}))
    group.root = rng.randbytes(32) if what == "root" else None
    paper.segments[-1].groups.append(group)
    if rng.random() < 0.3:
        paper.segments[-1].groups.append(type(group)([records[0]]))
    return f"{len(records)} records more behind the last anchor, {what}"


# -- the journal


def some_entry(rng, paper, kinds=()):
    entries = [(file, i) for file, i in paper.entries() if not kinds or file.entries[i][0] in kinds]
    n = rng.randrange(len(entries))
    file, i = entries[n]
    return f"entry {paper.entries().index((file, i))} (kind {file.entries[i][0]})", file, i


def delete_entry(rng, paper, _other):
    name, file, i = some_entry(rng, paper)
    del file.entries[i]
    return f"{name} deleted"


def duplicate_entry(rng, paper, _other):
    name, file, i = some_entry(rng, paper)
    file.entries.insert(rng.choice([i, rng.randrange(len(file.entries))]), file.entries[i])
    return f"{name} twice"


def swap_entries(rng, paper, _other):
    kinds = rng.choice([(), (2,), (3,), (4,)])
    (a, first, i), (b, second, j) = some_entry(rng, paper, kinds), some_entry(rng, paper, kinds)
    first.entries[i], second.entries[j] = second.entries[j], first.entries[i]
    return f"{a} and {b} swapped"


def foreign_entry(rng, paper, other):
    name, file, i = some_entry(rng, paper)
    foreign, its_file, j = some_entry(rng, other)
    file.entries[i] = its_file.entries[j]
    return f"{name} is {foreign} of another log"


def cut_entries(rng, paper, _other):
    """An honest older log, if it is cut behind an anchor."""
    n = rng.randrange(1, len(paper.entries()) + 1)
    for file in reversed(paper.journal):
        while file.entries and n:
            file.entries.pop()
            n -= 1
    while len(paper.journal) > 1 and not paper.journal[-1].entries:
        paper.journal.pop()
    return f"{len(paper.entries())} entries left"


def insert_entry(rng, paper, _other):
    text = rng.choice([b"a word", b"\xff", b"x" * 1024, b"x" * 1025, "\u00fc".encode(), b"\xed\xa0\x80", b""])
    _, file, i = some_entry(rng, paper)
    digest = rng.randbytes(32)
    kind, payload = rng.choice([
        (7, b""), (0, b"x"), (127, b""), (128, b""), (255, b"x"), (1, b""), (5, b"\1" + digest), (5, b""),
        (6, struct.pack(">BqQH", rng.choice([0, 1, 2, 5, 6]), 7, 1, len(text)) + text), (6, b"\2"),
        (6, struct.pack(">BqQH", 1, 7, 1, 0)), (6, struct.pack(">BqQH", 3, 7, 1, 0) + b"more")])
    file.entries.insert(i + 1, (kind, payload))
    return f"kind {kind}, {payload[:24].hex()} put in at {i + 1}"


def void_intent(rng, paper, _other):
    name, file, i = some_entry(rng, paper, (3,))
    reason = rng.choice([1, 2, 2, 3])
    void = 5, bytes([reason]) + H(b"stele/v1/anchor\0", file.entries[i][1])
    how = rng.choice(["instead of its receipt", "before its receipt", "with all that follows cut"])
    if how == "instead of its receipt" and i + 1 < len(file.entries):
        file.entries[i + 1] = void
    else:
        file.entries.insert(i + 1, void)
    if how == "with all that follows cut":
        del file.entries[i + 2:], paper.journal[paper.journal.index(file) + 1:]
    return f"{name} voided, reason {reason}, {how}"


def bend_payload(rng, paper, _other):
    name, file, i = some_entry(rng, paper)
    kind, payload = file.entries[i]
    how = rng.choice(["version", "longer", "shorter", "magic", "kind", "bit", "bit", "bit", "longer version"])
    bit = rng.randrange(8 * len(payload)) if payload else 0
    flipped = bytearray(payload or b"\0")
    flipped[bit // 8] ^= 1 << bit % 8
    version_2 = payload[:8] + b"\0\2" + payload[10:]
    file.entries[i] = {"version": (kind, version_2), "longer": (kind, payload + b"\0"),
                       "longer version": (kind, version_2 + b"new"), "shorter": (kind, payload[:-1]),
                       "magic": (kind, b"STELE" + payload[5:6] + b"?" + payload[7:]),
                       "kind": (rng.choice([2, 3, 4, 5, 6, 9, 200]), payload), "bit": (kind, bytes(flipped))}[how]
    return f"{name}: {how}" + (f" {bit}" if how == "bit" else "")


STATEMENT_FIELDS = {"flags": (10, 12), "log_id": (12, 44), "era": (44, 48), "seq": (48, 56), "quote_seq": (56, 64),
                    "counter": (64, 72), "size": (72, 80), "root": (80, 112), "chain_head": (112, 144),
                    "prev_extend": (144, 176), "prev_receipt": (176, 208), "bundle": (208, 240),
                    "wallclock": (240, 248), "reset": (248, 252), "restart": (252, 256)}


def bend_statement(rng, paper, _other):
    """One field, by one up or down, of an early or the newest statement; its receipt may be cut off."""
    entries = [(file, i) for file, i in paper.entries() if file.entries[i][0] == 3]
    file, i = entries[-1] if rng.random() < 0.5 else rng.choice(entries)
    field, (begin, end) = rng.choice(list(STATEMENT_FIELDS.items()))
    kind, payload = file.entries[i]
    value = int.from_bytes(payload[begin:end], "big")
    value = (value ^ 1 << rng.randrange(8) if field == "flags" else value + rng.choice([-1, 1])) % 256**(end - begin)
    payload = payload[:begin] + value.to_bytes(end - begin, "big") + payload[end:]
    file.entries[i] = kind, payload
    cut = rng.random() < 0.5
    if cut:
        del file.entries[i + 1:], paper.journal[paper.journal.index(file) + 1:]
    return f"statement {entries.index((file, i))}: {field} = {value}" + ", nothing after it" * cut


def mix_receipts(rng, paper, _other):
    """A receipt with the audit part of another, with the quote of another, or of another kind."""
    receipts = [(file, i) for file, i in paper.entries() if file.entries[i][0] == 4]
    split = []
    for file, i in receipts:
        payload = file.entries[i][1]
        audit_end = 44
        if payload[11] & 1:
            audit_end = 86 + struct.unpack(">H", payload[84:86])[0] + 64
        split.append([payload[:44], payload[44:audit_end], payload[audit_end:]])
    n, m = rng.randrange(len(split)), rng.randrange(len(split))
    how = rng.choice(["audit", "quote", "no quote, a read-back", "digest", "full", "both parts"])
    head, audit, quote = split[n]
    if how == "audit":
        audit = split[m][1]
    elif how == "quote":
        quote = split[m][2]
    elif how == "digest":
        head = head[:12] + split[m][0][12:]
    elif how == "both parts":
        audit, quote = split[m][1:]
    kind = 2 if how.startswith("no") else 1 if how == "full" else head[10]
    quote = b"" if how.startswith("no") else quote
    head = head[:10] + bytes([kind, bool(audit) + 2 * bool(quote)]) + head[12:]
    file, i = receipts[n]
    file.entries[i] = 4, head + audit + quote
    return f"receipt {n}: {how}" + f" of {m}" * (how in ("audit", "quote", "digest", "both parts"))


def bend_signed(rng, paper, _other):
    """A bit of a receipt that no later statement names: a quote anchor's, or the newest one's."""
    receipts = [(file, i) for file, i in paper.entries() if file.entries[i][0] == 4]
    loose = [n for n, (file, i) in enumerate(receipts) if file.entries[i][1][10] == 3 or n + 1 == len(receipts)]
    n = rng.choice(loose)
    file, i = receipts[n]
    payload = bytearray(file.entries[i][1])
    bit = rng.randrange(8 * 44, 8 * len(payload))
    payload[bit // 8] ^= 1 << bit % 8
    file.entries[i] = 4, bytes(payload)
    return f"receipt {n}: bit {bit}"


def delete_anchor(rng, paper, _other):
    name, file, i = some_entry(rng, paper, (3,))
    del file.entries[i:i + 2]
    return f"{name} and its receipt deleted"


def cut_anchors(rng, paper, _other):
    """Trailing anchors cut: an honest older journal beside all records."""
    intents = [(file, i) for file, i in paper.entries() if file.entries[i][0] == 3]
    n = rng.randrange(len(intents))
    file, i = intents[n]
    del file.entries[i:], paper.journal[paper.journal.index(file) + 1:]
    return f"anchors from {n} on cut"


def cut_log(rng, paper, other):
    """Trailing anchors cut, and records too."""
    said = cut_anchors(rng, paper, other)
    sizes = [struct.unpack(">Q", file.entries[i][1][72:80])[0] for file, i in paper.entries()
             if file.entries[i][0] == 3]
    keep = max(sizes, default=0) + rng.choice([0, 0, 1, -1])
    for segment in paper.segments:
        for group in segment.groups:
            kept = group.records[:max(0, keep)]
            keep -= len(kept)
            if len(kept) < len(group.records):
                group.records, group.root = kept, None
        segment.groups = [group for group in segment.groups if group.records]
    return f"{said}, {len(paper.records())} records left"


def split_journal(rng, paper, _other):
    name, file, i = some_entry(rng, paper)
    paper.journal.insert(paper.journal.index(file) + 1, type(file)(rng.randbytes(8), file.entries[i:]))
    file.entries = file.entries[:i]
    return f"{name} begins a journal file"


def bend_journal(rng, paper, _other):
    i = rng.randrange(len(paper.journal))
    field, value = rng.choice([("version", 2), ("zero", 1), ("number", 3), ("first", 1), ("log_id", bytes(32)),
                               ("before", b"\1" * 32), ("marker", bytes(8))])
    paper.journal[i].bent[field] = value
    return f"journal file {i}: {field} = {value}"


def nothing(_rng, _paper, _other):
    return "as it is"


PAPER = [delete_record, duplicate_record, swap_records, foreign_record, bend_leaf, bend_leaf, bend_content, bend_content,
         delete_group, duplicate_group, swap_groups, merge_groups, split_group, bend_group, bend_group, bend_root,
         more_blocks, bend_segment, cut_segment_in_two, empty_segment, swap_segments, append_tail, append_tail,
         append_tail, delete_entry, duplicate_entry, swap_entries, foreign_entry, cut_entries, cut_entries, insert_entry,
         insert_entry, void_intent, bend_payload, bend_payload, bend_statement, bend_statement, mix_receipts,
         mix_receipts, bend_signed, bend_signed, bend_signed, delete_anchor, cut_anchors, cut_log, split_journal, bend_journal, nothing]


def bend(rng, paper, other):
    """One of them; an earlier bend may have left nothing that it could be done to."""
    chosen = rng.choice(PAPER)
    try:
        return chosen(rng, paper, other)
    except (IndexError, ValueError, struct.error):
        return f"{chosen.__name__}: not possible any more"
