"""A sender that remembers: what it sent, what was acknowledged under which index; and the check against a store.

The check reads the store's bytes through the second verifier, which shares no code with the daemon.
"""
import json
import pathlib
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "second_verifier"))
import second_verifier  # noqa: E402


class Ledger:
    """Across all senders of a log: every event sent, and the acknowledged ones by index."""

    def __init__(self):
        self.sent = set()
        self.acknowledged = {}
        self.count = 0
        self.lock = threading.Lock()

    def next_event(self):
        with self.lock:
            self.count += 1
            event = b"event %d " % self.count + b"x" * (self.count * 37 % 300)
            self.sent.add(event)
            return event

    @property
    def newest(self):
        return max(self.acknowledged, default=-1)


class Sender(threading.Thread):
    """Sends batches and reads acknowledgements until the daemon goes away or stop() is called."""

    def __init__(self, path, ledger, batch=20):
        super().__init__(daemon=True)
        self.ledger, self.batch, self.running = ledger, batch, True
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)  # a disk may be full, or others', for long
        self.socket.connect(str(path))
        self.refused = 0

    def run(self):
        try:
            self.socket.sendall(b"STELE/1 frame=lf ack=durable\n")
            lines = self.socket.makefile("rb")
            while self.running:
                events = [self.ledger.next_event() for _ in range(self.batch)]
                self.socket.sendall(b"\n".join(events) + b"\n")
                self.collect(lines, events)
        except OSError:
            pass
        finally:
            self.socket.close()

    def collect(self, lines, events):
        at = 0
        while at < len(events):
            line = lines.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("the daemon is gone")
            group = json.loads(line)
            self.refused += len(group["refused"])
            for index in range(group["first"], group["next"]):
                self.ledger.acknowledged[index] = events[at]
                at += 1

    def stop(self):
        self.running = False
        self.join(90)


def log_id(data):
    first = sorted((pathlib.Path(data) / "journal").iterdir())[0].read_bytes()
    return first[32:64]


def check_records(data, ledger):
    """Raises unless every acknowledged event is at its index and every event stored was sent."""
    seen = {}
    groups = second_verifier.Segments(pathlib.Path(data) / "segments", log_id(data))
    for index, (leaf, (_salt, _tlvs, event)) in enumerate(record for group in groups for record in group):
        if leaf[1] == 0:
            seen[index] = event
    for index, event in ledger.acknowledged.items():
        assert seen.get(index) == event, f"acknowledged event {index} is {seen.get(index)!r}, not {event!r}"
    invented = [index for index, event in seen.items() if event not in ledger.sent]
    assert not invented, f"records that nobody sent: {invented[:5]}"
    assert len(set(seen.values())) == len(seen), "an event was stored twice"
    return len(seen)
