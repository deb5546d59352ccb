"""Ways to bend the journal of a store on paper: entries, statements, receipts, whole anchors."""
import struct

from second_verifier import H


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


JOURNAL = [delete_entry, duplicate_entry, swap_entries, foreign_entry, cut_entries, cut_entries, insert_entry,
           insert_entry, void_intent, bend_payload, bend_payload, bend_statement, bend_statement, mix_receipts,
           mix_receipts, bend_signed, bend_signed, bend_signed, delete_anchor, cut_anchors, cut_log, split_journal,
           bend_journal]
