#!/usr/bin/env python3
"""Goal: a TPM that loses its power within a command, under a running daemon, never reads as tampering.

Method: between daemon and swtpm stands a listener that kills swtpm (SIGKILL) before it hears a chosen command, or
after it has answered but before the daemon hears the answer; swtpm then comes back. The daemon has to find out from
C and E what happened; each death is a reset without a boot, and the end of P's life.
"""
from luck import (EXTEND, INCREMENT, PCR_EXTEND, QUOTE, READ, SESSION_DIGEST, Executioner, Machine, TpmBetween,
                  into_namespace, unless_it_stood_still, wait_until)

COMMANDS = {"NV_Increment": INCREMENT, "NV_Extend": EXTEND, "NV_Read": READ, "GSAD": SESSION_DIGEST,
            "PCR_Extend": PCR_EXTEND, "Quote": QUOTE}
# Once C is incremented, only a read-back can be had; before, the intent is voided and made anew.
READ_BACK = {("NV_Increment", "unheard"), ("NV_Extend", "unsent"), ("NV_Extend", "unheard"), ("GSAD", "unsent"),
             ("GSAD", "unheard"), ("Quote", "unsent"), ("Quote", "unheard")}


def die_in(machine, executioner, name, moment):
    before = executioner.deaths
    machine.send()
    executioner.order(COMMANDS[name], moment)
    machine.stele("anchor")  # refused, or late: the daemon must come round by itself
    assert executioner.deaths == before + 1, (name, moment)
    wait_until(lambda: machine.state() == "anchoring", f"the daemon goes on after {name} {moment}")
    machine.anchor()
    machine.told({"unclean_end": 1, "unexplained_reset": 1, "journal_remark": 2}, boots=1, unclean_ends=1,
                 unexplained_resets=1)
    if (name, moment) in READ_BACK:
        machine.told({"read_back_receipt": 1})
    machine.check(unanchored=0)


def main():
    with Machine("a") as machine:
        executioner = Executioner(machine)
        machine.provision(quote_interval="1h")
        between = TpmBetween(machine.tpm, executioner)
        machine.write_config(tcti=between.tcti, quote_interval="1h")
        machine.start_daemon()
        machine.anchor()
        machine.tally["boots"] = 1
        machine.send()
        older = machine.copy("older")
        unspent = machine.spent() - machine.check(tail=True)["anchors"]["counter"]
        for name in COMMANDS:
            for moment in ("unsent", "unheard"):
                die_in(machine, executioner, name, moment)
        made = machine.check()["anchors"]["counter"]
        assert machine.spent() - unspent == made, "an anchor incremented C more than once"
        machine.check_still_caught(older, second_opinion=False)
        machine.stop_daemon()
        between.close()


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
