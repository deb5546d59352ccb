"""Sockets opened as a service manager does it, and a daemon that they are passed to (sd_listen_fds(3)). Standard library
only."""
import os
import socket
import subprocess

START = """import os, sys
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[1], LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def passing(sockets, *command, **options):
    """Starts the command with these sockets, by name, as descriptors 3, 4 …"""
    def arrange():
        copies = [os.dup(one.fileno()) for _, one in sockets]
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate(copies)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
    names = ":".join(name for name, _ in sockets)
    return subprocess.Popen(["python3", "-c", START, str(len(sockets)), names, *map(str, command)], preexec_fn=arrange,
                            close_fds=False, stdin=subprocess.DEVNULL, **options)


def bound(kind, family=socket.AF_INET, address=("127.0.0.1", 0)):
    made = socket.socket(family, kind)
    made.bind(address)
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made
