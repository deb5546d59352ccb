#!/usr/bin/env python3
"""Goal: restarts of the daemon within one run of the TPM, and upgrades of it, never read as tampering.

Method: ends in order and SIGKILLs without any reset; then the store is served by a copy of the binary under another
name that states another version, and by the first again. Each start is sealed in a boot record with its version
and how the start before it ended.
"""
import json

from luck import BIN, BOOT, Machine, into_namespace, run, stele_host, unless_it_stood_still


def boot_records(machine):
    """What the daemon sealed about its own starts."""
    records = [json.loads(content) for kind, content in machine.records() if kind == BOOT]
    return [(r["version"], r["previous_end"]) for r in records]


def restarts(machine):
    for clean in (True, False, True, False):
        machine.stop_daemon() if clean else machine.kill_daemon()
        machine.start_daemon()
        machine.send()
        machine.wait_until_anchored()
        machine.check()  # one boot, no end, nothing lost
    ends = [end for _, end in boot_records(machine)]
    assert ends == ["none", "clean", "unclean", "clean", "unclean"], ends


def read_backs(machine):
    return sum(f["finding"] == "read_back_receipt" for f in machine.verify()["findings"])


def killed_in_the_same_breath(machine):
    """SIGKILL as soon as it stands, many times: at most one counter anchor a start."""
    machine.kill_daemon()
    before, starts = machine.spent(), 6
    for _ in range(starts):
        machine.start_daemon()
        machine.kill_daemon()
    before_the_last = read_backs(machine)
    machine.told({"read_back_receipt": before_the_last})  # as the kills fell
    machine.check(tail=True)
    assert machine.spent() - before <= starts, f"{machine.spent() - before} increments in {starts} starts"
    machine.start_daemon()
    machine.anchor()
    read_back = read_backs(machine)
    assert read_back <= starts
    machine.told({"read_back_receipt": read_back - before_the_last})
    machine.check()


def another_version(folder):
    """The daemon as a later release would be: another file, another version in it."""
    folder.mkdir()
    binary, version = (BIN / "steled").read_bytes(), run(BIN / "steled", "--version").stdout.split()[-1]
    other = version[:-1] + (b"9" if version[-1:] != b"9" else b"8")
    assert binary.count(b"\0" + version + b"\0") >= 1, f"steled does not hold its version {version} as a text"
    (folder / "steled").write_bytes(binary.replace(b"\0" + version + b"\0", b"\0" + other + b"\0"))
    (folder / "steled").chmod(0o755)
    (folder / "stele").symlink_to(BIN / "stele")
    (folder / "stele-verify").symlink_to(BIN / "stele-verify")
    return version.decode(), other.decode()


def upgrade_and_back(machine):
    usual = stele_host.BIN
    version, other = another_version(machine.folder / "upgraded")
    try:
        for folder in (machine.folder / "upgraded", usual):
            machine.stop_daemon()
            stele_host.BIN = folder
            machine.start_daemon()
            machine.send()
            machine.anchor()
            machine.check(unanchored=0)
    finally:
        stele_host.BIN = usual
    assert boot_records(machine)[-2:] == [(other, "clean"), (version, "clean")], boot_records(machine)


def main():
    with Machine("a") as machine:
        machine.begin(quote_interval="1s")
        older = machine.copy("older")
        restarts(machine)
        killed_in_the_same_breath(machine)
        upgrade_and_back(machine)
        machine.check_still_caught(older)
        machine.stop_daemon()
        machine.check(unanchored=0, quote_anchored=0)


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
