"""Goal: the quickstart shows what it promises and leaves nothing behind, also when it is stopped half-way.
Method: it runs on the binaries of this build, in a temporary folder that must be empty afterwards; no
process may be left whose command line names that folder."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from stele_host import BIN, PATIENCE

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "quickstart"


def processes_naming(folder):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue  # it has ended
    return found


class Quickstart(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stele-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self):
        return subprocess.Popen([SCRIPT, "--bin", BIN], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, env={**os.environ, "TMPDIR": str(self.folder)})

    def assert_no_residue(self):
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(processes_naming(self.folder), [])

    def test_it_verifies_and_catches_both_attacks(self):
        process = self.start()
        text, _ = process.communicate(timeout=5 * PATIENCE)
        self.assertEqual(process.returncode, 0, text)
        for words in ("verified, and fresh", "tampered: the report names record", "the daemon refuses to anchor",
                      "no live answer"):
            self.assertIn(words, text)
        self.assert_no_residue()

    def test_stopped_half_way_it_cleans_up(self):
        process = self.start()
        for line in process.stdout:
            if "Seal the logs" in line:
                break
        process.send_signal(signal.SIGTERM)
        text = process.stdout.read()
        self.assertEqual(process.wait(PATIENCE), 143, text)
        process.stdout.close()
        self.assert_no_residue()

    def test_a_folder_without_programs_is_named(self):
        done = subprocess.run([SCRIPT, "--bin", "nothing/here"], capture_output=True, text=True, cwd=self.folder,
                              env={**os.environ, "TMPDIR": str(self.folder)}, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (66, ""))
        self.assertIn(f"no stele to run in {self.folder.resolve()}/nothing/here", done.stderr)
        self.assert_no_residue()


if __name__ == "__main__":
    unittest.main(verbosity=2)
