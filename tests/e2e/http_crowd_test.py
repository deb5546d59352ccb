"""Goal: whoever takes all of HTTP's places, silent or with half a request, keeps nobody else out, and no request that is
being answered is given up for another. Method: curl and raw sockets from several addresses of this machine."""
import contextlib
import json
import socket
import subprocess
import unittest

from http_host import HttpHost, read_all, statuses
from stele_host import PATIENCE, run, wait_until

PLACES = 20
HALF = {"silent": b"", "half a header": b"POST /v1/ev",
        "half a body": b"POST /v1/events HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"}


class Crowd(unittest.TestCase):
    def setUp(self):
        self.host = HttpHost()
        self.addCleanup(self.host.close)
        self.host.provision(http=f'max_connections = {PLACES}\nreceive_time = "10min"')
        self.host.start_daemon()

    def connect_from(self, address):
        return socket.create_connection(("127.0.0.1", self.host.port), timeout=PATIENCE, source_address=(address, 0))

    def open_now(self):
        return self.host.status()["ingest"]["inputs"]["http"]["connections"]

    def test_one_address_with_all_places_keeps_nobody_out(self):
        host = self.host
        for name, beginning in HALF.items():
            with self.subTest(name), contextlib.ExitStack() as held:
                hostile = [held.enter_context(self.connect_from("127.0.0.1")) for _ in range(PLACES)]
                for client in hostile:
                    client.sendall(beginning)
                wait_until(lambda: self.open_now() == PLACES, "all places are taken")
                done = run("curl", "-sS", "--interface", "127.0.0.2", "--max-time", PATIENCE, "--data-binary", "through " + name,
                           f"http://127.0.0.1:{host.port}/v1/events")
                self.assertEqual(json.loads(done.stdout)["refused"], [], done.stderr)
                done = run("curl", "-sS", "--max-time", PATIENCE, "--unix-socket", host.folder / "http.sock", "http://h/healthz")
                self.assertEqual(done.stdout, b"alive\n", done.stderr)
            wait_until(lambda: self.open_now() == 0, "they are gone")
        self.assertEqual(sorted(host.events().values()), sorted(b"through " + name.encode() for name in HALF))

    def test_places_are_shared_evenly_and_an_answer_is_not_given_up(self):
        host, url = self.host, f"http://127.0.0.1:{self.host.port}/v1/events?wait=sealed"
        host.anchor()  # behind the one that each start makes: nothing but the next one seals what comes now
        waiting = subprocess.Popen(["curl", "-sS", "-d", "waits", "--max-time", str(PATIENCE), url], stdout=subprocess.PIPE)
        wait_until(lambda: b"waits" in host.events().values(), "the event that waits")
        with contextlib.ExitStack() as held:
            first = [held.enter_context(self.connect_from("127.0.0.1")) for _ in range(PLACES - 1)]
            wait_until(lambda: self.open_now() == PLACES, "all places are taken")
            second = [held.enter_context(self.connect_from("127.0.0.2")) for _ in range(PLACES)]
            half = PLACES // 2
            for client in first[:half]:
                self.assertEqual(read_all(client), b"", "the first to be silent gives way first")
            for client in second[half:]:
                self.assertEqual(read_all(client), b"", "beyond an even share there is no place")
            for client in first[half:] + second[:half]:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                self.assertEqual(statuses(read_all(client)), [200])
        host.anchor()
        self.assertTrue(json.loads(waiting.communicate(timeout=PATIENCE)[0])["sealed"])

    def test_whoever_has_more_than_half_of_the_places_gives_one_up_that_is_being_answered(self):
        host, command = self.host, ["curl", "-sS", "--max-time", str(PATIENCE), "-d"]
        host.anchor()
        url = f"http://127.0.0.1:{host.port}/v1/events?wait=sealed"
        waiting = [subprocess.Popen([*command, f"waits {i}", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                   for i in range(PLACES)]
        wait_until(lambda: len(host.events()) == PLACES and self.open_now() == PLACES, "all places wait for an anchor")
        done = run(*command, "of another", "--interface", "127.0.0.2", f"http://127.0.0.1:{host.port}/v1/events")
        self.assertEqual(json.loads(done.stdout)["refused"], [], done.stderr)
        host.anchor()
        told = [client.communicate(timeout=PATIENCE)[0] for client in waiting]
        self.assertEqual(sorted(map(bool, told)), [False] + [True] * (PLACES - 1), "one had to give way")
        self.assertTrue(all(json.loads(words)["sealed"] for words in told if words))
        expected = [b"of another"] + [b"waits %d" % i for i in range(PLACES)]
        self.assertEqual(sorted(host.events().values()), sorted(expected), "nor is its event lost")


if __name__ == "__main__":
    unittest.main(verbosity=2)
