"""Bends a good store on paper in a way drawn from a seeded generator, and makes its hashes anew.

What is done need not be an attack: the two verifiers only have to agree.
"""
import struct

from journal_bends import JOURNAL
from record_bends import GROUPS, RECORDS

MENDS = ("checksums", "stated roots", "commitments", "chain")  # each with those before it


def mend(paper, level):
    if level >= 1:
        paper.state_roots()
    if level >= 2:
        paper.commit()
    if level >= 3:
        paper.chain()


def nothing(_rng, _paper, _other):
    return "as it is"


def bend(rng, paper, other):
    """Says what it did; an earlier bend may have left nothing that it could be done to."""
    chosen = rng.choice([*RECORDS, *GROUPS, *JOURNAL, nothing])
    try:
        return chosen(rng, paper, other)
    except (IndexError, ValueError, struct.error):
        return f"{chosen.__name__}: not possible any more"
