"""The three packages of this build, as CPack makes them, and a predecessor of them for upgrades."""
import os
import pathlib
import re

from stele_host import BIN, run

BUILD = pathlib.Path(os.environ.get("STELE_BUILD", BIN.parent)).resolve()
NAMES = ("steled", "stele-tools", "stele-verify")


def make(folder):
    """Makes them in the folder; a path by each package's name. STELE_PACKAGES names a folder of finished ones instead."""
    finished = os.environ.get("STELE_PACKAGES")
    if not finished:
        done = run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, cwd=BUILD)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        # What the build was configured with comes first, wherever -B points.
        made = {p for p in [*pathlib.Path(folder).rglob("*.deb"), *(BUILD / "packages").glob("*.deb")]}
    else:
        made = set(pathlib.Path(finished).glob("*.deb"))
    found = {}
    for name in NAMES:
        paths = sorted(p for p in made if re.match(rf"{name}_[^/]*\.deb$", p.name) and "_CPack_Packages" not in p.parts)
        assert paths, f"no package {name} among {sorted(map(str, made))}"
        found[name] = max(paths, key=lambda p: p.stat().st_mtime)
    return found


def field(package, name):
    done = run("dpkg-deb", "-f", package, name)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def contents(package, folder):
    """Unpacks the package's files; the folder."""
    done = run("dpkg-deb", "-x", package, folder)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(folder)


def predecessor(package, folder):
    """The same package with a lower version."""
    tree = pathlib.Path(folder) / f"{package.stem}-tree"
    assert run("dpkg-deb", "-R", package, tree).returncode == 0
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", "Version: 0.0.9-1", control.read_text()))
    older = pathlib.Path(folder) / f"older-{package.name}"
    done = run("dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, older)
    assert done.returncode == 0, done.stderr
    return older
