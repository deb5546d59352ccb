#!/usr/bin/env python3
"""Writes man pages, completions and the default configuration from man/*.in and what the programs say under --help.

  documents.py BIN OUT VERSION     BIN: the folder of steled, stele and stele-verify

What a program can tell is written nowhere else, so that neither can fall behind the other: @COMMANDS@, @OPTIONS@ and
@KEYS@ in a page's source stand for it. Exit code 0: all was written.
"""
import gzip
import pathlib
import re
import sys
import textwrap

import completion
import help

HERE = pathlib.Path(__file__).parent
PROGRAMS = ("steled", "stele", "stele-verify")


def roff(text):
    """Text as roff takes it literally."""
    for letter, escape in (("\\", "\\e"), ("-", "\\-"), ("^", "\\(ha"), ("~", "\\(ti"), ("`", "\\(ga")):
        text = text.replace(letter, escape)
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def capitals(text):
    """The help's sentences after the first begin small."""
    return re.sub(r"(?<=\. )[a-z]", lambda letter: letter.group().upper(), text)


def sentence(text):
    text = text[:1].upper() + text[1:]
    return roff(text if text.endswith(".") else text + ".")


def option_entry(each):
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in each.names)
    value = re.sub(r" (Needs|Excludes): .*", "", each.value)
    value = re.sub(r"^(TEXT|UINT|INT|FORMAT):(?=\{)", "", value)
    value, _, default = value.partition("=")
    taken = f" \\fI{roff(value)}\\fR" if value else ""
    extra = f" Default: {roff(default)}." if default else ""
    return f".TP\n{names}{taken}\n{sentence(each.text)}{extra}\n"


def options(root):
    return "".join(option_entry(each) for each in root.positionals + root.options)


def commands(root, program):
    text = ""
    for command in root.all():
        if not command.path:
            continue
        words = " ".join(command.path)
        positionals = "".join(f" \\fI{each.names[0]}\\fR" for each in command.positionals)
        text += f".SS {roff(program)} {roff(words)}\n.nh\n{sentence(command.text)}\n"
        text += f".PP\n\\fB{program} {roff(words)}\\fR [\\fIoption\\fR...]{positionals}\n" if command.runs else ""
        text += "".join(option_entry(o) for o in command.positionals + command.options if "--help" not in o.names)
    return text


def key_entries(keys):
    return "".join(f".TP\n\\fB{roff(key.name)}\\fR\n{roff(key.unit)}; default {roff(key.default)}.\n"
                   f"Takes {roff(capitals(key.text))}\n" for key in keys)


def page(source, version, roots, keys):
    program = source.name.split(".")[0]
    text = source.read_text(encoding="utf-8").replace("@VERSION@", version)
    if program in roots:
        text = text.replace("@OPTIONS@\n", options(roots[program]))
        text = text.replace("@COMMANDS@\n", commands(roots[program], program))
    return text.replace("@KEYS@\n", key_entries(keys))


INTRODUCTION = """\
# Stele's configuration: every key with its default, each commented out. Described in steled.toml(5).
#
# Files in conf.d/*.toml beside this one are read after it, in the order of their names.
# `steled --check-config` prints the values that hold; the daemon reads them at its start only.
"""


def default_configuration(keys):
    """Keys without a table first, as TOML wants it; then each table, once, with its keys."""
    text, table = INTRODUCTION, ""
    tables = ["", *(key.name.rpartition(".")[0] for key in keys)]
    for key in sorted(keys, key=lambda each: tables.index(each.name.rpartition(".")[0])):
        names, _, name = key.name.rpartition(".")
        if names != table:
            text += f"\n[{names}]\n"
            table = names
        fixed = re.match(r"""['"\[]|\d|true|false""", key.default)
        value = f" {key.default}" if fixed else f"    (not given: {key.default})"
        comment = textwrap.wrap(f"{key.unit}: {capitals(key.text)}", 108, break_on_hyphens=False)
        text += "\n" + "".join(f"# {line}\n" for line in comment) + f"#{name} ={value}\n"
    return text


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_completions(out, program, root, keys):
    write(out / "completion" / "bash" / program, completion.bash(program, root, keys))
    write(out / "completion" / "zsh" / f"_{program}", completion.zsh(program, root, keys))
    write(out / "completion" / "fish" / f"{program}.fish", completion.fish(program, root, keys))


def compress(source, target):
    """As policy wants it: no name and no time within, the same bytes from the same text."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(source, compresslevel=9, mtime=0))


def main(binaries, out, version):
    binaries, out = pathlib.Path(binaries), pathlib.Path(out)
    keys = help.keys(binaries / "steled")
    roots = {program: help.read(binaries / program) for program in PROGRAMS}
    for program, root in roots.items():
        write_completions(out, program, root, keys if program == "steled" else ())
    for source in sorted((HERE / "man").glob("*.in")):
        name = source.name[:-len(".in")]
        write(out / "man" / name, page(source, version, roots, keys))
        compress((out / "man" / name).read_bytes(), out / "man" / f"{name}.gz")
    write(out / "steled.toml", default_configuration(keys))
    changelog = (HERE / "debian" / "changelog").read_bytes()
    if not changelog.startswith(f"stele ({version}-".encode()):
        raise SystemExit(f"debian/changelog does not begin with version {version}: add what is new in it")
    compress(changelog, out / "changelog.Debian.gz")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
