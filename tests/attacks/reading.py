"""What a forger's hands read a store with: the second verifier's view of its files, and a tree to hash leaves into."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "second_verifier"))
from second_verifier import H, Journal, LEAF_BYTES, NO_SOURCE, Segments, append, u64  # noqa: E402, F401
