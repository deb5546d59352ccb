"""The shipped unit as data: its settings, the system calls that its filter lets through, and the list of those that the
daemon makes."""
import pathlib
import re
import subprocess

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "package"
SERVICE = PACKAGE / "units" / "steled.service"
CALLS = PACKAGE / "units" / "system_calls"


def settings(path=SERVICE):
    """Each setting's values in the order in which they stand: {"User": ["stele"], …}."""
    found = {}
    for line in path.read_text().splitlines():
        match = re.match(r"([A-Za-z]+)=(.*)", line)
        if match:
            found.setdefault(match.group(1), []).append(match.group(2))
    return found


def setting(name, path=SERVICE):
    value, = settings(path)[name]
    return value


def groups():
    """systemd's own groups of system calls, as this machine's systemd knows them."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True,
                            check=True)
    found, name = {}, None
    for line in listed.stdout.splitlines():
        if line.startswith("#"):
            break  # what follows is in no group
        if line.startswith("@"):
            name = line.strip()
            found[name] = []
        elif name and line.startswith("    ") and not line.strip().startswith("#"):
            found[name].append(line.strip())
    return found


def expand(words, known):
    calls = set()
    for word in words:
        calls |= expand(known[word], known) if word.startswith("@") else {word}
    return calls


def allowed_calls(path=SERVICE):
    """As systemd.exec(5) says: an allow-list, from which ~ takes away; what every process needs is always in it."""
    known = groups()
    calls = expand(["@default"], known)
    for value in settings(path)["SystemCallFilter"]:
        if value.startswith("~"):
            calls -= expand(value[1:].split(), known)
        else:
            calls |= expand(value.split(), known)
    return calls


def listed_calls(path=CALLS):
    return {line for line in pathlib.Path(path).read_text().splitlines() if line and not line.startswith("#")}
