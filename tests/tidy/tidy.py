#!/usr/bin/env python3
"""The house rules, checked over the tree: layering by includes, sizes, headers, words, READMEs.

Usage: tidy.py ROOT. Prints one line a breach, `file:line: what`, and ends with 1 if there is any.
On Debian all headers lie in one folder, so link lines alone do not stop a stray include: this does.
"""
import ast
import pathlib
import re
import sys

ROOMS = ["attest", "storage", "tpm", "daemon", "tools", "tests"]
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", *ROOMS}

STD = re.compile(r"[a-z_]+$")  # <vector>; C headers with .h are POSIX here
# What the pure room may not include of the standard library: time, threads, files, chance, streams.
IMPURE = {"thread", "mutex", "shared_mutex", "condition_variable", "future", "atomic", "chrono", "fstream",
          "filesystem", "iostream", "random", "semaphore", "latch", "barrier", "stop_token", "ctime", "csignal"}
# Tests that TSan is spared (label single_thread), and the headers that would make that wrong.
SINGLE_THREAD = re.compile(r"tests/(attest/(?!hash_test)|fuzz/|daemon/read_out/|simulation/)")
OTHERS = {"thread", "future", "pthread.h"}
# Outside libraries by the beginning of their include.
LIBRARIES = {
    "openssl": r"openssl/", "tss2": r"tss2/", "sqlite": r"sqlite3\.h", "asio": r"boost/(asio|beast)",
    "json": r"boost/json", "cli": r"CLI/", "toml": r"toml\+\+/", "systemd": r"systemd/",
    "simdjson": r"simdjson\.h", "audit": r"libaudit\.h", "gtest": r"g(test|mock)/",
    "benchmark": r"benchmark/", "boost": r"boost/", "zstd": r"zstd", "prometheus": r"prometheus/", "zlib": r"zlib\.h",
}
# room or sub-room -> (our rooms it may include, outside libraries it may include, POSIX headers allowed)
ALLOWED = {
    "attest": ({"attest"}, {"openssl"}, False),
    "storage": ({"attest", "storage"}, {"sqlite", "zstd"}, True),
    "tpm": ({"attest", "tpm"}, {"tss2"}, True),
    "daemon": ({"attest", "storage", "tpm", "daemon"},
               {"asio", "json", "toml", "systemd", "cli", "prometheus", "zlib", "zstd", "audit"}, True),
    "daemon/read_out": ({"attest", "daemon/read_out", "storage/query.h"}, {"simdjson", "audit"}, False),
    "tools/stele_verify": ({"attest", "storage", "tools/stele_verify"}, {"cli"}, True),
    "tools": ({"attest", "storage", "tools", "daemon/config.h", "daemon/boot_log_paths.h",
               "daemon/read_out"}, {"asio", "json", "cli"}, True),
}
# Commands that speak to the TPM themselves.
TPM_TOOLS = {"tools/stele/" + n for n in (
    "provision", "deprovision", "mode_secrets", "era_begin", "era_finish", "tpm_show", "tpm_selftest",
    "lock", "relay_line", "relay_host")}
READING_HALF = {"storage/" + n for n in (
    "file_system.h", "segment_format.h", "store_reader.h", "journal_format.h")}
LEFT_OPEN = re.compile(r"\b(TODO|FIXME|XXX)\b|not (yet )?implemented|placeholder", re.I)
FOREIGN = re.compile(r"/work/|/farm/|\bissue #?\d+\b|deb\.debian\.org|registry\.npmjs")
MAX_LINES = {".h": 200, ".cc": 450}
SECOND_VERIFIER, FEWER_LINES_THAN = "tests/second_verifier/second_verifier.py", 300  # to be read in one go


def allowed_for(path):
    for room in sorted(ALLOWED, key=len, reverse=True):
        if path.startswith(room + "/"):
            return room, ALLOWED[room]
    return None, None


def include_breach(path, target, quoted):
    """What is wrong with this include in this file, or None."""
    room, rules = allowed_for(path)
    if SINGLE_THREAD.match(path) and target in OTHERS:
        return f"left out of TSan as single_thread: no <{target}>"
    if room is None or path.startswith("tests/"):
        return None
    ours, libraries, posix = rules
    stem = path.rsplit(".", 1)[0]
    if quoted:
        if target.split("/")[0] not in ROOMS:
            return f'"{target}" is not named from the root of the tree'
        if room == "tools/stele_verify" and target.startswith("storage/"):
            return None if target in READING_HALF else f"the verifier may use the reading half only, not {target}"
        if stem in TPM_TOOLS and target.startswith("tpm/"):
            return None
        if any(target == o or target.startswith(o + "/") for o in ours):
            return None
        return f"{room} may not include {target}"
    for library, pattern in LIBRARIES.items():
        if re.match(pattern, target):
            return None if library in libraries else f"{room} may not include <{target}> ({library})"
    if room == "attest" and target in IMPURE:
        return f"attest is pure: no <{target}>"
    if (stem, target) == ("attest/sha256_lanes", "immintrin.h"):  # the one place with a processor's own instructions
        return None
    if not STD.match(target) and not posix:
        return f"{room} may not include <{target}>"
    return None


def check_source(root, path, report):
    text = (root / path).read_text(encoding="utf-8")
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if match:
            breach = include_breach(path, match.group(2), match.group(1) == '"')
            if breach:
                report(path, number, breach)
        if len(line) > 120:
            report(path, number, f"line of {len(line)} characters")
        if "\t" in line or line != line.rstrip():
            report(path, number, "a tab or white space at the end of a line")
    suffix = pathlib.Path(path).suffix
    if len(lines) > MAX_LINES[suffix] and not path.startswith("tests/"):
        report(path, len(lines), f"{len(lines)} lines: does one file hold more than one idea?")
    if suffix == ".h":
        if not re.match(r"// \S", lines[0]):
            report(path, 1, "a header begins with one sentence on what it is")
        if "#pragma once" not in text:
            report(path, 1, "no #pragma once")


def check_words(root, path, report):
    try:
        text = (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if path.startswith("tests/tidy/"):
            continue
        if LEFT_OPEN.search(line):
            report(path, number, "left open: " + line.strip()[:80])
        if FOREIGN.search(line):
            report(path, number, "speaks of a place outside the project: " + line.strip()[:80])


def check_second_verifier(root, path, report):
    """An auditor has to read one file: short, and it needs nothing but Python."""
    text = (root / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) >= FEWER_LINES_THAN:
        report(path, len(lines), f"{len(lines)} lines, not fewer than {FEWER_LINES_THAN}")
    for number, line in enumerate(lines, 1):
        if len(line) > 120:
            report(path, number, f"line of {len(line)} characters")
    for node in ast.walk(ast.parse(text)):
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        names += ["." * node.level + (node.module or "")] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name.split(".")[0] not in sys.stdlib_module_names:
                report(path, node.lineno, f"imports {name}, which is not of the standard library")


def check_readmes(root, report):
    for room in ROOMS:
        if not (root / room / "README.md").is_file():
            report(room, 0, "a room has a README.md")
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    for command in ("./tools/quickstart", "./tools/test"):
        if command not in text:
            report("README.md", 0, f"does not name {command}")
        script = root / command
        if not (script.is_file() and script.stat().st_mode & 0o111):
            report(command, 0, "is not there, or cannot be run")
    # Every file that a README names in backquotes with a room in front exists.
    for path in [readme, *(root / r / "README.md" for r in ROOMS)]:
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            for name in re.findall(r"`((?:%s)/[\w./-]+\.(?:cc|h|py|md|txt))`" % "|".join(ROOMS), line):
                if not (root / name).exists():
                    report(str(path.relative_to(root)), number, f"names {name}, which does not exist")


def tracked(root):
    """Files of the tree: what git tracks, or, outside a checkout, everything but build/."""
    import subprocess
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if listed.returncode == 0:
        return [p for p in listed.stdout.split("\n") if p and (root / p).is_file()]
    return [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and "build" not in p.parts]


def tidy(root):
    breaches = []

    def report(path, line, what):
        breaches.append(f"{path}:{line}: {what}")

    for path in tracked(root):
        top = path.split("/")[0]
        if top not in TOP_LEVEL and not top.startswith("."):
            report(path, 0, "the top level is fixed")
        if path.endswith((".h", ".cc")):
            check_source(root, path, report)
        if path == SECOND_VERIFIER:
            check_second_verifier(root, path, report)
        if "/corpus/" not in path and "/golden/" not in path:
            check_words(root, path, report)
    check_readmes(root, report)
    return breaches


if __name__ == "__main__":
    found = tidy(pathlib.Path(sys.argv[1]))
    print("\n".join(found) if found else "the house is tidy")
    sys.exit(1 if found else 0)
