#!/usr/bin/env python3
"""Goal: authValues set or changed under a running log, hierarchies switched off, TPM2_Clear disabled, a PCR bank taken
away, a TPM without SHA-1: what anchors need not, they do not miss; what they need is named, with exit code 69, and never
an anchor less or a false one, never tampering; put back, anchoring goes on.

Method: tpm2-tools on the daemon's swtpm in mid-run, in mode B, where root may do all that; mode A refuses what it
should. A TPM without SHA-1: its PCR bank is taken away, and a listener refuses every command that names SHA-1.
"""
import os
import struct

from family import (CONFIGURATION, HALT, OK, UNAVAILABLE, Machine, Secrets, Tally, TpmBetween, into_namespace, run, said)
from luck import PCR_EXTEND, QUOTE
from every_tcti_test import first_counter

START_SESSION, CREATE_PRIMARY, DEFINE, PCR_READ = 0x176, 0x131, 0x12A, 0x17E
ENDORSEMENT = "endorsement's new one"


def tool(machine, *command, expect=OK):
    done = run(*command, env={**os.environ, "TPM2TOOLS_TCTI": machine.tpm.tcti})
    assert (done.returncode == OK) == (expect == OK), (command, done)
    return done


def reboot(machine):
    """The TPM's power is cut; the daemon finds out. PCR banks change then, switches come back on."""
    machine.kill_tpm()
    machine.tpm.start()


def unaffected(tally, machine, what):
    """Nothing that anchors need: they go on, in this run of the daemon and the next."""
    tally.inject()
    tally.goes_on(machine, what)
    tally.answers(machine, what)
    machine.stop_daemon()
    machine.start_daemon()
    tally.goes_on(machine, f"{what}, restarted")
    tally.judge(machine, ("read_back_rule",), what)


def affected(tally, machine, words, what):
    """No anchor, no answer, 69, the words; events are taken; C moves at most for the one intent, however long it lasts."""
    tally.inject()
    machine.send()
    for _ in range(3):
        for command in (("anchor",), ("answer", "--nonce", "5a" * 32, "-o", "-")):
            done = machine.stele(*command)
            told = done.returncode == UNAVAILABLE and all(word in done.stderr.decode() for word in words)
            tally.missed_unless(told, (what, command, done))
    status = machine.status()["anchoring"]
    tally.missed_unless(status["state"] == "unavailable", (what, status))
    tally.lost_unless(machine.send() == OK, (what, "events wait"))
    report = tally.judge(machine, ("read_back_rule",), what)
    tally.missed_unless(report["coverage"]["unanchored"] > 0, (what, "something that is no anchor counts as one"))


def over(tally, machine, what):
    tally.goes_on(machine, f"{what}, put back")
    for _ in range(2):  # behind a read-back
        machine.anchor()
    tally.judge(machine, what=f"{what}, put back")


def auths(tally, machine):
    tool(machine, "tpm2_changeauth", "-c", "owner", "owner's")
    unaffected(tally, machine, "ownerAuth set")
    tool(machine, "tpm2_changeauth", "-c", "owner", "-p", "owner's", "owner's next")
    unaffected(tally, machine, "ownerAuth changed")
    tool(machine, "tpm2_changeauth", "-c", "owner", "-p", "owner's next")
    tool(machine, "tpm2_changeauth", "-c", "lockout", "lockout's")
    unaffected(tally, machine, "lockoutAuth set")
    ours = "hex:" + Secrets(machine.data).endorsement_auth.hex()
    for new in (ENDORSEMENT, ""):
        what = f"endorsementAuth {'changed' if new else 'taken away'}"
        tool(machine, "tpm2_changeauth", "-c", "endorsement", "-p", ours, *([new] if new else []))
        affected(tally, machine, ["the TPM refuses this authValue", "TPM2_GetSessionAuditDigest"], what)
        tool(machine, "tpm2_changeauth", "-c", "endorsement", *(["-p", new] if new else []), ours)
        over(tally, machine, what)


def disable_clear(tally, machine):
    tool(machine, "tpm2_clearcontrol", "-C", "l", "-P", "lockout's", "s")
    unaffected(tally, machine, "disableClear set")
    tool(machine, "tpm2_clear", "-c", "l", "lockout's", expect=None)
    tool(machine, "tpm2_clearcontrol", "-C", "p", "c")
    tool(machine, "tpm2_changeauth", "-c", "lockout", "-p", "lockout's")


def hierarchies_off(tally, machine):
    for switch, words in (("shEnable", ["owner hierarchy", "start the machine anew"]),
                          ("ehEnable", ["hierarchy or command is disabled"])):
        tool(machine, "tpm2_hierarchycontrol", "-C", "p", switch, "clear")
        affected(tally, machine, words, f"{switch} off")
        reboot(machine)
        over(tally, machine, f"{switch} off")


def no_bank(tally, machine):
    """Found at the next power-up: by a running daemon, and at a start."""
    tool(machine, "tpm2_pcrallocate", "sha1:all+sha256:none")
    reboot(machine)
    affected(tally, machine, ["no SHA-256 PCR bank", "tpm2_pcrallocate"], "no SHA-256 bank")
    machine.stop_daemon()
    machine.start_daemon()
    affected(tally, machine, ["no SHA-256 PCR bank", "tpm2_pcrallocate"], "no SHA-256 bank at a start")
    machine.stop_daemon()
    machine.write_config(quote_interval="1h", extra=HALT)
    before = len(machine.daemon_words())
    machine.start_daemon(wait=False)
    tally.inject()
    ended = machine.daemon.wait(600)
    words = machine.daemon_words()[before:]
    tally.missed_unless(ended == UNAVAILABLE and "no SHA-256 PCR bank" in words, ("halt without a bank", ended, words))
    machine.write_config(quote_interval="1h")
    tool(machine, "tpm2_pcrallocate", "sha1:all+sha256:all")
    reboot(machine)
    machine.start_daemon()
    over(tally, machine, "no SHA-256 bank")


class WithoutSha1:
    """Refuses with TPM_RC_HASH whatever names SHA-1: a session's or a name's algorithm, a digest, a selection."""

    SHA1, RC_HASH = 0x0004, 0x1C3

    def __init__(self):
        self.named = 0

    def __call__(self, code, command, forward):
        if self.SHA1 in self.algorithms(code, command):
            self.named += 1
            return said(self.RC_HASH)
        return forward()

    @staticmethod
    def algorithms(code, command):
        """The hash algorithms that this command's parameters name."""
        def u16(at):
            return struct.unpack_from(">H", command, at)[0]

        after = 18 + struct.unpack_from(">I", command, 14)[0] if command[:2] == b"\x80\x02" else 10  # one handle, its auth
        if code == START_SESSION:
            return {u16(len(command) - 2)}
        if code == CREATE_PRIMARY:
            public = after + 2 + u16(after)
            return {u16(public + 4)}
        if code == DEFINE:
            public = after + 2 + u16(after)
            return {u16(public + 6)}
        if code in (PCR_READ, PCR_EXTEND):
            return {u16(after + 4)}
        if code == QUOTE:
            scheme = after + 2 + u16(after)
            selection = scheme + (2 if u16(scheme) == 0x0010 else 4)
            return {u16(selection + 4)}
        return set()


def without_sha1(tally):
    with Machine("a") as machine:
        machine.tpm.start()
        tool(machine, "tpm2_pcrallocate", "sha1:none+sha256:all")
        reboot(machine)
        listener = WithoutSha1()
        between = TpmBetween(machine.tpm, listener)
        controls = (("tpm2_startauthsession", "-g", "sha1", "-S", machine.folder / "session"), ("tpm2_pcrread", "sha1:0"),
                    ("tpm2_createprimary", "-C", "n", "-g", "sha1", "-c", machine.folder / "key"),
                    ("tpm2_nvdefine", "-C", "o", "-g", "sha1", "0x01900000"),
                    ("tpm2_pcrextend", "16:sha1=" + "5a" * 20))
        for number, control in enumerate(controls, 1):
            shown = run(*control, "-T", between.tcti)
            assert shown.returncode != OK and listener.named == number, ("SHA-1 is not refused", shown)
        machine.write_config()
        done = machine.stele("provision", "--tcti", between.tcti, "--origin", machine.origin, "--mode", "a", "--escrow",
                             machine.folder / "escrow", "--escrow-key", machine.escrow_certificate())
        tally.lost_unless(done.returncode == OK, ("provisioning without SHA-1", done))
        machine.write_config(tcti=between.tcti)
        machine.start_daemon()
        unaffected(tally, machine, "no SHA-1")
        tally.lost_unless(listener.named == len(controls), "something of ours names SHA-1")
        machine.stop_daemon()
        between.close()


def provisioning(tally):
    """What provisioning meets: refused in words, nothing made, and done when it is put back."""
    with Machine("b") as machine:
        machine.tpm.start()
        machine.write_config()

        def attempt(code, words, what):
            tally.inject()
            done = machine.stele("provision", "--tcti", machine.tpm.tcti, "--origin", machine.origin, "--mode", "b")
            tally.missed_unless(done.returncode == code and words in done.stderr.decode(), (what, done))

        tool(machine, "tpm2_changeauth", "-c", "owner", "owner's")
        attempt(CONFIGURATION, "owner hierarchy of this TPM has an authValue", "ownerAuth set before")
        tool(machine, "tpm2_changeauth", "-c", "owner", "-p", "owner's")
        tool(machine, "tpm2_changeauth", "-c", "endorsement", "somebody's")
        attempt(CONFIGURATION, "endorsement hierarchy of this TPM has an authValue", "endorsementAuth set before")
        made = [run("tpm2_getcap", what, "-T", machine.tpm.tcti).stdout for what in ("handles-nv-index", "handles-persistent")]
        tally.missed_unless(made == [b"", b""] and not (machine.data / "journal").exists(), ("nothing is made", made))
        tool(machine, "tpm2_changeauth", "-c", "endorsement", "-p", "somebody's")
        tool(machine, "tpm2_hierarchycontrol", "-C", "p", "shEnable", "clear")
        attempt(UNAVAILABLE, "hierarchy", "the owner hierarchy off")
        tool(machine, "tpm2_pcrallocate", "sha1:all+sha256:none")
        reboot(machine)
        machine.tpm.start()
        attempt(UNAVAILABLE, "SHA-256 PCR bank", "no bank")
        tool(machine, "tpm2_pcrallocate", "sha1:all+sha256:all")
        reboot(machine)
        attempt(OK, "", "all put back")
        machine.start_daemon()
        tally.goes_on(machine, "provisioned at last")
        tally.judge(machine, what="provisioned at last")
        machine.stop_daemon()


def mode_a_refuses(tally):
    """Without the auditor root gets none of it done."""
    with Machine("a") as machine:
        machine.begin()
        for command in (("tpm2_changeauth", "-c", "owner", "root's"), ("tpm2_changeauth", "-c", "lockout", "root's"),
                        ("tpm2_clear", "-c", "l"), ("tpm2_clear", "-c", "p"),
                        ("tpm2_clearcontrol", "-C", "l", "c")):
            tally.inject()
            tool(machine, *command, expect=None)
        tally.goes_on(machine, "after what was refused")
        tally.judge(machine, what="mode A")
        machine.stop_daemon()


def main():
    into_namespace()
    tally = Tally()
    with Machine("b") as machine:
        machine.begin(quote_interval="1h")
        for changes in (auths, disable_clear, hierarchies_off, no_bank):
            changes(tally, machine)
        machine.stop_daemon()
        tally.spent_once(machine, first_counter(machine), "changed in mid-run")
    without_sha1(tally)
    provisioning(tally)
    mode_a_refuses(tally)
    tally.report(55, "authValues, disableClear, hierarchies off, no SHA-256 bank, no SHA-1: in mid-run, at a start, "
                     "at provisioning")


if __name__ == "__main__":
    main()
