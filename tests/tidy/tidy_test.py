#!/usr/bin/env python3
"""Each house rule can fail: a small tree that breaks just that rule is reported, a good one is not."""
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tidy  # noqa: E402

GOOD_HEADER = "// A thing is a thing.\n#pragma once\n"
BREACHES = {
    "attest includes storage": ("attest/a.cc", '#include "storage/store.h"\n', "attest may not include storage/store.h"),
    "attest reads the clock": ("attest/a.cc", "#include <chrono>\n", "attest is pure"),
    "attest calls POSIX": ("attest/a.cc", "#include <unistd.h>\n", "attest may not include <unistd.h>"),
    "a test that TSan is spared begins a thread": ("tests/attest/a_test.cc", "#include <thread>\n", "left out of TSan"),
    "storage includes openssl": ("storage/a.cc", "#include <openssl/evp.h>\n", "storage may not include <openssl/evp.h>"),
    "tpm includes storage": ("tpm/a.cc", '#include "storage/journal.h"\n', "tpm may not include storage/journal.h"),
    "daemon includes sqlite": ("daemon/a.cc", "#include <sqlite3.h>\n", "daemon may not include <sqlite3.h>"),
    "daemon includes tss2": ("daemon/a.cc", "#include <tss2/tss2_esys.h>\n", "daemon may not include <tss2/"),
    "storage includes prometheus": ("storage/a.cc", "#include <prometheus/gauge.h>\n", "(prometheus)"),
    "a tool unpacks zstd": ("tools/stele/a.cc", "#include <zstd.h>\n", "(zstd)"),
    "verifier includes the writer": ("tools/stele_verify/a.cc", '#include "storage/store.h"\n', "reading half only"),
    "verifier includes asio": ("tools/stele_verify/a.cc", "#include <boost/asio.hpp>\n", "may not include <boost/asio.hpp>"),
    "a tool includes tpm": ("tools/stele/query.cc", '#include "tpm/device.h"\n', "tools may not include tpm/device.h"),
    "a header without a sentence": ("attest/a.h", "#pragma once\n", "one sentence on what it is"),
    "something left open": ("attest/a.cc", "// TODO: more\n", "left open"),
    "a path of one machine": ("attest/README.md", "see /work/" + "main\n", "outside the project"),
    "a long line": ("attest/a.cc", "//" + "x" * 130 + "\n", "line of 132 characters"),
    "a foreign top level": ("util/a.txt", "x\n", "the top level is fixed"),
    "a long second verifier": (tidy.SECOND_VERIFIER, "import os\n" * tidy.FEWER_LINES_THAN, "not fewer than"),
    "a second verifier in parts": (tidy.SECOND_VERIFIER, "from fields import H\n", "imports fields"),
    "a README that names a missing file": ("attest/README.md", "`attest/nothing.h`\n", "names attest/nothing.h"),
}


def plant(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def good_tree(root):
    for room in tidy.ROOMS:
        plant(root, f"{room}/README.md", f"# {room}\n")
    plant(root, "README.md", "./tools/quickstart ./tools/test\n")
    for script in ("tools/quickstart", "tools/test"):
        plant(root, script, "#!/bin/sh\n")
        os.chmod(root / script, 0o755)
    plant(root, "attest/thing.h", GOOD_HEADER)


def main():
    failures = 0
    for name, (path, text, expected) in {"nothing": ("attest/thing.h", GOOD_HEADER, None), **BREACHES}.items():
        folder = pathlib.Path(tempfile.mkdtemp(prefix="stele-tidy-"))
        try:
            good_tree(folder)
            plant(folder, path, text)
            found = tidy.tidy(folder)
        finally:
            shutil.rmtree(folder)
        right = not found if expected is None else len(found) == 1 and expected in found[0]
        if not right:
            failures += 1
            print(f"FAILED {name}: expected {expected!r}, found {found}")
    print(f"{len(BREACHES) + 1 - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
