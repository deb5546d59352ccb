"""What the READMEs tell a user to configure or to run, for the tests of real programs: the very text of the page.

A snippet is the fenced block right below a line `<!-- snippet: NAME -->`. A test has it with addresses, ports and paths
replaced by its own, from a list that it states: each of the list must occur in the snippet, so that a page that changes
changes the test, or fails it. Nothing else of a snippet is ever replaced. Standard library only.
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DAEMON, HTTP = "daemon/README.md", "daemon/http/README.md"
PAGES = ["README.md", DAEMON, HTTP]
MARKER = re.compile(r"^<!-- snippet: (.*) -->$")
NAME = re.compile(r"[a-z][a-z0-9-]*")
FENCE = "```"


def blocks(text, page):
    """Every snippet of a page, by its name."""
    lines, found = [*text.split("\n"), ""], {}
    for at, line in enumerate(lines):
        marker = MARKER.match(line)
        if not marker:
            assert "<!-- snippet" not in line, f"{page}:{at + 1}: a marker is a line <!-- snippet: NAME -->: {line}"
            continue
        name, where = marker[1], f"{page}:{at + 1}"
        assert NAME.fullmatch(name), f"{where}: no name of a snippet: {name}"
        assert name not in found, f"{where}: a second snippet {name}"
        assert lines[at + 1].startswith(FENCE), f"{where}: no fenced block right below the marker of {name}"
        assert FENCE in lines[at + 2:], f"{where}: the block of {name} never ends"
        end = lines.index(FENCE, at + 2)
        assert end > at + 2, f"{where}: the block of {name} is empty"
        found[name] = "".join(line + "\n" for line in lines[at + 2:end])
    return found


def replaced(body, replacements, what):
    """In one go: what was put in is not replaced again, nor a port that begins with another one's number."""
    seen = dict.fromkeys(replacements, 0)

    def instead(match):
        seen[match.group()] += 1
        return str(replacements[match.group()])
    if replacements:
        longest_first = sorted(replacements, key=len, reverse=True)
        body = re.sub("|".join(map(re.escape, longest_first)), instead, body)
    missing = [text for text, count in seen.items() if count == 0]
    assert not missing, f"{what} has nothing of {missing}: the page has changed, or the test replaces what is not there"
    return body


def snippet(page, name, replacements):
    """The page's block of this name. replacements: what stands there → what this test has in its place."""
    found = blocks((ROOT / page).read_text(encoding="utf-8"), page)
    assert name in found, f"{page} has no snippet {name}, but {sorted(found)}"
    return replaced(found[name], replacements, f"the snippet {name} of {page}")
