#!/usr/bin/env python3
"""Family 65: requests delivered again and again because their answers were lost; each must be one record.

Usage: duplicates.py DELIVERIES SEED. Every delivery carries an Idempotency-Key; its client closes or resets the
connection before it has read the answer, or the daemon is killed meanwhile, at a random moment or at once behind the
sync; then the same request comes again until it is answered. Some have lines that become several records. At the end
every event must be there exactly once, where its answer said, and the log verified.
"""
import json
import os
import pathlib
import random
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from http_host import HttpHost, statuses  # noqa: E402
from stele_host import BIN, OK, wait_until  # noqa: E402

CLIENTS = 4
MOST_LOST = 3  # deliveries of one request whose answers are lost, before the one that waits
KILL_EVERY = 250


class Deliveries:
    """What the clients share."""

    def __init__(self, host, most):
        self.host, self.most = host, most
        self.lock = threading.Lock()
        self.made, self.numbers, self.answers = 0, 0, {}
        self.repeated = 0
        self.failure = None

    def next_number(self):
        with self.lock:
            self.numbers += 1
            return self.numbers - 1

    def count(self):
        with self.lock:
            self.made += 1


def request_of(number, chance):
    """The events of a request and its bytes."""
    lines = chance.choice([0, 0, 0, 2, 5])
    events = [b"%d event %d" % (number, i) for i in range(lines or 1)]
    kind = b"application/x-ndjson" if lines else b"text/plain"
    body = b"\n".join(events)
    head = b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nIdempotency-Key: key-%d\r\nContent-Length: %d\r\n"
    return events, head % (kind, number, len(body)) + b"Connection: close\r\n\r\n" + body


def deliver_and_lose(deliveries, data, chance):
    """Sends all of it, or a part, and is gone before the answer is read."""
    deliveries.count()
    try:
        with deliveries.host.connect() as client:
            whole = chance.random() < 0.9
            client.sendall(data if whole else data[:chance.randrange(len(data))])
            if whole and chance.random() < 0.5:
                client.recv(1)  # the answer is on its way: it is durable, and the rest is lost
            if chance.random() < 0.5:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    except OSError:
        pass


def deliver(deliveries, data):
    """The answer as JSON, or None: the daemon is gone, or says that it must be asked again."""
    deliveries.count()
    try:
        received = b""
        with deliveries.host.connect() as client:
            client.sendall(data)
            while more := client.recv(65536):
                received += more
        if statuses(received) != [200]:
            return None
        return json.loads(received.rpartition(b"\r\n\r\n")[2])
    except (OSError, json.JSONDecodeError):
        return None


def one_client(deliveries, seed):
    chance = random.Random(seed)
    try:
        while deliveries.made < deliveries.most and not deliveries.failure:
            number = deliveries.next_number()
            events, data = request_of(number, chance)
            for _ in range(chance.randrange(MOST_LOST + 1)):
                deliver_and_lose(deliveries, data, chance)
            answer = []
            wait_until(lambda: answer.append(deliver(deliveries, data)) or answer[-1], f"an answer to request {number}")
            deliveries.answers[number] = (events, answer[-1])
            deliveries.repeated += "repeated" in answer[-1]
    except BaseException as failure:
        deliveries.failure = failure


def kill_and_restart(host):
    host.daemon.kill()
    host.daemon.wait()
    host.start_daemon()


def die_between_durable_and_told(deliveries, chance):
    """The daemon dies at the one point where the events are durable and nobody knows it. How often it did."""
    host = deliveries.host
    if b"STELE_FAILPOINT" not in (BIN / "steled").read_bytes():
        print("steled was built without failpoints: not killed between durable and told")
        return 0
    for _ in range(5):
        host.stop_daemon()
        os.environ["STELE_FAILPOINT"] = "http.placed=kill"
        host.start_daemon()
        del os.environ["STELE_FAILPOINT"]
        number = deliveries.next_number()
        events, data = request_of(number, chance)
        assert deliver(deliveries, data) is None
        host.daemon.wait()
        host.start_daemon()
        answer = []
        wait_until(lambda: answer.append(deliver(deliveries, data)) or answer[-1], f"an answer to request {number}")
        assert answer[-1]["repeated"], answer
        deliveries.answers[number] = (events, answer[-1])
        deliveries.repeated += 1
    return 5


def judge(host, deliveries):
    """Lost, false alarms, missed."""
    by_index = host.events()
    copies = {}
    for event in by_index.values():
        copies[event] = copies.get(event, 0) + 1
    expected = [event for events, _ in deliveries.answers.values() for event in events]
    lost = sum(1 for event in expected if event not in copies)
    twice = sum(1 for count in copies.values() if count > 1) + len(set(copies) - set(expected))
    false_alarms = 0
    for events, answer in deliveries.answers.values():
        told = [by_index.get(i) for i in range(answer["first"], answer["next"])]
        false_alarms += told != events
    report = host.verify()
    false_alarms += report["exit"] != OK
    return lost, false_alarms, twice


def main():
    most, seed = int(sys.argv[1]), int(sys.argv[2])
    with HttpHost() as host:
        host.provision(quote_interval="1s")
        host.start_daemon()
        deliveries = Deliveries(host, most)
        kills, next_kill = die_between_durable_and_told(deliveries, random.Random(seed)), KILL_EVERY
        clients = [threading.Thread(target=one_client, args=(deliveries, f"{seed} {i}")) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            if deliveries.made >= next_kill:
                kill_and_restart(host)
                kills, next_kill = kills + 1, next_kill + KILL_EVERY
            clients[0].join(0.005)
            if not clients[0].is_alive():
                for client in clients:
                    client.join(0.005)
        if deliveries.failure:
            raise deliveries.failure
        status, body = host.post(b"another body", "Idempotency-Key: key-0")
        assert status == 422, body
        host.stop_daemon()
        lost, false_alarms, missed = judge(host, deliveries)
    print(f"family 65: injected {deliveries.made}, lost {lost}, false alarms {false_alarms}, missed {missed} "
          f"({len(deliveries.answers)} requests, {deliveries.repeated} known by their key, {kills} kills, seed {seed})")
    assert deliveries.made >= most and deliveries.repeated > 0 and kills > 0
    assert (lost, false_alarms, missed) == (0, 0, 0)


if __name__ == "__main__":
    main()
