"""Goal: man pages, completions and the default configuration say what the programs do.

Method: the built documents against --help, the exit codes against the READMEs, each page through the formatters that
complain, each completion in its shell."""
import pathlib
import re
import sys
import tempfile
import unittest

import unit_file

ROOT = unit_file.PACKAGE.parents[1]
sys.path[:0] = [str(unit_file.PACKAGE), str(ROOT / "tests" / "e2e")]
import help  # noqa: E402
from packages import BUILD  # noqa: E402
from stele_host import BIN, OK, run  # noqa: E402

MADE = BUILD / "package"
PAGES = {"steled.8": "steled", "steled.toml.5": "steled", "stele.1": "stele", "stele-verify.1": "stele-verify"}
REMEDY = "; write it into tools/package/man/{}.in, or build stele_documents again"


def plain(page):
    """The page as it is read, line ends and breaks within words undone."""
    text = run("groff", "-K", "utf8", "-man", "-Tutf8", "-P-cbou", "-rLL=300n", MADE / "man" / page).stdout.decode()
    return text.replace("\u2010", "-").replace("\u2212", "-")


class ManPages(unittest.TestCase):
    def test_they_format_without_a_warning(self):
        for page in PAGES:
            with self.subTest(page=page):
                for command in ("mandoc -Tlint -Wwarning".split(), "groff -K utf8 -ww -man -Tutf8 -z".split()):
                    done = run(*command, MADE / "man" / page)
                    self.assertEqual((done.returncode, done.stdout + done.stderr), (OK, b""))

    def test_every_command_and_option_is_described(self):
        for page in ("steled.8", "stele.1", "stele-verify.1"):
            text = plain(page)
            for command in help.read(BIN / PAGES[page]).all():
                words = " ".join([PAGES[page], *command.path])
                self.assertIn(words, text, f"{page} lacks the command {words}" + REMEDY.format(page))
                for name in (name for option in command.options for name in option.names):
                    self.assertIn(name, text, f"{page} lacks {words} {name}" + REMEDY.format(page))

    def test_every_key_is_described(self):
        text = plain("steled.toml.5")
        for key in help.keys(BIN / "steled"):
            for what in (key.name, key.default):
                self.assertIn(what, text, f"steled.toml.5 lacks {key.name}" + REMEDY.format("steled.toml.5"))

    def test_every_exit_code_is_described(self):
        codes = {"steled.8": self.table("daemon/README.md", "## Exit codes and signals"),
                 "stele.1": self.table("tools/README.md", "### Exit codes"),
                 "stele-verify.1": set(re.findall(r"\b(\d+) [a-z]", self.footer("stele-verify")))}
        for page, listed in codes.items():
            self.assertGreater(len(listed), 5)
            status = plain(page).partition("EXIT STATUS")[2]
            for code in listed:
                told = f"{page} lacks code {code}" + REMEDY.format(page)
                self.assertRegex(status, rf"(?m)^ +{code}\b|^ +1, {code}\b", told)

    def table(self, readme, heading):
        text = (ROOT / readme).read_text().partition(heading)[2].partition("\n#")[0]
        return {code for cell in re.findall(r"(?m)^\| ([\d, ]+) \|", text) for code in re.findall(r"\d+", cell)}

    def footer(self, program):
        return help.read(BIN / program).footer


class DefaultConfiguration(unittest.TestCase):
    def values(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "steled.toml")
            path.write_text(text)
            done = run(BIN / "steled", "--config", path, "--check-config")
        self.assertEqual(done.returncode, OK, done.stderr)
        return done.stdout

    def test_as_shipped_it_holds_the_defaults(self):
        self.assertEqual(self.values((MADE / "steled.toml").read_text()), self.values(""))

    def test_every_key_stands_in_it_with_its_default(self):
        text = (MADE / "steled.toml").read_text()
        opened = re.sub(r"(?m)^#(?=[\w-]+ = \S)", "", text)
        self.assertNotEqual(opened, text)
        self.assertEqual(self.values(opened), self.values(""))
        found, table = set(), ""
        for line in text.splitlines():
            table = line[1:-1] + "." if re.match(r"\[[\w.-]+\]$", line) else table
            found |= {table + name for name in re.findall(r"^#([\w-]+) =", line)}
        self.assertEqual(found, {key.name for key in help.keys(BIN / "steled")})


def commands_of(line, offered):
    """Bash and zsh offer options too where nothing was begun."""
    return {word for word in offered if not (line.endswith(" ") and word.startswith("-"))}


class Completions(unittest.TestCase):
    CASES = {
        "stele pro": {"provision", "prove"}, "stele era ": {"begin", "request", "sign", "key", "finish"},
        "stele provision --mode ": {"a", "b"}, "stele query -o ": {"text", "json", "jsonl"},
        "stele tpm self": {"selftest"}, "stele era begin --aband": {"--abandon"}, "stele --config x sta": {"status"},
        "stele-verify --req": {"--require"}, "steled --check": {"--check-config"},
        "steled --set on.tpm_f": {"on.tpm_failure="},
    }

    def bash(self, line):
        words = line.split(" ")
        script = f"""source {MADE}/completion/bash/{words[0]}
            COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}
            $(complete -p {words[0]} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
            printf '%s\\n' "${{COMPREPLY[@]}}" """
        return run("bash", "-u", "-c", script)

    def fish(self, line):
        return run("fish", "--no-config", "-c", f"source {MADE}/completion/fish/{line.split()[0]}.fish; "
                   f"complete -C {line!r} | string replace -r '\\t.*' ''")

    def test_in_bash(self):
        for line, offered in self.CASES.items():
            with self.subTest(line=line):
                done = self.bash(line)
                self.assertEqual(done.stderr, b"")
                self.assertEqual(commands_of(line, done.stdout.decode().split()), offered)

    def test_in_bash_a_file_is_left_to_bash(self):
        self.assertEqual(self.bash("stele-verify --trust ").stdout.strip(), b"")
        done = run("bash", "-c", f"source {MADE}/completion/bash/stele-verify; complete -p stele-verify")
        self.assertIn(b"-o default", done.stdout)

    def test_in_fish(self):
        for line, offered in self.CASES.items():
            with self.subTest(line=line):
                done = self.fish(line)
                self.assertEqual((done.returncode, done.stderr), (OK, b""))
                self.assertEqual(set(done.stdout.decode().split()), offered)

    def test_in_zsh(self):
        """The function runs with zsh's own two helpers replaced by ones that say what they are given."""
        for line, offered in self.CASES.items():
            with self.subTest(line=line):
                words = line.split(" ")
                script = ("compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -l -- $@ }; _files() { }\n"
                          f"words=({' '.join(map(repr, words))}); CURRENT={len(words)}; PREFIX={words[-1]!r}\n"
                          f"complete_it() {{ source {MADE}/completion/zsh/_{words[0]} }}; complete_it")
                done = run("zsh", "-f", "-c", script)
                self.assertEqual((done.returncode, done.stderr), (OK, b""))
                found = {word for word in done.stdout.decode().split() if word.startswith(words[-1])}
                self.assertEqual(commands_of(line, found), offered)

    def test_every_word_of_the_help_is_offered_by_every_shell(self):
        for program in ("steled", "stele", "stele-verify"):
            texts = [(MADE / "completion" / name).read_text() for name in
                     (f"bash/{program}", f"zsh/_{program}", f"fish/{program}.fish")]
            for command in help.read(BIN / program).all():
                names = [name for option in command.options for name in option.names] + list(command.path)
                for name in names:
                    for text in texts:
                        bare = re.escape(name.lstrip("-"))
                        self.assertRegex(text, rf"(?<![\w-]){re.escape(name)}(?![\w-])|-[ls] {bare}\b")


if __name__ == "__main__":
    unittest.main(verbosity=2)
