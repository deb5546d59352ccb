#!/usr/bin/env python3
"""steled in the place that a yardstick of peers keeps for it, and the ratios to what ran beside it.

  beside_peers.py YARD [-r ROUNDS] [PEER[:N] ...]  rounds of YARD/peers.py: the ceilings, steled with and without its
                                                   look-up and over TCP, and the peers named; then medians and ratios
  beside_peers.py --host DIR LOOK_UP TCP_PORT      what OURS_START runs: a steled over a swtpm of its own, until SIGTERM
  beside_peers.py --durable DIR RECORDS            OURS_BARRIER: returns when so many records are durable

YARD is a built copy of the yardstick (its README): it makes the events, feeds all the same bytes, and appends a JSON line
for each run to results/peers.jsonl. Peers that are not unpacked there say FAIL and have no ratio. Standard library only.
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
from stele_host import BIN, Tpm  # noqa: E402

PATIENCE_S = 600
FIRST_RECORDS = 3  # genesis, boot and configuration come before the first event
WITH, WITHOUT, TCP = "steled", "steled without look-up", "steled over TCP"
# As the yardstick calls them: one writer with a synced file and our hashes; a file read and hashed on two threads.
FULL = "CEILING FULL unix-stream->hash->write+fdatasync group commit"
VERIFY = "CEILING VERIFY file leaf+tree+chain, low-level, 2 threads"
# What is reached: ours, of whose, which figure, the least ratio (the design's targets).
MARKS = [
    (WITHOUT, FULL, "ingest", 0.70), (WITH, WITHOUT, "ingest", 0.80), (TCP, WITH, "ingest", 0.50),
    (WITH, "journald-FSS", "ingest", 20.0), (WITH, "rsyslog-file+sync", "ingest", 1.5), (WITH, VERIFY, "verify", 0.75),
]


def configuration(folder, tcti, look_up, port):
    tcp = f'[listen.tcp]\naddresses = ["127.0.0.1:{port}"]\n' if port != "0" else ""
    return (f'data = "{folder}/data"\n[tpm]\ntcti = "{tcti}"\n[listen.unix]\npath = "{folder}/in.sock"\n{tcp}'
            f'[control]\npath = "{folder}/control.sock"\n[look_up]\nenabled = {look_up}\n')


def host(folder, look_up, port):
    folder = pathlib.Path(folder)
    tpm = Tpm(folder / "tpm")
    tpm.start()
    config = folder / "steled.toml"
    config.write_text(configuration(folder, tpm.tcti, look_up, port))
    daemon = None
    try:
        subprocess.run([BIN / "stele", "provision", "--config", config, "--origin", "bench/log", "--mode", "b"],
                       check=True, stdout=subprocess.DEVNULL)
        daemon = subprocess.Popen([BIN / "steled", "--config", config])
        signal.signal(signal.SIGTERM, lambda *_: daemon.terminate())
        return daemon.wait()
    finally:
        tpm.stop()


def durable(folder, records):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        told = subprocess.run([BIN / "stele", "status", "-o", "json", "--config", f"{folder}/steled.toml"],
                              capture_output=True, text=True).stdout
        if told and json.loads(told)["log"]["size"] >= records:
            return 0
        time.sleep(0.02)
    return 1


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def one_run(yard, peer, **ours):
    print(f"-- {ours.get('OURS_NAME', peer)}", flush=True)
    subprocess.run([sys.executable, yard / "peers.py", "-r", "1", peer], cwd=yard, check=True,
                   env={**os.environ, **{name: str(value) for name, value in ours.items()}})


def steled(yard, name, count, look_up, port=0):
    me = f"{sys.executable} -B {HERE}"
    one_run(yard, f"ours:{count}", OURS_NAME=name, OURS_START=f"{me} --host {{dir}} {look_up} {port}",
            OURS_TARGET=f"tcp:{port}" if port else "unix:{dir}/in.sock", OURS_FRAMING="octet" if port else "line",
            OURS_BARRIER=f"{me} --durable {{dir}} {count + FIRST_RECORDS}", OURS_FILES="data/segments/*",
            OURS_VERIFY=f"{BIN}/stele-verify {{dir}}/data --trust {{dir}}/data/trust")


def medians(lines):
    figures = {}
    for line in lines:
        run = json.loads(line)
        for figure in ("ingest", "verify"):
            if run.get(figure) and not run.get("rc"):
                figures.setdefault((run["peer"], figure), []).append(run[figure])
    return {key: statistics.median(values) for key, values in figures.items()}


def tell(figures):
    print("\nmedians, events a second")
    for (peer, figure), value in sorted(figures.items()):
        print(f"  {figure:7} {value:12,.0f}  {peer}")
    print("ratios, both sides of this run")
    for ours, other, figure, mark in MARKS:
        if (ours, figure) not in figures or (other, figure) not in figures:
            print(f"  {figure:7}    not run   {ours} / {other}")
            continue
        ratio = figures[ours, figure] / figures[other, figure]
        print(f"  {figure:7} {ratio:6.2f}  {'reaches' if ratio >= mark else 'MISSES'} {mark}   {ours} / {other}")


def main():
    if sys.argv[1:2] == ["--host"]:
        return host(*sys.argv[2:])
    if sys.argv[1:2] == ["--durable"]:
        return durable(sys.argv[2], int(sys.argv[3]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("yard", type=pathlib.Path)
    parser.add_argument("-r", "--rounds", type=int, default=3)
    parser.add_argument("-n", "--events", type=int, default=1_000_000)
    parser.add_argument("peers", nargs="*", default=["rsyslog-sync"])
    arguments = parser.parse_intermixed_args()
    yard = arguments.yard.resolve()
    results = yard / "results" / "peers.jsonl"
    before = len(results.read_text().splitlines()) if results.exists() else 0
    for _ in range(arguments.rounds):
        one_run(yard, f"ceiling:{arguments.events}")
        steled(yard, WITH, arguments.events, "true")
        steled(yard, WITHOUT, arguments.events, "false")
        steled(yard, TCP, arguments.events, "true", free_port())
        for peer in arguments.peers:
            one_run(yard, peer)
    tell(medians(results.read_text().splitlines()[before:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
