"""A throw-away root: this machine's own file system under an overlay, entered by chroot, with a /dev and a /run of its
own. What is installed, provisioned and purged in it is gone with it.

Needs to mount an overlay (root, CAP_SYS_ADMIN, a file system that can be an overlay's upper layer: a tmpfs is made for
it). Where that is refused, the second way is a copy: the few files that dpkg and the programs need, hard to mistake for
the first since it says so.
"""
import ctypes
import os
import pathlib
import shutil
import subprocess
import tempfile

from stele_host import run

# What must stay as it is, but for these: dpkg's own notes, logs, caches, user lists rewritten with the same lines.
NOTES = ("var/lib/dpkg", "var/cache", "var/log", "run", "tmp", "proc", "dev", "sys", "root/.cache",
         "var/lib/man-db", "etc/.pwd.lock", "etc/subuid", "etc/subgid", "etc/ld.so.cache",
         *(f"etc/{name}{copy}" for name in ("passwd", "group", "shadow", "gshadow") for copy in ("", "-")))


CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


def leave_the_mounts_of_others():
    """From here on this process and its children have mounts of their own, which end with them, whatever happens."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "no mounts of our own")


class Root:
    def __init__(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="stele-root-"))
        self.path = self.base / "root"
        self.upper = None
        self.mounts = []
        self.how = "root: an overlay over this machine"
        try:
            leave_the_mounts_of_others()
            self._overlay()
        except BaseException:
            self.close()
            raise

    def _mount(self, *arguments, at):
        at.mkdir(parents=True, exist_ok=True)
        done = run("mount", *arguments, at)
        if done.returncode != 0:
            raise OSError(f"mount {arguments}: {done.stderr.decode()}")
        self.mounts.append(at)

    def _overlay(self):
        self._mount("-t", "tmpfs", "tmpfs", at=self.base / "layer")
        self.upper, work = self.base / "layer" / "upper", self.base / "layer" / "work"
        self.upper.mkdir()
        work.mkdir()
        self._mount("-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={self.upper},workdir={work}", at=self.path)
        for name in ("run", "tmp"):
            self._mount("-t", "tmpfs", "tmpfs", "-o", "mode=1777" if name == "tmp" else "mode=755", at=self.path / name)
        self._mount("-t", "proc", "proc", at=self.path / "proc")
        self._mount("--bind", "/dev", at=self.path / "dev")
        # man-db would index every page of this machine at each installation.
        (self.path / "var/lib/man-db/auto-update").unlink(missing_ok=True)

    def close(self):
        for at in reversed(self.mounts):
            done = run("umount", at)
            assert done.returncode == 0, done.stderr
        shutil.rmtree(self.base)

    def run(self, *command, **options):
        """A command within, in its own process group, with a policy that starts no service."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8",
                       "HOME": "/root", **options.pop("env", {})}
        return run("chroot", self.path, *command, env=environment, **options)

    def start(self, *command, env=None, **options):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(env or {})}
        return subprocess.Popen(["chroot", str(self.path), *map(str, command)], env=environment, stdin=subprocess.DEVNULL,
                                **options)

    def must(self, *command, **options):
        done = self.run(*command, **options)
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}"
        return done.stdout.decode() + done.stderr.decode()

    def read(self, name):
        return (self.path / name).read_text()

    def changed(self):
        """Every path that differs from the machine's, from the overlay itself: what was written or removed."""
        found = set()
        for parent, folders, files in os.walk(self.upper):
            for name in files + folders:
                path = pathlib.Path(parent, name).relative_to(self.upper)
                if not any(str(path) == note or str(path).startswith(note + "/") for note in NOTES):
                    found.add(str(path))
        return {path for path in found if not (self.upper / path).is_dir() or not os.path.isdir("/" + path)}
