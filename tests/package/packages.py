"""The three packages of this build, as CPack makes them, and a predecessor of them for upgrades."""
import os
import pathlib
import re

from stele_host import BIN, run

BUILD = pathlib.Path(os.environ.get("STELE_BUILD", BIN.parent)).resolve()
NAMES = ("steled", "stele-tools", "stele-verify")


def make(folder):
    """Makes them in the folder; a path by each package's name. STELE_PACKAGES names a folder of finished ones."""
    finished = os.environ.get("STELE_PACKAGES")
    if not finished:
        finished = pathlib.Path(folder) / "made"
        done = run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, "-D",
                   f"CPACK_OUTPUT_FILE_PREFIX={finished}", cwd=BUILD)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    made = list(pathlib.Path(finished).glob("*.deb"))
    found = {}
    for name in NAMES:
        paths = [path for path in made if path.name.startswith(name + "_")]
        assert len(paths) == 1, f"not one package {name} among {sorted(map(str, made))}"
        found[name] = paths[0]
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
