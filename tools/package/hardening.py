#!/usr/bin/env python3
"""Looks at programs as a loader would: position-independent, relocations read-only and bound at the start, no stack
that runs code, no memory to write and run. With --release also what the compiler adds: checked library calls,
stack guards.

  hardening.py [--release] PROGRAM...

Exit code 0: all of them are; 1: one is not, named with what it lacks.
"""
import re
import subprocess
import sys


def readelf(option, program):
    return subprocess.run(["readelf", "-W", option, str(program)], capture_output=True, text=True, check=True).stdout


def lacks(program, release=False):
    """What this program lacks, in words; empty: nothing."""
    segments, dynamic, found = readelf("-l", program), readelf("-d", program), []
    if "Elf file type is DYN (Position-Independent Executable file)" not in segments:
        found.append("not position-independent")
    if "GNU_RELRO" not in segments:
        found.append("relocations are not made read-only (RELRO)")
    if not re.search(r"\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b|\(BIND_NOW\)", dynamic):
        found.append("bound lazily (no BIND_NOW)")
    stack = re.search(r"GNU_STACK.* (R\S*|RW\S*) +0x", segments)
    if not stack or "E" in stack.group(1):
        found.append("the stack may run code")
    if re.search(r"LOAD +0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ RWE", segments):
        found.append("a segment to write and run")
    if "TEXTREL" in dynamic or re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        found.append("relocations in code, or a library path of its own")
    if release:
        symbols = readelf("--dyn-syms", program)
        if "__stack_chk_fail" not in symbols:
            found.append("no stack guard")
        if not re.search(r"__(mem|str|v?s?n?printf|read|pread|recv)\w*_chk", symbols):
            found.append("no checked library calls (FORTIFY)")
    return found


def main(arguments):
    release = arguments[:1] == ["--release"]
    programs = arguments[release:]
    if not programs or programs[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 64
    bad = [f"{program}: {what}" for program in programs for what in lacks(program, release)]
    print("\n".join(bad) if bad else f"hardened: {len(programs)} programs")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
