#!/usr/bin/env python3
"""Runs a program as the shipped unit confines it, as far as that is done by the process itself: no capabilities, no new
privileges, the system call filter and what the unit asks of it beyond names. A call that is not allowed kills at once.

  confined.py [--as UID] [--calls FILE] [--refuse-netlink] PROGRAM ARGUMENT...

--as UID          as this user, to whom the folder of the file after --config is given first; the program itself need not
                  be within that user's reach
--calls FILE      lets through the calls that FILE lists, one a line, in the place of those of the unit; what the unit asks
                  of arguments holds as well. No call that begins a program may be on it: this script's own, with which the
                  program begins, is let through by a secret that only this script knows
--refuse-netlink  a netlink socket is refused, as by the unit, and does not kill: libc asks for one to sort the addresses of
                  a host that has several, and does without
"""
import argparse
import ctypes
import os
import secrets
import socket
import sys

import unit_file

KILL, ALLOW, NO_SUCH_CALL, NO_SUCH_FAMILY = 0x80000000, 0x7FFF0000, 0x00050000 | 38, 0x00050000 | 97
EQUAL, MASKED_EQUAL = 4, 7
PROT_WRITE, PROT_EXEC = 2, 4
NAMESPACES = 0x7E020080  # every CLONE_NEW*
SET_ID_BITS = 0o6000
AT_EMPTY_PATH = 0x1000
BEGINS_A_PROGRAM = {"execve", "execveat"}
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def bits(argument, mask, value):
    return Comparison(argument, MASKED_EQUAL, mask, value)


def conditions():
    """Calls that are allowed only with certain arguments: each comparison on its own lets the call through."""
    found = {}
    names = unit_file.setting("RestrictAddressFamilies").split()
    found["socket"] = [Comparison(0, EQUAL, int(getattr(socket, name)), 0) for name in names]
    if unit_file.setting("MemoryDenyWriteExecute") == "yes":
        found["mmap"] = [bits(2, PROT_WRITE | PROT_EXEC, value) for value in (0, PROT_WRITE, PROT_EXEC)]
        found["mprotect"] = found["pkey_mprotect"] = [bits(2, PROT_EXEC, 0)]
    if unit_file.setting("RestrictNamespaces") == "yes":
        found["clone"] = [bits(0, NAMESPACES, 0)]
        found["unshare"] = [bits(0, NAMESPACES, 0)]
        found["setns"] = []
    if unit_file.setting("RestrictSUIDSGID") == "yes":
        found["chmod"] = found["fchmod"] = found["mkdir"] = [bits(1, SET_ID_BITS, 0)]
        found["fchmodat"] = [bits(2, SET_ID_BITS, 0)]
    if unit_file.setting("LockPersonality") == "yes":
        found["personality"] = []
    return found


class Filter:
    def __init__(self):
        self.library = ctypes.CDLL("libseccomp.so.2")
        self.library.seccomp_init.restype = ctypes.c_void_p
        self.handle = ctypes.c_void_p(self.library.seccomp_init(ctypes.c_uint32(KILL)))

    def number(self, name):
        return self.library.seccomp_syscall_resolve_name(name.encode())

    def add(self, action, name, comparison=None):
        number = self.number(name)
        if number < 0:
            return  # another architecture's call
        array = (Comparison * 1)(comparison) if comparison else None
        code = self.library.seccomp_rule_add_array(self.handle, ctypes.c_uint32(action), number, int(bool(comparison)),
                                                   array)
        assert code == 0, f"{name}: libseccomp says {code}"

    def load(self):
        code = self.library.seccomp_load(self.handle)
        assert code == 0, f"the filter cannot be loaded: {code}"


def make_filter(names):
    made, special = Filter(), conditions()
    for name in sorted(names):
        if name == "clone3" and "clone" in special:
            made.add(NO_SUCH_CALL, name)  # its flags lie in memory: systemd says that there is no such call
        elif name in special:
            for comparison in special[name]:
                made.add(ALLOW, name, comparison)
        else:
            made.add(ALLOW, name)
    return made


class Start:
    """The one call that makes this process the program: execveat with a sixth argument, of which the kernel knows nothing
    but which a filter sees. It stands in a register; the program, which begins with registers of its own, cannot know it."""

    def __init__(self, allowed, program, arguments):
        secret = secrets.randbits(63) | 1 << 62
        allowed.add(ALLOW, "execveat", Comparison(5, EQUAL, secret, 0))
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        environment = [f"{name}={value}" for name, value in os.environ.items()]
        given = [ctypes.c_long(allowed.number("execveat")), ctypes.c_long(program), ctypes.c_char_p(b""),
                 self.strings(arguments), self.strings(environment), ctypes.c_long(AT_EMPTY_PATH), ctypes.c_long(secret)]
        self.call = lambda: libc.syscall(*given)  # all is made before the filter is loaded

    @staticmethod
    def strings(texts):
        return (ctypes.c_char_p * (len(texts) + 1))(*map(os.fsencode, texts), None)

    def __call__(self):
        self.call()
        raise OSError(ctypes.get_errno(), "execveat")


def own(folder, uid):
    """Gives the folder and all that is in it to the user; links are not followed."""
    for parent, folders, files in os.walk(folder):
        for name in [".", *folders, *files]:
            os.chown(os.path.join(parent, name), uid, uid, follow_symlinks=False)


def become(uid):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def drop_privileges(uid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # beyond the last one the kernel refuses
    if uid:
        become(uid)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    assert libc.capset(header, nothing) == 0, os.strerror(ctypes.get_errno())


def read_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--as", dest="uid", type=int, default=0)
    parser.add_argument("--calls")
    parser.add_argument("--refuse-netlink", action="store_true")
    parser.add_argument("program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def main(given):
    call = [given.program, *given.arguments]
    if given.uid and "--config" in call:
        own(os.path.dirname(call[call.index("--config") + 1]), given.uid)
    names = unit_file.listed_calls(given.calls) if given.calls else unit_file.allowed_calls()
    ready = make_filter(names)
    if given.refuse_netlink:
        ready.add(NO_SUCH_FAMILY, "socket", Comparison(0, EQUAL, socket.AF_NETLINK, 0))
    program = os.open(given.program, os.O_RDONLY | os.O_CLOEXEC)
    start = lambda: os.execve(program, call, os.environ)  # noqa: E731
    if given.calls:
        assert not names & BEGINS_A_PROGRAM, f"{given.calls} has {names & BEGINS_A_PROGRAM}: the daemon begins no program"
        start = Start(ready, program, call)
    drop_privileges(given.uid)
    ready.load()
    start()


if __name__ == "__main__":
    main(read_arguments(sys.argv[1:]))
