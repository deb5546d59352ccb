"""Goal: the walk of attest/README.md, "From nothing to a verdict", leads from nothing to a verdict, also over ssh.
Method: the page's own commands, in its order, each person in a folder that holds what the page carried there; a real
daemon, a TPM with a maker, and sshd on 127.0.0.1 with keys and a configuration of the test's own. What is replaced:
names, ports and paths; and a software TPM is allowed, by the option that the page names."""
import getpass
import os
import pathlib
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import unittest

from enroll_host import EnrolHost, Maker
from http_host import LISTENING
from stele_host import BIN, OK, PATIENCE, PERMISSION, TAMPERED, flipped, listens, run, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "attest" / "README.md"
SSHD = ROOT / "build" / "unpacked" / "openssh-server" / "usr" / "sbin" / "sshd"
PEOPLE = ("host", "auditor", "third")
STEP = re.compile(r"^```(?:sh (?P<who>\w+)|(?P<toml>toml))\n(?P<block>.*?)^```$"
                  r"|^(?P<files>`[^`]+`(?:(?:, | and )`[^`]+`)*) goe?s? to the (?P<to>\w+)|"
                  r"(?<=\. )(?P<more>`[^`]+`(?:(?:, | and )`[^`]+`)*) goe?s? to the (?P<then>\w+)", re.S | re.M)
NAME = re.compile(r"`([^`]+)`")


def page():
    """The walk's steps in order: (who, commands), ("toml", lines) or ("carry", names, to whom)."""
    text = README.read_text().split("### From nothing to a verdict\n")[1].split("\n## ")[0]
    steps = []
    for found in STEP.finditer(text):
        if found["block"]:
            steps.append((found["who"] or "toml", found["block"]))
        else:
            steps.append(("carry", NAME.findall(found["files"] or found["more"]), found["to"] or found["then"]))
    return text, steps


class Sshd:
    """A real sshd on 127.0.0.1, run by an account that is not root, which alone can log in; by key alone."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(mode=0o755)
        # Not nobody, which nss-systemd calls locked.
        self.account = "daemon" if os.getuid() == 0 else getpass.getuser()
        for key in ("host_key", "user_key"):
            done = run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key)
            assert done.returncode == OK, done.stderr
        shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")
        as_account = []
        if os.getuid() == 0:
            user = pwd.getpwnam(self.account)
            for name in ("host_key", "authorized_keys"):
                os.chown(self.folder / name, user.pw_uid, user.pw_gid)
            as_account = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
        self.listen(as_account)
        self.client = self.folder / "ssh_config"
        self.client.write_text(f"Host *\nPort {self.port}\nIdentityFile {self.folder}/user_key\nIdentitiesOnly yes\n"
                               f"UserKnownHostsFile {self.folder}/known_hosts\nStrictHostKeyChecking yes\nBatchMode yes\n")
        public = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}\n")

    def listen(self, as_account):
        for _ in range(20):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            config = self.folder / "sshd_config"
            config.write_text(f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.folder}/host_key\nPidFile none\n"
                              f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
                              "PasswordAuthentication no\nKbdInteractiveAuthentication no\n")
            self.log = open(self.folder / "log", "wb")
            self.process = subprocess.Popen([*as_account, SSHD, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL,
                                            stdout=self.log, stderr=self.log)
            wait_until(lambda: listens(self.port) or self.process.poll() is not None, "sshd listens, or ends")
            if self.process.poll() is None:
                return
        raise AssertionError((self.folder / "log").read_text())

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()


class Walk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not SSHD.exists():
            raise unittest.SkipTest(f"{SSHD.relative_to(ROOT)} is not there: tools/setup unpacks it")
        cls.maker = Maker()
        cls.addClassCleanup(cls.maker.close)
        cls.host = EnrolHost(cls.maker, http=False)
        cls.addClassCleanup(cls.host.close)
        cls.host.folder.chmod(0o711)  # the account of ssh passes through to the socket, as in /run
        cls.host.begin_log()
        cls.socket = cls.host.folder / "http.sock"
        cls.folders = {who: cls.host.folder / f"of-{who}" for who in PEOPLE}
        for folder in cls.folders.values():
            folder.mkdir()
        shutil.copytree(cls.maker.roots(), cls.folders["auditor"] / "ek-roots")
        cls.sshd = Sshd(cls.host.folder / "sshd")
        cls.addClassCleanup(cls.sshd.close)
        cls.programs()
        cls.addClassCleanup(cls.leave)
        cls.walk()

    @classmethod
    def programs(cls):
        """On everybody's PATH: the product's; `stele` of the host finds its configuration where the test has it."""
        for who in PEOPLE:
            folder = cls.folders[who] / ".bin"
            folder.mkdir()
            config = f"--config {cls.host.config} " if who == "host" else ""
            for name, line in {"stele": f'exec {BIN}/stele "$@" {config}', "stele-verify": f'exec {BIN}/stele-verify "$@"',
                               "ssh": f'exec /usr/bin/ssh -F {cls.sshd.client} "$@"'}.items():
                (folder / name).write_text(f"#!/bin/sh\n{line}\n")
                (folder / name).chmod(0o755)

    @classmethod
    def leave(cls):
        """Whatever a failed step left of ssh."""
        if (cls.folders["auditor"] / "door.ctl").exists():
            cls.do("auditor", 'ssh -S ./door.ctl -O exit "$ACCOUNT"')

    @classmethod
    def environment(cls, who):
        there = {"NAME": "localhost", "ACCOUNT": f"{cls.sshd.account}@127.0.0.1"}
        port = LISTENING.findall(cls.host.daemon_words())
        if port:
            there["HOST"] = f"https://localhost:{port[-1]}"
        return {**os.environ, **there, "PATH": f"{cls.folders[who]}/.bin:{os.environ['PATH']}"}

    @classmethod
    def do(cls, who, commands, expect=OK):
        """A block of the page, in that person's folder; what it says."""
        commands = commands.replace("/run/stele/http.sock", str(cls.socket))
        commands = commands.replace('stele enroll "$HOST"', 'stele enroll "$HOST" --allow-simulator')
        out = cls.host.folder / "said"
        with open(out, "wb") as said:  # no pipe: ssh stays in the background and would hold it
            done = subprocess.run(["sh", "-e", "-c", commands], cwd=cls.folders[who], env=cls.environment(who),
                                  stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=PATIENCE)
        words = out.read_text()
        assert done.returncode == expect, f"{who}: {commands}\nexit {done.returncode}: {words}"
        return words

    @classmethod
    def walk(cls):
        cls.text, cls.steps = page()
        cls.said, cls.blocks = {}, []
        for what, *rest in cls.steps:
            if what == "carry":
                cls.carry(*rest)
            elif what == "toml":
                cls.configure(rest[0])
            else:
                words = cls.do(what, rest[0])
                cls.blocks.append((what, rest[0], words))

    @classmethod
    def carry(cls, names, to):
        for name in names:
            holders = [who for who in PEOPLE if (cls.folders[who] / name).exists()]
            assert holders and to not in holders, (name, to, holders)
            shutil.copy(cls.folders[holders[0]] / name, cls.folders[to] / name)

    @classmethod
    def configure(cls, lines):
        lines = lines.replace("/etc/stele", str(cls.folders["host"])).replace("/run/stele/http.sock", str(cls.socket))
        cls.host.stop_daemon()
        cls.host.write_config(extra=lines.replace("0.0.0.0:8443", "127.0.0.1:0") + 'socket_mode = "0666"\n')
        cls.host.start_daemon()

    def words_of(self, command):
        """What the blocks with this command said, in order."""
        found = [words for _, commands, words in self.blocks if command in commands]
        self.assertTrue(found, command)
        return found

    def test_each_person_has_a_part_and_each_command_is_walked(self):
        self.assertEqual({who for who, *_ in self.blocks}, set(PEOPLE))
        walked = "".join(commands for _, commands, _ in self.blocks)
        for command in ("stele enroll", "stele challenge", "--memory", "stele answer", "stele bundle", "stele-verify",
                        "openssl x509 -req", "curl -fsS", "ssh -f"):
            self.assertIn(command, walked)
        self.assertEqual(self.text.count("```sh"), len(self.blocks), "no block of the page is passed over")
        self.assertEqual(self.text.count("go to the") + self.text.count("goes to the"),
                         sum(step[0] == "carry" for step in self.steps), "nor a file")
        self.assertIn("--allow-simulator", self.text)

    def test_the_enrolment_says_who_vouches_and_signs(self):
        said, = self.words_of("stele enroll")
        self.assertIn("only claimed by the host", said)
        trust = (self.folders["auditor"] / "host.trust").read_text()
        self.assertIn("tpm_kind simulator", trust)
        self.assertIn("— auditor.example ", trust)

    def test_the_third_person_concludes_for_himself(self):
        said, = self.words_of("stele-verify")
        self.assertRegex(said, r"(?m)^conclusion +verified$")
        # He has nothing that the page did not carry there, and nobody's daemon: a copy of his folder elsewhere does.
        self.assertEqual({path.name for path in self.folders["third"].iterdir()} - {".bin"},
                         {"log.bundle", "host.trust", "auditor.vkey", "nonce"})
        command = next(c for _, c, _ in self.blocks if "stele-verify" in c)
        bundle = self.folders["third"] / "log.bundle"
        whole = bundle.read_bytes()
        changed = flipped(bundle, whole.index(b"three"))
        self.do("third", command.replace("log.bundle", changed.name), expect=TAMPERED)
        changed.unlink()
        # Another nonce than the one that was answered: whoever replays an older bundle is found out.
        other = self.do("third", command.replace('"$(cat nonce)"', secrets.token_hex(32)), expect=TAMPERED)
        self.assertIn("nonce", other)

    def test_the_second_visit_goes_on_from_the_first_and_over_ssh(self):
        first, over_ssh = self.words_of("stele challenge")
        self.assertIn("verified", first)
        self.assertIn("verified", over_ssh)
        memory = self.folders["auditor"] / "host.memory"
        self.assertTrue(memory.exists() and memory.with_name("host.memory.anchor").exists())
        accepted = (self.sshd.folder / "log").read_text()
        self.assertIn("Accepted publickey", accepted)
        self.assertFalse((self.folders["auditor"] / "door.ctl").exists(), "ssh has ended")

    @unittest.skipUnless(os.getuid() == 0, "the account of ssh is the daemon's own user")
    def test_over_ssh_an_account_has_what_it_is_given_and_no_more(self):
        """The page's own visit, refused: over the control socket, which serves root and the daemon's user alone, and with
        no role given."""
        visit = next(c for _, c, _ in self.blocks if "ssh -f" in c)
        lines = visit.splitlines()
        lines[1] += f" || test $? = {PERMISSION}"
        refused = "\n".join(lines)
        (self.folders["auditor"] / "host.sock").unlink()
        self.host.control.chmod(0o666)
        said = self.do("auditor", refused.replace("/run/stele/http.sock", str(self.host.control)))
        self.assertIn("only root and the daemon's own user", said)
        self.host.stop_daemon()
        self.host.config.write_text(self.host.config.read_text().replace('plain_roles = ["auditor"]', "plain_roles = []"))
        self.host.start_daemon()
        (self.folders["auditor"] / "host.sock").unlink()
        self.assertIn("one of the roles auditor", self.do("auditor", refused))


if __name__ == "__main__":
    unittest.main(verbosity=2)
