"""A proxy between the daemon and swtpm, and what a man in the middle does there: forge, drop, reorder, hold, inject.

It serves many clients over one connection to the TPM, command by command, as a resource manager would; so root's own
hand can work beside a running daemon. A rule is a function (code, command, answer) -> response, where answer() asks
the real TPM; None breaks the connection. Without a rule every command goes through.
"""
import contextlib
import socket
import struct
import threading

from tpm_hands import Hand


def receive(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError("the peer is gone")
        data += more
    return data


def receive_message(connection):
    """A TPM command or response: tag, size, code, the rest."""
    head = receive(connection, 10)
    return head + receive(connection, struct.unpack(">I", head[2:6])[0] - 10)


class Interposer:
    def __init__(self, port):
        self.upstream_port, self.upstream, self.rule, self.newest = port, None, None, {}
        self.busy, self.connections, self.after = threading.RLock(), [], None
        self.commands, self.control = self._listen_on_neighbours()
        self.port = self.commands.getsockname()[1]
        for listener, serve in (self.commands, self._serve_commands), (self.control, self._serve_control):
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()

    @property
    def tcti(self):
        return f"swtpm:host=127.0.0.1,port={self.port}"

    @staticmethod
    def _listen_on_neighbours():
        while True:
            first, second = socket.socket(), socket.socket()
            try:
                first.bind(("127.0.0.1", 0))
                second.bind(("127.0.0.1", first.getsockname()[1] + 1))
            except (OSError, OverflowError):
                first.close(), second.close()
                continue
            first.listen(), second.listen()
            return first, second

    def close(self):
        for one in (self.commands, self.control, *self.connections, self.upstream):
            if one:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def hand(self, secrets):
        """Root's hand beside the daemon, through the same proxy."""
        hand = Hand(self.port, secrets)
        self.connections.append(hand.socket)
        return hand

    def inner_hand(self, secrets):
        """A hand for rules and acts: past the lock that the daemon's command holds."""
        hand = self.hand(secrets)
        hand.transmit = self.ask
        return hand

    def newest_of(self, code):
        """The TPM's newest response to this command."""
        return self.newest[struct.pack(">I", code)]

    def once_after(self, code, act):
        """Does act() right behind the TPM's response to the next such command, before anybody sees it."""
        self.after = (code, act)

    def _accept(self, listener, serve):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._until_gone, args=(serve, connection), daemon=True).start()

    @staticmethod
    def _until_gone(serve, connection):
        with contextlib.suppress(OSError), connection:
            serve(connection)

    def _serve_commands(self, connection):
        while True:
            command = receive_message(connection)
            code = struct.unpack(">I", command[6:10])[0]
            with self.busy:
                response = self.rule(code, command, lambda: self.ask(command)) if self.rule else self.ask(command)
            if response is None:
                return
            connection.sendall(response)

    def ask(self, command):
        """The real TPM's response."""
        with self.busy:
            if not self.upstream:
                self.upstream = socket.create_connection(("127.0.0.1", self.upstream_port))
            self.upstream.sendall(command)
            response = self.newest[command[6:10]] = receive_message(self.upstream)
        if self.after and self.after[0] == struct.unpack(">I", command[6:10])[0]:
            (_, act), self.after = self.after, None
            act()
        return response

    def _serve_control(self, connection):
        """swtpm's control channel, passed through byte by byte."""
        with socket.create_connection(("127.0.0.1", self.upstream_port + 1)) as upstream:
            self.connections.append(upstream)
            threading.Thread(target=self._until_gone, args=(lambda one: self._pump(upstream, one), connection),
                             daemon=True).start()
            self._pump(connection, upstream)

    @staticmethod
    def _pump(source, sink):
        while data := source.recv(4096):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
