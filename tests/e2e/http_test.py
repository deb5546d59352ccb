"""Goal: any HTTP client can send events, byte for byte, and be told the truth; a client that is hostile, slow or gone
harms nobody else. Method: curl and raw sockets against a real daemon; what they sent is read back."""
import contextlib
import gzip
import hashlib
import http.client
import json
import os
import pathlib
import select
import socket
import subprocess
import unittest

from http_host import HttpHost, read_all, statuses
from stele_host import OK, PATIENCE, lines_of, run, wait_until

NDJSON = "Content-Type: application/x-ndjson"
POST = b"POST /v1/events HTTP/1.1\r\nHost: h\r\n"
ONCE = POST + b"Connection: close\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

# What is no request that we take, and the status that says so. Each is answered once and the connection ended.
HOSTILE = {
    "no HTTP": (b"hello\r\n\r\n", 400),
    "TLS to a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "another version": (b"GET /healthz HTTP/2.0\r\nHost: h\r\n\r\n", 505),
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "a header without end": (b"GET /healthz HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 20_000, 431),
    "thousands of headers": (b"GET /healthz HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 5_000, 431),
    "a target without end": (b"GET /" + b"a" * 20_000, 431),
    "a long target": (b"GET /" + b"a" * 3_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "a target that is no path": (b"GET healthz HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "two paths of one name": (b"GET /v1/events/../../healthz HTTP/1.1\r\nHost: h\r\n\r\n", 404),
    "an unknown path": (b"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n", 404),
    "another method": (b"DELETE /v1/events HTTP/1.1\r\nHost: h\r\n\r\n", 405),
    "a space before the colon": (b"GET /healthz HTTP/1.1\r\nHost : h\r\n\r\n", 400),
    "a NUL in a header": (b"GET /healthz HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n", 400),
    "a length that is none": (POST + b"Content-Length: 1e3\r\n\r\n", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "a length over 64 bits": (POST + b"Content-Length: 18446744073709551616\r\n\r\n", 400),
    "a length over the limit": (POST + b"Content-Length: 9000000\r\n\r\n", 413),
    "a body where none belongs": (b"GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", 413),
    "length and chunked": (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
    "another transfer coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    "chunked not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 501),
    "chunked in HTTP/1.0": (b"POST /v1/events HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a chunk size that is none": (CHUNKED + b"xyz\r\n", 400),
    "a chunk size over 64 bits": (CHUNKED + b"fffffffffffffffff\r\n", 400),
    "a negative chunk": (CHUNKED + b"-1\r\n", 400),
    "a chunk that is longer than it says": (CHUNKED + b"1\r\nab\r\n0\r\n\r\n", 400),
    "a chunk extension without end": (CHUNKED + b"1;" + b"x" * 70_000, 400),
    "chunks over the limit": (CHUNKED + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 9, 413),
    "an unknown expectation": (POST + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 417),
    "two encodings at once": (ONCE + b"Content-Encoding: gzip, gzip\r\nContent-Length: 1\r\n\r\nx", 415),
    "gzip that is none": (ONCE + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone", 400),
    "zstd that is none": (ONCE + b"Content-Encoding: zstd\r\nContent-Length: 4\r\n\r\nnone", 400),
    "a query that we do not know": (ONCE.replace(b" HTTP", b"?wait=x HTTP") + b"Content-Length: 0\r\n\r\n", 400),
    "an empty idempotency key": (ONCE + b"Idempotency-Key: \r\nContent-Length: 1\r\n\r\nx", 400),
    "two idempotency keys": (ONCE + b"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 1\r\n\r\nx", 400),
}


def vector_logs():
    """Real logs, the files of the vectors up to a size that one event may have."""
    folder = os.environ.get("STELE_VECTORS")
    if not folder:
        return None
    files = sorted(p for p in (pathlib.Path(folder) / "logs").rglob("*") if p.is_file() and not p.is_symlink())
    return [p for p in files if 0 < p.stat().st_size <= 1 << 20]


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = HttpHost()
        cls.addClassCleanup(cls.host.close)
        cls.host.provision(http="max_connections = 40")
        cls.host.start_daemon()

    def taken(self, reply):
        status, body = reply
        self.assertEqual(status, 200, body)
        events = self.host.events()
        return [events[i] for i in range(body["first"], body["next"])]

    def test_a_body_of_any_type_is_one_event(self):
        for event in [b"a line", b"", b"two\nlines\r\n", bytes(range(256)), b'{"a":1}', b"x" * (1 << 20)]:
            self.assertEqual(self.taken(self.host.post(event, "Content-Type: text/plain")), [event])

    def test_ndjson_is_an_event_a_line_and_comes_out_byte_exact(self):
        body = b'{"n":1}\r\n\n{"n":2}\n\xff\0\nlast'
        self.assertEqual(self.taken(self.host.post(body, NDJSON)), lines_of(body))
        many = b"".join(b'{"n":%d}\n' % i for i in range(16_384))
        self.assertEqual(self.taken(self.host.post(many, NDJSON)), lines_of(many))
        status, body = self.host.post(many + b"one more\n", NDJSON)
        self.assertEqual(status, 413, body)

    def test_a_line_that_is_too_long_is_refused_and_its_neighbours_are_not(self):
        status, body = self.host.post(b"one\n" + b"x" * ((1 << 20) + 1) + b"\ntwo\n", NDJSON)
        self.assertEqual(status, 200)
        self.assertEqual(body["refused"], [{"at": 1, "fault": "too_long", "limit": 1 << 20}])
        self.assertEqual(self.taken((status, body)), [b"one", b"two"])
        self.assertEqual(self.host.post(b"x" * ((1 << 20) + 1))[0], 413)

    def test_packed_bodies_are_unpacked_by_gzip_and_zstd(self):
        body = b"".join(b'{"packed":%d}\n' % i for i in range(1_000))
        for name in ("gzip", "zstd"):
            packed = run(name, "-c", input=body).stdout
            self.assertEqual(self.taken(self.host.post(packed, NDJSON, f"Content-Encoding: {name}")), lines_of(body))
            self.assertEqual(self.host.post(packed[:-5], f"Content-Encoding: {name}")[0], 400)

    def test_a_bomb_is_refused_at_the_limit(self):
        zeros = bytes(64 << 20)
        before = self.resident()
        for name, packed in {"gzip": gzip.compress(zeros), "zstd": run("zstd", "-c", input=zeros).stdout}.items():
            status, body = self.host.post(packed, f"Content-Encoding: {name}")
            self.assertEqual(status, 413, body)
            self.assertIn("unpacked", body["detail"])
        self.assertLess(self.resident() - before, 40 << 20)

    def resident(self):
        pages = pathlib.Path(f"/proc/{self.host.daemon.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def test_an_early_refusal_comes_before_the_body_is_asked_for(self):
        head = b"Host: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        for line, length, status in [(b"POST /v1/events", 9 << 20, 413), (b"POST /nothing", 5, 404)]:
            self.assertEqual(statuses(self.host.exchange(line + b" HTTP/1.1\r\n" + head % length)), [status])
        with self.host.connect() as client:
            client.sendall(POST + head[9:] % 5)
            self.assertEqual(statuses(client.recv(4096)), [100])
            client.sendall(b"event")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(statuses(read_all(client)), [200])

    def test_chunks_may_be_of_any_size_and_have_extensions_and_trailers(self):
        with self.host.connect() as client:
            client.sendall(CHUNKED + b"1;a=b\r\no\r\n002\r\nne\r\n0\r\nTrailer: x\r\n\r\n")
            reply = http.client.HTTPResponse(client)
            reply.begin()
            body = json.loads(reply.read())
        self.assertEqual(self.taken((reply.status, body)), [b"one"])

    def test_what_is_no_request_is_refused_with_the_status_that_says_why(self):
        before = self.host.status()["log"]["size"]
        for name, (data, status) in HOSTILE.items():
            with self.subTest(name):
                received = self.host.exchange(data)
                self.assertEqual(statuses(received), [status], received[:300])
                self.assertIn(b"application/problem+json", received)
        self.assertEqual(self.host.status()["log"]["size"], before)

    def test_pipelined_requests_are_answered_in_their_order(self):
        one = POST + b"Content-Length: 3\r\n\r\nev%d"
        data = b"".join(one % i for i in range(9)) + b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        received = self.host.exchange(data)
        self.assertEqual(statuses(received), [200] * 10)
        firsts = [json.loads(line)["first"] for line in received.splitlines() if line.startswith(b'{"first"')]
        self.assertEqual([self.host.events()[i] for i in firsts], [b"ev%d" % i for i in range(9)])

    def test_one_byte_at_a_time_is_slow_and_right(self):
        with self.host.connect() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in CHUNKED + b"4\r\nslow\r\n0\r\n\r\n":
                client.send(bytes([byte]))
            self.assertEqual(statuses(client.recv(4096)), [200])

    def test_connections_over_the_limit_are_ended_and_those_before_are_served(self):
        wait_until(lambda: self.host.curl("/healthz")[0] == 200, "nobody else is there")
        clients = [self.host.connect() for _ in range(60)]
        try:
            for client in clients[40:]:
                self.assertEqual(read_all(client), b"")  # those before are served below: none was just idle for too long
            for client in clients[:30]:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                self.assertEqual(statuses(read_all(client)), [200])
        finally:
            for client in clients:
                client.close()
        wait_until(lambda: self.host.curl("/healthz")[0] == 200, "room for a connection")

    def test_a_reset_in_a_body_harms_nobody(self):
        for _ in range(20):
            client = self.host.connect()
            client.sendall(POST + b"Content-Length: 500\r\n\r\nab")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        self.assertEqual(self.taken(self.host.post(b"after resets")), [b"after resets"])

    def test_sealed_is_told_only_when_a_counter_anchor_covers_the_event(self):
        waiting = subprocess.Popen(["curl", "-sS", "-d", "to be sealed by http", "--max-time", str(PATIENCE),
                                    f"http://127.0.0.1:{self.host.port}/v1/events?wait=sealed"], stdout=subprocess.PIPE)
        wait_until(lambda: b"to be sealed by http" in self.host.events().values(), "the event")
        self.assertIsNone(waiting.poll())
        anchored = self.host.anchor()
        body = json.loads(waiting.communicate(timeout=PATIENCE)[0])
        self.assertTrue(body["sealed"])
        self.assertLess(body["first"], anchored["tree_size"])

    def test_the_source_record_says_what_the_daemon_knows(self):
        sources = []
        for arguments in ([], ["--unix-socket", str(self.host.folder / "http.sock")]):
            status, body = self.host.curl("/v1/events", *arguments, body=b"whose")
            self.assertEqual(status, 200)
            record = self.record(json.loads(body)["first"])
            sources.append(json.loads(self.record(record["source"])["text"]))
        self.assertEqual(sources[0], {"address": "127.0.0.1", "transport": "http"})
        self.assertEqual((sources[1]["transport"], sources[1]["uid"]), ("http+unix", os.getuid()))

    def record(self, index):
        return json.loads(self.host.stele("show", str(index), "-o", "json", expect=OK).stdout)

    def test_health_is_for_everybody_and_head_has_no_body(self):
        self.assertEqual(self.host.curl("/healthz"), (200, b"alive\n"))
        self.assertEqual(json.loads(self.host.curl("/readyz")[1]), {"ready": True, "reasons": []})
        self.assertIn("version", json.loads(self.host.curl("/version")[1]))
        received = self.host.exchange(b"HEAD /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.assertIn(b"Content-Length: 6\r\n", received)
        self.assertTrue(received.endswith(b"\r\n\r\n"))

    def test_real_logs_come_out_byte_exact(self):
        files = vector_logs()
        if files is None:
            self.skipTest("STELE_VECTORS is not set")
        self.assertGreater(len(files), 50)
        client = http.client.HTTPConnection("127.0.0.1", self.host.port, timeout=PATIENCE)
        sent = {}
        for path in files:
            client.request("POST", "/v1/events", body=path.read_bytes())
            reply = client.getresponse()
            body = json.loads(reply.read())
            self.assertEqual(reply.status, 200, (path, body))
            sent[body["first"]] = hashlib.sha256(path.read_bytes()).digest()
        events = self.host.events()
        for index, digest in sent.items():
            self.assertEqual(hashlib.sha256(events[index]).digest(), digest)
        print(f"vectors: {len(files)} cases of logs, as events over HTTP")


class Sockets(unittest.TestCase):
    def test_a_clean_stop_takes_every_socket_away_though_threads_that_serve_are_confined(self):
        with HttpHost() as host:
            host.provision()
            host.start_daemon()
            sockets = (host.folder / "http.sock", host.ingest, host.control)
            self.assertTrue(all(path.is_socket() for path in sockets))
            host.stop_daemon()
            self.assertEqual([str(path) for path in sockets if path.exists()], [])


class Room(unittest.TestCase):
    def test_all_bodies_together_have_a_bound_and_what_was_taken_of_it_is_given_back(self):
        """Ten times the room is announced and begun: some are told to come again, the others end as they should."""
        with HttpHost() as host:
            host.provision(http='buffer_bytes = "1MiB"\nmax_body_bytes = "1MiB"\nreceive_time = "10min"')
            host.start_daemon()
            whole = 512 << 10
            clients = [host.connect() for _ in range(20)]
            for client in clients:
                self.addCleanup(client.close)
                client.sendall(POST + b"Content-Length: %d\r\n\r\n" % whole)
            refused = set()
            for client in clients:  # each sends all but its last byte, or is refused on the way
                client.settimeout(PATIENCE)
                try:
                    client.sendall(b"x" * (whole - 1))
                except (BrokenPipeError, ConnectionResetError):
                    refused.add(client)

            def at_most_two_are_held():
                refused.update(select.select(clients, [], [], 0)[0])
                return len(refused) >= len(clients) - 2
            wait_until(at_most_two_are_held, "no more bodies than there is room for")
            for client in refused:
                with contextlib.suppress(OSError):  # it may be over already
                    client.shutdown(socket.SHUT_WR)
                self.assertIn(statuses(read_all(client)), ([503], []))  # [] where a reset overtook the words
            held = [client for client in clients if client not in refused]
            self.assertTrue(held)
            self.assertEqual(host.curl("/healthz")[0], 200)
            self.assertEqual(host.post(b"x" * 600_000)[0], 503)
            for client in held:
                client.sendall(b"!")
                self.assertEqual(statuses(client.recv(65536)), [200])
                client.close()
            for _ in range(3):  # and all of the room is there again, after refusals and resets
                self.assertEqual(host.post(b"y" * (1 << 20))[0], 200)


class SlowClients(unittest.TestCase):
    def test_slow_and_half_open_clients_lose_their_connections_and_delay_nobody(self):
        with HttpHost() as host:
            host.provision(http='receive_time = "5s"')  # more than this process needs for what it begins and half-closes
            host.start_daemon()
            slow = []
            for start in [b"", b"GET /hea", POST, POST + b"Content-Length: 5\r\n\r\nab", CHUNKED + b"5\r\nab"] * 4:
                client = host.connect()
                self.addCleanup(client.close)
                client.sendall(start)
                slow.append((start, client))
            self.assertEqual(host.curl("/healthz")[0], 200)
            for start, client in slow:
                self.assertEqual(statuses(read_all(client)), [408] if start else [], start)
            self.assertEqual(statuses(host.exchange(POST + b"Content-Length: 5\r\n\r\nab", half_close=True)), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
