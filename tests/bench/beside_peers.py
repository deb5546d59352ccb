#!/usr/bin/env python3
"""steled in the place that a yardstick of peers keeps for it, and what the design aims at, by ratios to what ran beside it.

  beside_peers.py YARD [-r ROUNDS] [PEER[:N] ...]  rounds of YARD/peers.py: the ceilings, steled with and without its
                                                   look-up, over TCP, and until its look-up is fed, `openssl dgst`, and
                                                   the peers named (rsyslog-sync and journald); then medians and marks
  beside_peers.py --host DIR LOOK_UP TCP_PORT PACK what OURS_START runs: a steled over a swtpm of its own, until SIGTERM;
                                                   DIR/peak_kib then says how much memory steled had at most
  beside_peers.py --durable DIR RECORDS            OURS_BARRIER: returns when so many records are durable
  beside_peers.py --fed DIR RECORDS                the same, and the look-up knows of them all

YARD is a built copy of the yardstick (its README): it makes the events, feeds all the same bytes, and appends a JSON line
for each run to results/peers.jsonl. What could not be run there is said to be not run, never reached. Standard library only.
"""
import argparse
import itertools
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time
from typing import NamedTuple, Optional

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
from stele_host import BIN, Tpm  # noqa: E402

PATIENCE_S = 600
FIRST_RECORDS = 3  # genesis, boot and configuration come before the first event
WITH, WITHOUT, TCP = "steled", "steled without look-up", "steled over TCP"
FED = "steled until its look-up is fed, nothing packed"
ANY, DGST = "steled, at most in any run", "openssl dgst -sha256"
JOURNALD, RSYSLOG = "journald-FSS", "rsyslog-file+sync"
# As the yardstick calls them: one writer with a synced file and our hashes; a file read and hashed on two threads.
FULL = "CEILING FULL unix-stream->hash->write+fdatasync group commit"
VERIFY = "CEILING VERIFY file leaf+tree+chain, low-level, 2 threads"
PEERS = ["rsyslog-sync", "journald"]


class Figure(NamedTuple):
    of: str
    what: str  # ingest, verify: events a second; cpu_per_M: seconds; bytes_per_ev, payload_per_ev; peak_mib; proof_bytes


class Mark(NamedTuple):
    aim: str
    ours: Figure
    bound: str  # "at least" or "at most"
    value: float
    beside: Optional[Figure] = None
    how: str = "ratio"  # or "difference"; of nothing beside: ours itself


def ingest(of):
    return Figure(of, "ingest")


def verify(of):
    return Figure(of, "verify")


# What the design aims at, and nothing else.
MARKS = [
    Mark("durable ingest over a Unix stream, of FULL", ingest(WITHOUT), "at least", 0.70, ingest(FULL)),
    Mark("durable ingest over a Unix stream, of sealed journald", ingest(WITHOUT), "at least", 20.0, ingest(JOURNALD)),
    Mark("durable ingest over a Unix stream, of rsyslog's synced file", ingest(WITHOUT), "at least", 1.5, ingest(RSYSLOG)),
    Mark("durable ingest with the look-up running, of that without", ingest(WITH), "at least", 0.80, ingest(WITHOUT)),
    Mark("durable ingest over TCP, of that over a Unix stream", ingest(TCP), "at least", 0.50, ingest(WITH)),
    Mark("full verification on two cores, of VERIFY on two threads", verify(WITH), "at least", 0.75, verify(VERIFY)),
    Mark("full verification, of openssl dgst -sha256 over the same bytes", verify(WITH), "at least", 0.80, verify(DGST)),
    Mark("full verification, of journalctl --verify", verify(WITH), "at least", 100.0, verify(JOURNALD)),
    Mark("processor time of ingest and look-up, of sealed journald's", Figure(FED, "cpu_per_M"), "at most", 0.10,
         Figure(JOURNALD, "cpu_per_M")),
    Mark("bytes on disk of a fresh event beyond its payload, look-up included", Figure(FED, "bytes_per_ev"), "at most", 130,
         Figure(FED, "payload_per_ev"), "difference"),
    Mark("bytes of an event's offline proof", Figure(WITH, "proof_bytes"), "at most", 2048),
    Mark("MiB of memory that steled had at most", Figure(ANY, "peak_mib"), "at most", 256),
]
# Stricter than what is aimed at, or only interesting.
RATIOS = [(ingest(WITH), ingest(FULL)), (ingest(WITH), ingest(JOURNALD)), (ingest(WITH), ingest(RSYSLOG))]


def configuration(folder, tcti, look_up, port, pack):
    tcp = f'[listen.tcp]\naddresses = ["127.0.0.1:{port}"]\n' if port != "0" else ""
    return (f'data = "{folder}/data"\n[tpm]\ntcti = "{tcti}"\n[listen.unix]\npath = "{folder}/in.sock"\n{tcp}'
            f'[control]\npath = "{folder}/control.sock"\n[look_up]\nenabled = {look_up}\n[storage]\npack = {pack}\n')


def host(folder, look_up, port, pack):
    folder = pathlib.Path(folder)
    tpm = Tpm(folder / "tpm")
    tpm.start()
    config = folder / "steled.toml"
    config.write_text(configuration(folder, tpm.tcti, look_up, port, pack))
    try:
        subprocess.run([BIN / "stele", "provision", "--config", config, "--origin", "bench/log", "--mode", "b"],
                       check=True, stdout=subprocess.DEVNULL)
        daemon = subprocess.Popen([BIN / "steled", "--config", config])
        signal.signal(signal.SIGTERM, lambda *_: os.kill(daemon.pid, signal.SIGTERM))
        _, status, usage = os.wait4(daemon.pid, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (folder / "peak_kib").write_text(str(usage.ru_maxrss))
        return os.waitstatus_to_exitcode(status)
    finally:
        tpm.stop()


def reached(folder, records, fed):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        told = subprocess.run([BIN / "stele", "status", "-o", "json", "--config", f"{folder}/steled.toml"],
                              capture_output=True, text=True).stdout
        status = json.loads(told) if told else None
        if status and status["log"]["size"] >= records and not (fed and status["look_up"]["behind"]):
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


class Yard:
    """The yardstick's folder, and the figures that it has no name for."""

    def __init__(self, folder, events):
        self.folder, self.events, self.own = folder, events, {}
        self.part = folder / "work" / "digested"
        self.part.parent.mkdir(exist_ok=True)
        (folder / "results").mkdir(exist_ok=True)  # peers.py takes it for granted

    def note(self, figure, value):
        self.own.setdefault(figure, []).append(value)

    def steled(self, name, look_up="true", port=0, barrier="--durable", pack="true", files="data/segments/*"):
        me = f"{sys.executable} -B {HERE}"
        one_run(self.folder, f"ours:{self.events}", OURS_NAME=name,
                OURS_START=f"{me} --host {{dir}} {look_up} {port} {pack}",
                OURS_TARGET=f"tcp:{port}" if port else "unix:{dir}/in.sock", OURS_FRAMING="octet" if port else "line",
                OURS_BARRIER=f"{me} {barrier} {{dir}} {self.events + FIRST_RECORDS}", OURS_FILES=files,
                OURS_VERIFY=f"{BIN}/stele-verify {{dir}}/data --trust {{dir}}/data/trust")
        peak = self.folder / "work" / "ours" / "peak_kib"
        if peak.exists():
            self.note(Figure(ANY, "peak_mib"), int(peak.read_text()) / 1024)

    def proof(self):
        """Of the log that the run before left: hardware receipt included, without quote and content."""
        ours = self.folder / "work" / "ours"
        done = subprocess.run([BIN / "stele", "prove", str(self.events // 2), "-o", ours / "proof", "--config",
                               ours / "steled.toml"], capture_output=True, text=True)
        if done.returncode == 0:
            self.note(Figure(WITH, "proof_bytes"), (ours / "proof").stat().st_size)
        else:
            print(f"FAIL proof: {done.stderr}", flush=True)

    def dgst(self):
        if not self.part.exists():
            with open(self.folder / "data" / "synth.jsonl", "rb") as events, open(self.part, "wb") as out:
                out.writelines(itertools.islice(events, self.events))
        digest = ["openssl", "dgst", "-sha256", self.part]
        subprocess.run(digest, check=True, stdout=subprocess.DEVNULL)  # into the page cache
        began = time.monotonic()
        subprocess.run(digest, check=True, stdout=subprocess.DEVNULL)
        self.note(verify(DGST), self.events / (time.monotonic() - began))

    def a_round(self, peers):
        one_run(self.folder, f"ceiling:{self.events}")
        self.steled(WITH)
        self.proof()
        self.steled(WITHOUT, look_up="false")
        self.steled(TCP, port=free_port())
        self.steled(FED, barrier="--fed", pack="false", files="data")
        self.dgst()
        for peer in peers:
            one_run(self.folder, peer)


def medians(lines, own):
    """One value for each figure; of memory the most."""
    figures = {}
    for line in lines:
        run = json.loads(line)
        for what in ("ingest", "verify", "cpu_per_M", "bytes_per_ev", "payload_per_ev"):
            if run.get(what) and not run.get("rc"):
                figures.setdefault(Figure(run["peer"], what), []).append(run[what])
    for figure, values in own.items():
        figures.setdefault(figure, []).extend(values)
    return {figure: max(values) if figure.what == "peak_mib" else statistics.median(values)
            for figure, values in figures.items()}


def judge(mark, figures):
    """("reached" or "MISSED", the figure), or ("not run", None)."""
    ours, beside = figures.get(mark.ours), figures.get(mark.beside) if mark.beside else 1.0
    if ours is None or not beside:
        return "not run", None
    figure = ours - beside if mark.how == "difference" else ours / beside
    good = figure >= mark.value if mark.bound == "at least" else figure <= mark.value
    return ("reached" if good else "MISSED"), figure


def tell(figures):
    print("\nmedians of this run")
    for figure, value in sorted(figures.items()):
        print(f"  {figure.what:14} {value:14,.2f}  {figure.of}")
    print("what the design aims at, both sides of this run")
    for mark in MARKS:
        outcome, figure = judge(mark, figures)
        shown = "" if figure is None else f"{figure:.3f}"
        print(f"  {outcome:7} {shown:>9} ({mark.bound} {mark.value:g})  {mark.aim}")
    print("ratios that nothing is aimed at")
    for ours, beside in RATIOS:
        if ours in figures and beside in figures:
            print(f"  {ours.what:7} {figures[ours] / figures[beside]:9.3f}  {ours.of} / {beside.of}")


def main():
    if sys.argv[1:2] == ["--host"]:
        return host(*sys.argv[2:])
    if sys.argv[1:2] in (["--durable"], ["--fed"]):
        return reached(sys.argv[2], int(sys.argv[3]), sys.argv[1] == "--fed")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("yard", type=pathlib.Path)
    parser.add_argument("-r", "--rounds", type=int, default=3)
    parser.add_argument("-n", "--events", type=int, default=1_000_000)
    parser.add_argument("peers", nargs="*", default=PEERS)
    arguments = parser.parse_intermixed_args()
    yard = Yard(arguments.yard.resolve(), arguments.events)
    results = yard.folder / "results" / "peers.jsonl"
    before = len(results.read_text().splitlines()) if results.exists() else 0
    try:
        for _ in range(arguments.rounds):
            yard.a_round(arguments.peers)
    finally:
        yard.part.unlink(missing_ok=True)
    tell(medians(results.read_text().splitlines()[before:], yard.own))
    return 0


if __name__ == "__main__":
    sys.exit(main())
