"""What a process calls before it becomes the daemon, to run as on a kernel without Landlock: libfaketime reads its clock
from a file, in every thread, and a confined thread may read none (daemon/README.md, "Confined threads")."""
import ctypes
import struct

LANDLOCK_CREATE_RULESET = 444  # the same on every architecture
ENOSYS = 38
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_NUMBER, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x00050000, 0x7FFF0000


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def without_landlock():
    steps = [(LOAD_NUMBER, 0, 0, 0), (JUMP_EQUAL, 0, 1, LANDLOCK_CREATE_RULESET),
             (RETURN, 0, 0, SECCOMP_RET_ERRNO | ENOSYS), (RETURN, 0, 0, SECCOMP_RET_ALLOW)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(steps), code)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                                                                  ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
