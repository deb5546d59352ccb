"""A throw-away root: what is installed, provisioned and purged in it is gone with it.

First way: this machine's own file system under an overlay, with mounts that end with this process. Where no overlay can
be mounted (a container without CAP_SYS_ADMIN; or STELE_ROOT=copy asks for it), second way: a copy of the few programs
that dpkg, the packages' scripts and the tests call, without /proc, which systemd-tmpfiles and the daemon want: these
two look at it from outside. Both are entered by chroot; `how` says which it is.
"""
import ctypes
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

from stele_host import BIN, run

# What may differ: dpkg's own notes, logs, caches, and the lists of users, which are looked at by themselves.
NOTES = ("var/lib/dpkg", "var/lib/man-db", "var/cache", "var/log", "run", "tmp", "proc", "dev", "sys", "root/.cache",
         "etc/.pwd.lock", "etc/subuid", "etc/subgid", "etc/ld.so.cache",
         *(f"etc/{name}{copy}" for name in ("passwd", "group", "shadow", "gshadow") for copy in ("", "-")))
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# For the copy.
PROGRAMS = ("sh dash bash dpkg dpkg-deb dpkg-query dpkg-split tar rm find getent userdel groupdel systemd-sysusers "
            "systemd-tmpfiles deb-systemd-helper perl stat setpriv runuser mktemp mkdir rmdir readlink ln cat chmod "
            "install ldconfig start-stop-daemon update-alternatives diff").split()
FOLDERS = ("etc/pam.d", "etc/security", "etc/alternatives", "etc/default", "var/lib/dpkg", "usr/share/dpkg",
           "usr/lib/x86_64-linux-gnu/perl-base", "usr/lib/x86_64-linux-gnu/security")
FILES = ("passwd group shadow gshadow nsswitch.conf ld.so.conf ld.so.cache login.defs").split()
NODES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}


def leave_the_mounts_of_others():
    """From here on this process and its children have mounts of their own, which end with them, whatever happens."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "no mounts of our own")


def is_note(path):
    return any(path == note or path.startswith(note + "/") for note in NOTES)


class Root:
    def __init__(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="stele-root-"))
        self.path = self.base / "root"
        self.mounts = []
        self.how = "root: an overlay over this machine"
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        if os.environ.get("STELE_ROOT") != "copy":
            try:
                leave_the_mounts_of_others()
                return self._overlay()
            except OSError as error:
                self._unmount()
                self.how = f"root: NO OVERLAY HERE ({error}), so a copy of a few programs"
        else:
            self.how = "root: a copy of a few programs, as STELE_ROOT=copy asks"
        self._copy()

    @property
    def is_copy(self):
        return not self.mounts

    # -- first way

    def _mount(self, *arguments, at):
        at.mkdir(parents=True, exist_ok=True)
        done = run("mount", *arguments, at)
        if done.returncode != 0:
            raise OSError(f"mount {' '.join(map(str, arguments))}: {done.stderr.decode().strip()}")
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

    # -- second way

    def _copy(self):
        self.path.mkdir(exist_ok=True)
        self.base.chmod(0o755)
        for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc/systemd/system", "run", "var/lib/systemd",
                     "var/log", "dev", "root"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        (self.path / "tmp").mkdir()
        (self.path / "tmp").chmod(0o1777)
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.path / name).symlink_to(f"usr/{name}")
        for name in FOLDERS:
            if os.path.isdir(f"/{name}"):
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                assert run("cp", "-a", f"/{name}", self.path / name).returncode == 0
        for name in FILES:
            if os.path.exists(f"/etc/{name}"):
                shutil.copy2(f"/etc/{name}", self.path / "etc" / name)
        for name, numbers in NODES.items():
            os.mknod(self.path / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(*numbers))
            (self.path / "dev" / name).chmod(0o666)
        programs = [shutil.which(name, path=PATH) for name in PROGRAMS]
        modules = [*pathlib.Path("/usr/lib/x86_64-linux-gnu").glob("libtss2-tcti-*.so.0"),
                   *pathlib.Path("/usr/lib/x86_64-linux-gnu").glob("libnss_*.so.2"),
                   *pathlib.Path("/usr/lib/x86_64-linux-gnu/security").glob("*.so")]
        ours = [BIN / name for name in ("steled", "stele", "stele-verify")]
        self._copy_programs([program for program in programs if program], [*modules, *ours])
        self.first = self._snapshot()

    def _copy_programs(self, programs, needs_of):
        libraries = set(map(str, (p for p in needs_of if BIN not in p.parents)))
        libraries |= set(re.findall(r"(/\S+) \(0x", run("ldd", *programs, *needs_of).stdout.decode()))
        for each in {*programs, *libraries}:
            target = self.path / os.path.realpath(os.path.dirname(each)).lstrip("/") / os.path.basename(each)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy2(each, target)

    def _snapshot(self):
        """Each path with what a change would change: kind, rights, size, moment."""
        found = {}
        for parent, folders, files in os.walk(self.path):
            for name in files + folders:
                path = pathlib.Path(parent, name)
                about = path.lstat()
                written = () if stat.S_ISDIR(about.st_mode) else (about.st_size, about.st_mtime)
                found[str(path.relative_to(self.path))] = (about.st_mode, *written)
        return found

    # -- both

    def _unmount(self):
        while self.mounts:
            done = run("umount", self.mounts[-1])
            assert done.returncode == 0, done.stderr
            self.mounts.pop()

    def close(self):
        self._unmount()
        shutil.rmtree(self.base)

    def run(self, *command, **options):
        environment = {"PATH": PATH, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root"}
        return run("chroot", self.path, *command, env=environment, **options)

    def start(self, *command, **options):
        """A process within; in the copy, which has no /proc, the program of the root without it as its root."""
        within = ["chroot", str(self.path)] if not self.is_copy else []
        return subprocess.Popen([*within, *map(str, command)], env={"PATH": PATH, "LC_ALL": "C.UTF-8"},
                                stdin=subprocess.DEVNULL, **options)

    def must(self, *command, **options):
        done = self.run(*command, **options)
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}"
        return done.stdout.decode() + done.stderr.decode()

    def read(self, name):
        return (self.path / name).read_text()

    def changed(self):
        """Every path that differs from the beginning: written, made or removed."""
        if self.is_copy:
            now = self._snapshot()
            found = {path for path in {*now, *self.first} if now.get(path) != self.first.get(path)}
        else:
            found = {str(pathlib.Path(parent, name).relative_to(self.upper))
                     for parent, folders, files in os.walk(self.upper) for name in files + folders}
            # A folder stands in the upper layer for what is in it, too.
            found = {path for path in found if not (self.upper / path).is_dir() or not os.path.isdir("/" + path)}
        return {path for path in found if not is_note(path)}
