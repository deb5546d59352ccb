#!/usr/bin/env python3
"""Goal: a TPM in dictionary-attack lockout goes on anchoring, and no number of power cuts locks us out.

Method: wrong authValues at an index that the dictionary protects, until the TPM answers LOCKOUT; then anchors, a
restart, a recovery and an answer, and provisioning a log in a TPM that is locked out already. Then 50 cold kills: swtpm
ends by SIGKILL, which the TPM counts as a failed try where protected objects were in use: with a neighbour who
uses one in each life (the count rises until the lockout is there by power cuts alone), and without.
"""
from family import (LONG, OK, Hand, Machine, Refused, Tally, into_namespace, need_failpoints, run, unspent, wait_until)
from tpm_hands import Fields

LOCKOUT, AUTH_FAIL = 0x921, 0x98E
PROTECTED, PROTECTED_ATTRIBUTES = 0x01900000, 0x00040004  # AUTHREAD, AUTHWRITE, and no NO_DA
LOCKOUT_COUNTER, MAX_AUTH_FAIL = 0x20E, 0x20F  # TPM_PT: failed tries, how many are borne
COLD_KILLS, BESIDE_A_NEIGHBOUR = (500, 50) if LONG else (50, 10)


def property_of(hand, number):
    fields = Fields(hand.command(0x17A, parameters=bytes.fromhex("00000006") + number.to_bytes(4, "big") + b"\0\0\0\1"))
    fields.get("BI")
    assert fields.get("I") == 1
    found, value = fields.get("II")
    assert found == number, hex(found)
    return value


def failed_tries(machine):
    with Hand(machine.tpm.port) as hand:
        return property_of(hand, LOCKOUT_COUNTER)


def read_protected(hand, auth):
    """What the TPM says; 0: read."""
    try:
        hand.read(PROTECTED, auth, 8)
        return 0
    except Refused as refused:
        return refused.code & 0xFBF if refused.code & 0x80 else refused.code


def lock_out(machine):
    """Tries until LOCKOUT; how many it took."""
    with Hand(machine.tpm.port) as hand:
        hand.define(PROTECTED, PROTECTED_ATTRIBUTES, 8, b"right")
        hand.write(PROTECTED, b"right", bytes(8))
        most, tries = property_of(hand, MAX_AUTH_FAIL), 0
        while (code := read_protected(hand, b"wrong")) != LOCKOUT:
            assert code == AUTH_FAIL and tries <= most, (hex(code), tries)
            tries += 1
        assert read_protected(hand, b"right") == LOCKOUT, "the right authValue is locked out too"
        return tries


def end_lockout(machine):
    """In a life in which nobody has used a protected object."""
    machine.kill_tpm()
    machine.tpm.start()
    done = run("tpm2_dictionarylockout", "-T", machine.tpm.tcti, "-c")
    assert done.returncode == OK, done.stderr
    assert failed_tries(machine) == 0


def still_locked_out(machine):
    with Hand(machine.tpm.port) as hand:
        return read_protected(hand, b"right") == LOCKOUT


def works_while_locked_out(tally, machine):
    """swtpm serves one client at a time: the daemon is away while somebody tries."""
    machine.stop_daemon()
    tries = lock_out(machine)
    tally.inject(tries)
    machine.start_daemon()
    tally.goes_on(machine, "locked out")
    tally.answers(machine, "locked out")
    machine.stop_daemon()
    machine.start_daemon()
    tally.goes_on(machine, "locked out, restarted")
    machine.stop_daemon()
    machine.die_at("anchor.A3", machine.send)
    machine.start_daemon()
    tally.goes_on(machine, "locked out, recovered")
    for _ in range(2):
        machine.anchor()
    tally.judge(machine, what="locked out")
    machine.stop_daemon()
    tally.missed_unless(still_locked_out(machine), "the lockout was over meanwhile: nothing was shown")
    machine.start_daemon()


def provision_while_locked_out(tally):
    """Nothing of provisioning is under the dictionary's protection but the lockout hierarchy's lock, mode A's last."""
    with Machine("b") as machine:
        machine.tpm.start()
        tally.inject(lock_out(machine))
        machine.begin()
        tally.goes_on(machine, "provisioned in lockout")
        tally.judge(machine, what="provisioned in lockout")
        machine.stop_daemon()
        tally.missed_unless(still_locked_out(machine), "the lockout was over meanwhile")


def cold_kills(tally, machine, lives, neighbour):
    """Each life: somebody uses a protected object or nobody does, an anchor, SIGKILL. Failed tries counted at each start."""
    counts = []
    for _ in range(lives):
        machine.stop_daemon()  # no final anchor where there is no TPM: it was killed
        machine.tpm.start()
        counts.append(failed_tries(machine))
        if neighbour:
            with Hand(machine.tpm.port) as hand:
                read_protected(hand, b"right")
        machine.start_daemon()
        machine.anchor()
        machine.kill_tpm()
        tally.inject()
    machine.tpm.start()
    tally.goes_on(machine, f"after {lives} cold kills")
    tally.judge(machine, ("read_back_rule",), f"{lives} cold kills")
    return counts


def main():
    need_failpoints()
    into_namespace()
    tally = Tally()
    with Machine("b") as machine:  # whoever ends the lockout needs no auditor then
        machine.begin(quote_interval="1h")
        before = unspent(machine)
        works_while_locked_out(tally, machine)
        machine.stop_daemon()
        end_lockout(machine)
        machine.start_daemon()
        alone = cold_kills(tally, machine, COLD_KILLS, neighbour=False)
        tally.lost_unless(max(alone) == 0, f"our own objects count as tries: {alone}")
        beside = cold_kills(tally, machine, BESIDE_A_NEIGHBOUR, neighbour=True)
        machine.stop_daemon()
        tally.missed_unless(still_locked_out(machine), f"power cuts did not lock out the neighbour: {beside}")
        machine.start_daemon()
        tally.goes_on(machine, "locked out by power cuts")
        tally.spent_once(machine, before, "lockout and cold kills")
        tally.judge(machine, what="at the end")
        machine.stop_daemon()
    provision_while_locked_out(tally)
    tally.report(47, f"wrong tries until LOCKOUT; {len(alone) + len(beside)} cold kills, failed tries counted "
                     f"{max(alone)} without and {max(beside)} with a neighbour's protected object")


if __name__ == "__main__":
    main()
