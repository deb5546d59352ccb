"""Goal: whoever follows a README has what the tests have tried. Method: the finder of snippets against small pages that
are wrong in one thing each; and every snippet of the READMEs is one that a test of a real program asks for by its name."""
import pathlib
import re
import unittest

from readme_snippets import MARKER, PAGES, ROOT, blocks, replaced, snippet

PAGE = """# A page

<!-- snippet: one -->
```toml
path = "/run/one"
port = 514
```
<!-- snippet: two -->
```
other
```
"""
BROKEN = {
    "a second snippet one": PAGE + "<!-- snippet: one -->\n```\nagain\n```\n",
    "no fenced block": PAGE + "<!-- snippet: three -->\nprose\n```\nlate\n```\n",
    "no fenced block right below": PAGE.replace("-->\n```toml", "-->\n\n```toml"),
    "never ends": PAGE + "<!-- snippet: three -->\n```\nopen\n",
    "is empty": PAGE + "<!-- snippet: three -->\n```\n```\n",
    "no name of a snippet": PAGE + "<!-- snippet: Three things -->\n```\nx\n```\n",
    "a marker is a line": PAGE + "see <!-- snippet: three -->\n```\nx\n```\n",
}
ROOMS = ["attest", "storage", "tpm", "daemon", "tools", "tests"]
HERE = pathlib.Path(__file__).resolve()


class Snippets(unittest.TestCase):
    def test_a_block_is_found_whole_by_its_name(self):
        self.assertEqual(blocks(PAGE, "page"), {"one": 'path = "/run/one"\nport = 514\n', "two": "other\n"})

    def test_what_is_wrong_with_a_page_is_said(self):
        for what, text in BROKEN.items():
            with self.subTest(what), self.assertRaisesRegex(AssertionError, what):
                blocks(text, "page")

    def test_only_what_is_listed_is_replaced_and_in_one_go(self):
        body = "ports 601 6514 /run/log /run/log2\n"
        self.assertEqual(replaced(body, {"601": 6514, "6514": 601}, "it"), "ports 6514 601 /run/log /run/log2\n")
        self.assertEqual(replaced(body, {"/run/log2": "/a", "/run/log": "/b"}, "it"), "ports 601 6514 /b /a\n")
        self.assertEqual(replaced(body, {}, "it"), body)

    def test_what_does_not_occur_fails(self):
        with self.assertRaisesRegex(AssertionError, r"it has nothing of \['602'\]"):
            replaced("ports 601\n", {"601": 1, "602": 2}, "it")
        with self.assertRaisesRegex(AssertionError, "no snippet nothing-like-it"):
            snippet(PAGES[1], "nothing-like-it", {})

    def test_every_snippet_of_the_pages_is_tried_by_a_test(self):
        tests = [path.read_text() for path in HERE.parent.glob("*.py") if path != HERE]
        asked_for = {name for text in tests for name in re.findall(r'"([a-z][a-z0-9-]*)"', text)}
        names = [(page, name) for page in PAGES for name in blocks((ROOT / page).read_text(), page)]
        self.assertGreater(len(names), 18)
        for page, name in names:
            with self.subTest(page=page, name=name):
                self.assertTrue(name in asked_for, "no test asks for it")

    def test_no_page_beside_these_has_a_snippet(self):
        pages = [page for room in ROOMS for page in (ROOT / room).glob("**/README.md")]
        self.assertGreater(len(pages), 6)
        marked = {str(page.relative_to(ROOT)) for page in pages if any(map(MARKER.match, page.read_text().splitlines()))}
        self.assertLessEqual(marked, set(PAGES))


if __name__ == "__main__":
    unittest.main(verbosity=2)
