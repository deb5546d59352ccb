"""Bends that one rule alone can see: every hash is right, and so is every signature but one that was bent itself.

Each of TAMPERED must be called tampering; each of HARMLESS changes nothing that a verdict is about.
"""
import struct

from paper import Group, JournalFile, Record
from second_verifier import NO_SOURCE, ZERO

REMARK, OPAQUE, MIB = 6, 7, 2**20
AUDIT, QUOTE = slice(84, 286), slice(-499, -288)  # the signed parts of a full receipt
CLOCK, FIRMWARE, R, S = 78, 102, -33, -1  # bytes of a signed part that only its signature binds, and that signature's


def remark(code=3, text=b"a word", length=None):
    return REMARK, struct.pack(">BqQH", code, 7, 1, len(text) if length is None else length) + text


def appended(*entries):
    def bend(paper):
        paper.journal[-1].entries += entries
    return bend


def receipt_changed(at):
    """One bit of the newest full receipt; what follows it, and would name it, is cut off: an older journal."""
    def bend(paper):
        file, i = [(file, i) for file, i in paper.entries()
                   if file.entries[i][0] == 4 and file.entries[i][1][10:12] == b"\1\3"][-1]
        del file.entries[i + 1:], paper.journal[paper.journal.index(file) + 1:]
        payload = bytearray(file.entries[i][1])
        payload[at] ^= 1
        file.entries[i] = 4, bytes(payload)
    return bend


def signed(part, at):
    return receipt_changed(range(785)[part][at])


def tail(content=(ZERO, b"", b"one"), kind=0, source=NO_SOURCE, times=1, **group):
    """Two groups behind the last anchor: the first as told, and one that is whole, so that the first is no torn end."""
    def bend(paper):
        records = [Record(1, kind, 1, source, ZERO, content), Record(1, 0, 1, NO_SOURCE, ZERO, (ZERO, b"", b""))]
        for record in records:
            record.commit()
        first = [records[0]] * times
        paper.segments[-1].groups += [Group(first, **group), Group([records[1]])]
    return bend


def file_of_another_log(paper):
    paper.journal.append(JournalFile(b"another.", [remark()], {"log_id": bytes(32)}))


def another_genesis(paper):
    """And nothing else, which could contradict it."""
    genesis = bytearray(paper.journal[0].entries[0][1])
    genesis[16] ^= 1  # salt
    del paper.journal[1:], paper.segments[1:]
    paper.journal[0].entries, paper.segments[0].groups = [(1, bytes(genesis))], []


def first_record(field, value):
    """In a log of no anchors."""
    def bend(paper):
        del paper.journal[1:], paper.journal[0].entries[1:]
        setattr(paper.records()[0], field, value)
        paper.commit()
        paper.state_roots()
    return bend


def newest(files, room):
    return max(path for path in files if path.startswith(room))


def link(room):
    def bend(files):
        files[newest(files, room)] = ("link", files[newest(files, room)])
    return bend


def stump(room, begin):
    """A file more, that ends within its magic or version."""
    def bend(files):
        files[f"{room}/{int(newest(files, room)[-16:], 16) + 1:016x}"] = begin
    return bend


TAMPERED = {
    **{f"{name} of a receipt's {part}": signed(where, at) for part, where in (("audit", AUDIT), ("quote", QUOTE))
       for name, at in (("the clock", CLOCK), ("the firmware", FIRMWARE), ("r", R), ("s", S))},
    "C that a receipt shows": receipt_changed(51),
    "E that a receipt shows": receipt_changed(83),
    "a remark of code 0": appended(remark(0)),
    "a remark of code 6": appended(remark(6)),
    "a remark in no UTF-8": appended(remark(text=b"\xff")),
    "a remark with a surrogate": appended(remark(text=b"\xed\xa0\x80")),
    "a remark of 1025 bytes": appended(remark(text=b"x" * 1025)),
    "a remark of another length": appended(remark(length=3)),
    "an entry of more than 1 MiB": appended((OPAQUE, bytes(MIB + 1)), remark()),
    "a journal file of another log": file_of_another_log,
    "another genesis": another_genesis,
    "TLVs that descend": tail((ZERO, b"\0\2\0\0\0\0\0\1\0\0\0\0", b"")),
    "a TLV twice": tail((ZERO, b"\0\1\0\0\0\0\0\1\0\0\0\0", b"")),
    "a TLV that ends too late": tail((ZERO, b"\0\1\0\0\0\1", b"")),
    "a gap of 01": tail((ZERO, b"", b'{"lost":01,"reason":"x"}'), kind=4),
    "a gap of 2^64": tail((ZERO, b"", b'{"lost":18446744073709551616,"reason":"x"}'), kind=4),
    "a gap that ends before it begins": tail((ZERO, b"", b'{"lost":1,"reason":"x","since_ns":2,"until_ns":1}'), kind=4),
    "a gap until 2^63": tail((ZERO, b"", b'{"lost":1,"reason":"x","since_ns":2,"until_ns":%d}' % 2**63), kind=4),
    "a gap with half a span": tail((ZERO, b"", b'{"lost":1,"reason":"x","since_ns":2}'), kind=4),
    "a source that is none": tail(source=0),
    "content of one record of two": tail(times=2, block_sizes=[1]),
    "a group of no records": tail(times=0, block_sizes=[]),
    "a block of no records": tail(block_sizes=[1, 0]),
    "a block more than counted": tail(block_sizes=[1, 0], bent={"blocks": 1}),
    "a first record of another kind": first_record("kind", 0),
    "a first record of another content": first_record("content", (ZERO, b"", b"STELEGEN")),
    "another root stated": tail(root=bytes(32)),
}
TAMPERED_FILES = {
    "a link to the newest segment": link("segments"),
    "a link to the newest journal file": link("journal"),
    "9 bytes of a segment": stump("segments", b"STELESEG\0"),
    "9 bytes of a journal file": stump("journal", b"STELEJNL\0"),
}
HARMLESS = {
    "a remark of 1024 bytes": appended(remark(text=b"x" * 1024)),
    "an opaque entry of 1 MiB": appended((OPAQUE, bytes(MIB)), remark()),
    "TLVs that nobody knows": tail((ZERO, b"\0\1\0\0\0\0\xff\xf0\0\0\0\0", b"")),
    "a gap": tail((ZERO, b"", b'{"lost":18446744073709551615,"reason":"x"}'), kind=4),
    "a gap with its span": tail((ZERO, b"", b'{"lost":0,"reason":"x","since_ns":2,"until_ns":2}'), kind=4),
    "content in two blocks": tail(times=2, block_sizes=[1, 1]),
}


def longer_bundle(log):
    log.bundle()
    log.entries[-1] = 2, log.entries[-1][1] + b"\0"


def statement_of_a_past_run(log):
    """The receipt before was read back in a later run, and no bundle says so."""
    log.intent()
    log.advance(3)
    log.tpm.restart += 1
    log.close(2)
    log.intent()


SIGNED = {"a bundle with a byte more": longer_bundle, "a statement of a past run": statement_of_a_past_run}


def trust_with(key):
    """Another value for what a trust file pins, one bit away."""
    def bend(text):
        line = next(line for line in text.split("\n") if line.startswith(key + " "))
        return text.replace(line, line[:-1] + ("1" if line[-1] != "1" else "0"))
    return bend


TRUST = {f"a trust file of another {key}": trust_with(key)
         for key in ("log_id", "first_extend", "first_counter", "counter_name", "extend_name", "ak", "pcr")}
