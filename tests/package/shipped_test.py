"""Goal: what is shipped is what it says: hardened, depending on what it needs and no more, without a word of lintian's;
the verifier free of anything that speaks to a TPM. Method: the packages of this build, unpacked and read. Family 88.
STELE_PACKAGES names a folder of finished packages, for which the release's compiler flags are looked for too."""
import json
import os
import re
import sys
import tempfile
import unittest

import unit_file

sys.path[:0] = [str(unit_file.PACKAGE), str(unit_file.PACKAGE.parents[1] / "tests" / "e2e")]
import hardening  # noqa: E402
import packages  # noqa: E402
from stele_host import OK, run  # noqa: E402

PROGRAMS = {"steled": "usr/sbin/steled", "stele-tools": "usr/bin/stele", "stele-verify": "usr/bin/stele-verify"}
FINISHED = "STELE_PACKAGES" in os.environ
NOT_THE_VERIFIERS = r"tss2|tpm|sqlite|systemd|boost|swtpm|curl"


class Shipped(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="stele-shipped-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.made = packages.make(cls.folder.name)
        cls.trees = {name: packages.contents(path, f"{cls.folder.name}/{name}") for name, path in cls.made.items()}

    def program(self, name):
        return self.trees[name] / PROGRAMS[name]

    def test_lintian_has_nothing_to_say(self):
        done = run("lintian", "--allow-root", "--fail-on", "error,warning", *self.made.values())
        self.assertEqual((done.returncode, done.stdout.decode()), (OK, ""), done.stderr)

    def test_lintian_would_say_something(self):
        older = packages.predecessor(self.made["stele-verify"], self.folder.name)
        self.assertNotEqual(run("lintian", "--allow-root", "--fail-on", "error,warning", older).returncode, OK)

    def test_every_program_is_hardened(self):
        for name in PROGRAMS:
            with self.subTest(program=name):
                self.assertEqual(hardening.lacks(self.program(name), release=FINISHED), [])
        print(f"family 88: injected {len(PROGRAMS)}, lost 0, false alarms 0, missed 0 "
              "(programs: position-independent, RELRO, bound at the start, no stack that runs code, "
              "no segment to write and run)")

    def test_a_program_that_is_not_hardened_is_seen(self):
        source = f"{self.folder.name}/soft.c"
        with open(source, "w") as file:
            file.write("int main(void) { return 0; }\n")
        soft = f"{self.folder.name}/soft"
        made = run("gcc", "-no-pie", "-Wl,-z,lazy,-z,norelro,-z,execstack", "-o", soft, source)
        self.assertEqual(made.returncode, OK, made.stderr)
        self.assertEqual(len(hardening.lacks(soft, release=True)), 6)

    def test_the_release_asks_the_compiler_for_its_guards(self):
        presets = json.loads((unit_file.PACKAGE.parents[1] / "CMakePresets.json").read_text())["configurePresets"]
        preset, = (each["cacheVariables"] for each in presets if each["name"] == "package")
        for flag in ("-D_FORTIFY_SOURCE=3", "-fstack-protector-strong", "-fstack-clash-protection", "-fcf-protection"):
            self.assertIn(flag, preset["CMAKE_CXX_FLAGS_RELEASE"].split())
        self.assertNotIn("STELE_FAILPOINTS", preset)

    def test_a_build_with_failpoints_is_older_than_any_release(self):
        for path in self.made.values():
            version = packages.field(path, "Version")
            if not FINISHED:
                self.assertRegex(version, r"~failpoints$")
            self.assertEqual(run("dpkg", "--compare-versions", version, "le", "0.1.0-1").returncode, OK)

    def test_the_verifier_depends_on_nothing_that_speaks_to_a_tpm(self):
        depends = packages.field(self.made["stele-verify"], "Depends")
        self.assertRegex(depends, r"libssl3")
        self.assertNotRegex(depends, NOT_THE_VERIFIERS)
        linked = run("ldd", self.program("stele-verify")).stdout.decode()
        self.assertRegex(linked, r"libcrypto")
        self.assertNotRegex(linked, NOT_THE_VERIFIERS)
        for other in ("steled", "stele-tools"):
            self.assertRegex(packages.field(self.made[other], "Depends"), r"libtss2-tctildr0")

    def test_every_package_has_its_papers(self):
        for name, tree in self.trees.items():
            with self.subTest(package=name):
                for paper in ("copyright", "changelog.Debian.gz"):
                    self.assertTrue((tree / "usr/share/doc" / name / paper).is_file())
                program = PROGRAMS[name].rpartition("/")[2]
                for place in (f"bash-completion/completions/{program}", f"zsh/vendor-completions/_{program}",
                              f"fish/vendor_completions.d/{program}.fish"):
                    self.assertTrue((tree / "usr/share" / place).is_file(), place)
                self.assertTrue(list((tree / "usr/share/man").glob(f"man*/{program}.*.gz")))
        self.assertTrue(re.search(r"(?m)^/etc/stele/steled.toml$", run(
            "dpkg-deb", "-I", self.made["steled"], "conffiles").stdout.decode()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
