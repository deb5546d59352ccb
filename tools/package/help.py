"""What a program says of itself under --help, as a tree: commands, options, positionals, configuration keys."""
import dataclasses
import re
import subprocess


@dataclasses.dataclass
class Option:
    names: list        # ["-o", "--output"]; of a positional its one name
    value: str         # what it takes, as the help says: "FILE", "FORMAT:{text,json}=text"; empty: nothing
    text: str

    @property
    def choices(self):
        found = re.search(r"\{([^}]*)\}", self.value)
        return found.group(1).split(",") if found else []


@dataclasses.dataclass
class Command:
    path: tuple        # ("era", "begin"); of the program itself ()
    text: str
    options: list = dataclasses.field(default_factory=list)
    positionals: list = dataclasses.field(default_factory=list)
    commands: list = dataclasses.field(default_factory=list)
    footer: str = ""

    def all(self):
        """This command and all below it."""
        return [self] + [deeper for command in self.commands for deeper in command.all()]

    @property
    def runs(self):
        """Whether it does something by itself: it has no command below it, or options of its own beside them."""
        return not self.commands or any("--help" not in option.names for option in self.options)


@dataclasses.dataclass
class Key:
    name: str          # "anchor.heartbeat"
    unit: str
    default: str
    text: str


def say(program, *arguments):
    done = subprocess.run([str(program), *arguments, "--help"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise SystemExit(f"{program} {' '.join(arguments)} --help ended with {done.returncode}: {done.stderr}")
    return done.stdout


def entries(lines):
    """Pairs of what stands left and right in a section of the help; what is too long has its right in the next line."""
    found = []
    for line in lines:
        match = re.match(r"  (\S.*?)(?:\s{2,}(\S.*))?$", line)
        if match and not line.startswith("   "):
            found.append([match.group(1), match.group(2) or ""])
        elif found and line.strip():
            found[-1][1] = (found[-1][1] + " " + line.strip()).strip()
    return found


def option(left, text):
    names, _, value = left.partition(" ")
    return Option(names.split(","), value, text)


def sections(text):
    """The help's sections by name, and what comes after them."""
    parts, name, footer = {}, None, []
    for line in text.splitlines():
        if line in ("Positionals:", "Options:", "Subcommands:"):
            name = line[:-1]
            parts[name] = []
        elif name and (line.startswith("  ") or not line):
            parts[name].append(line)
        elif name or footer:
            name = None
            footer.append(line)
    return parts, "\n".join(footer).strip()


def read(program, path=()):
    """The command at this path of the program, with all below it."""
    text = say(program, *path)
    parts, footer = sections(text)
    command = Command(path, text.splitlines()[0], footer=footer)
    command.options = [option(*entry) for entry in entries(parts.get("Options", []))]
    command.positionals = [option(*entry) for entry in entries(parts.get("Positionals", []))]
    for name, _ in entries(parts.get("Subcommands", [])):
        command.commands.append(read(program, (*path, name)))
    return command


def keys(program):
    """The configuration keys that `steled --help` lists, one a line."""
    found = []
    for line in say(program).partition("Configuration keys:\n")[2].splitlines():
        match = re.match(r"([\w.-]+) \((.*?), default (.*?)\): (.*)$", line)
        if match:
            found.append(Key(*match.groups()))
        elif line.strip():
            raise SystemExit(f"{program} --help says of a key what cannot be read as NAME (UNIT, default VALUE): {line}")
    if not found:
        raise SystemExit(f"{program} --help lists no configuration key")
    return found
