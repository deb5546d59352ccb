#!/usr/bin/env python3
"""Runs a program as the shipped unit confines it, as far as that is done by the process itself: no capabilities, no new
privileges, the system call filter and what the unit asks of it beyond names. A call that is not allowed kills at once.

  confined.py [--as UID] PROGRAM ARGUMENT...

--as UID  as this user, to whom the folder of the file after --config is given first; the program itself need not be
          within that user's reach
"""
import ctypes
import os
import socket
import sys

import unit_file

KILL, ALLOW, NO_SUCH_CALL = 0x80000000, 0x7FFF0000, 0x00050000 | 38
EQUAL, MASKED_EQUAL = 4, 7
PROT_WRITE, PROT_EXEC = 2, 4
NAMESPACES = 0x7E020080  # every CLONE_NEW*
SET_ID_BITS = 0o6000
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


def make_filter():
    made, special = Filter(), conditions()
    for name in sorted(unit_file.allowed_calls()):
        if name == "clone3" and "clone" in special:
            made.add(NO_SUCH_CALL, name)  # its flags lie in memory: systemd says that there is no such call
        elif name in special:
            for comparison in special[name]:
                made.add(ALLOW, name, comparison)
        else:
            made.add(ALLOW, name)
    return made


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


def main(arguments):
    uid = 0
    if arguments[0] == "--as":
        uid, arguments = int(arguments[1]), arguments[2:]
        if "--config" in arguments:
            own(os.path.dirname(arguments[arguments.index("--config") + 1]), uid)
    ready = make_filter()
    program = os.open(arguments[0], os.O_RDONLY | os.O_CLOEXEC)
    drop_privileges(uid)
    ready.load()
    os.execve(program, arguments, os.environ)


if __name__ == "__main__":
    main(sys.argv[1:])
