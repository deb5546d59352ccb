"""Goal: what steled reached beside its peers is said as the design states it, and nothing is said to be reached that was not
measured. Method: figures of no run: each mark at its bound, just beyond and just short of it, and with a side missing."""
import contextlib
import io
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import beside_peers as bench  # noqa: E402
from beside_peers import MARKS, Figure, judge, medians  # noqa: E402

# As the design states them: the ours that runs, what it is, beside whom, what must hold.
TARGETS = {
    (bench.WITHOUT, "ingest", bench.FULL): ("at least", 0.70),
    (bench.WITHOUT, "ingest", bench.JOURNALD): ("at least", 20),
    (bench.WITHOUT, "ingest", bench.RSYSLOG): ("at least", 1.5),
    (bench.WITH, "ingest", bench.WITHOUT): ("at least", 0.80),
    (bench.TCP, "ingest", bench.WITH): ("at least", 0.50),
    (bench.WITH, "verify", bench.VERIFY): ("at least", 0.75),
    (bench.WITH, "verify", bench.DGST): ("at least", 0.80),
    (bench.WITH, "verify", bench.JOURNALD): ("at least", 100),
    (bench.FED, "cpu_per_M", bench.JOURNALD): ("at most", 0.10),
    (bench.FED, "bytes_per_ev", bench.FED): ("at most", 130),
    (bench.WITH, "proof_bytes", None): ("at most", 2048),
    (bench.ANY, "peak_mib", None): ("at most", 256),
}


def figures_with(mark, figure):
    """Figures of which this mark's is just this one."""
    if not mark.beside:
        return {mark.ours: figure}
    beside = 256.0
    return {mark.beside: beside, mark.ours: beside + figure if mark.how == "difference" else beside * figure}


class Marks(unittest.TestCase):
    def test_they_are_the_designs(self):
        stated = {(mark.ours.of, mark.ours.what, mark.beside and mark.beside.of): (mark.bound, mark.value) for mark in MARKS}
        self.assertEqual(stated, TARGETS)
        self.assertEqual(len(MARKS), len(TARGETS))
        for mark in MARKS:
            same = mark.beside is None or mark.beside.what == mark.ours.what
            self.assertTrue(same or mark.beside == Figure(bench.FED, "payload_per_ev"), mark)
            self.assertEqual(mark.how, "ratio" if same else "difference", mark)

    def test_each_is_reached_at_its_bound_and_missed_just_short_of_it(self):
        for mark in MARKS:
            better = 1e-9 * mark.value * (1 if mark.bound == "at least" else -1)
            with self.subTest(mark.aim):
                self.assertEqual(judge(mark, figures_with(mark, mark.value))[0], "reached")
                self.assertEqual(judge(mark, figures_with(mark, mark.value + better))[0], "reached")
                self.assertEqual(judge(mark, figures_with(mark, mark.value - better))[0], "MISSED")

    def test_what_was_not_measured_is_not_run(self):
        for mark in MARKS:
            good = figures_with(mark, mark.value)
            for figure in good:
                with self.subTest(mark.aim, missing=figure):
                    self.assertEqual(judge(mark, {k: v for k, v in good.items() if k != figure}), ("not run", None))

    def test_runs_that_failed_do_not_count_and_of_memory_the_most_does(self):
        run = {"peer": "a", "verify": None, "rc": 0}
        lines = [json.dumps({**run, "ingest": value, "rc": code}) for value, code in ((5, 0), (1, 0), (3, None), (900, 1))]
        found = medians(lines, {Figure("b", "peak_mib"): [100, 300, 200], Figure("b", "proof_bytes"): [1, 2, 9]})
        self.assertEqual(found, {Figure("a", "ingest"): 3, Figure("b", "peak_mib"): 300, Figure("b", "proof_bytes"): 2})

    def test_every_mark_has_its_line(self):
        figures = {}
        for mark in MARKS[1:]:
            figures |= {k: v for k, v in figures_with(mark, mark.value).items() if k not in figures}
        figures.pop(MARKS[0].beside, None)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            bench.tell(figures)
        said = out.getvalue()
        for mark in MARKS:
            line, = [line for line in said.splitlines() if line.endswith("  " + mark.aim)]
            outcome = judge(mark, figures)[0]
            self.assertTrue(line.startswith(f"  {outcome} "), line)
            self.assertIn(f"({mark.bound} {mark.value:g})", line)
        self.assertIn(f"  not run           (at least 0.7)  {MARKS[0].aim}\n", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
