#!/usr/bin/env python3
"""Family 20: the wall clock jumps by seconds, hours and years, at a start and in mid-run; never an alarm.

Usage: clocks.py. The daemon runs under libfaketime; the TPM's own clock goes on as it will, and so does
CLOCK_BOOTTIME, against which the daemon notices the steps. Each is explained: no finding about clocks.
"""
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from load import Ledger, Sender, check_records  # noqa: E402
from stele_host import Host, OK, wait_until  # noqa: E402

STARTS = ["-1s", "+1s", "-1h", "+1h", "-10y", "+10y", "+0", "@2016-12-31 23:59:58", "@2038-01-19 03:14:05", "@1970-01-02 00:00:00"]
STEPS = ["+1h", "-10y", "+10y", "+0", "@2016-12-31 23:59:58", "@2038-01-19 03:14:05", "@2099-01-01 00:00:00", "-1s", "+1s", "-1h"]
LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def send_and_anchor(host, ledger):
    sender = Sender(host.ingest, ledger)
    sender.start()
    wait_until(lambda: len(ledger.acknowledged) and not sender.is_alive() or ledger.newest >= 0, "an acknowledgement")
    sender.stop()
    host.anchor()


def is_about_a_step(finding):
    """A slow machine may let records, or an intent on its way to the disk, wait for seconds, but not for an hour; nor
    does it set the wall clock back."""
    by_s = max(map(int, re.findall(r"(\d+) s", finding["detail"])), default=0)
    return "its wall clock is" in finding["detail"] or by_s >= 3600


def notes_of(host):
    """The clock steps that the log explains, in seconds."""
    records = host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
    notes = [r["text"] for r in map(json.loads, records) if r["kind"] == "note"]
    return [json.loads(n)["by_ns"] / 1e9 for n in notes if n.startswith('{"note":"clock_step"')]


def bend(clock, offset):
    """At one blow: libfaketime takes a file that is empty for a moment for the true time."""
    new = clock.with_name(clock.name + ".new")
    new.write_text(offset + "\n")
    os.replace(new, clock)


def preload(clock):
    if not pathlib.Path(LIBRARY).exists():
        found = list(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        assert found, "libfaketime is not installed (tools/setup does that)"
        return preload_with(found[0], clock)
    return preload_with(LIBRARY, clock)


def preload_with(library, clock):
    """What the daemon's environment needs; the clock is read anew from the file again and again."""
    return {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1"}


def main():
    ledger = Ledger()
    with Host("a") as host:
        host.provision(quote_interval="50ms")
        trust = None
        clock = host.folder / "clock"
        real = dict(os.environ)
        for number, (start, step) in enumerate(zip(STARTS, STEPS)):
            bend(clock, start)
            os.environ.update(preload(clock))
            host.start_daemon()
            for name in preload(clock):
                os.environ.pop(name, None)
            os.environ.update(real)
            send_and_anchor(host, ledger)
            bend(clock, step)
            send_and_anchor(host, ledger)
            trust = trust or host.trust()
            report = host.verify(trust=trust)
            assert report["exit"] == OK, (start, step, report)
            host.stop_daemon()
        report = host.verify(trust=trust)
        assert report["exit"] == OK, report
        unexplained = [f for f in report["findings"] if is_about_a_step(f)]
        assert not unexplained, unexplained
        assert report["coverage"]["longest_exposure_s"] < 3600, report["coverage"]
        notes = notes_of(host)
        assert len(notes) >= len(STEPS), notes
        check_records(host.data, ledger)
    print(f"family 20: injected {len(STARTS) + len(STEPS)}, lost 0, false alarms 0, missed 0")


if __name__ == "__main__":
    main()
