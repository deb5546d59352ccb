"""Root's hands on the key that signs checkpoints: the seed, out of the TPM by tpm2_unseal, with the authValue that
follows from DIR/secrets. Standard library only."""
import hashlib
import re

from stele_host import OK, run

HANDLE = "0x81005355"  # the AK's, and one


def auth(host):
    ak_auth = re.search(r"^ak_auth ([0-9a-f]{64})$", (host.data / "secrets").read_text(), re.M).group(1)
    return hashlib.sha256(b"stele/v1/checkpoint-auth\0" + bytes.fromhex(ak_auth)).hexdigest()


def unseal(host):
    done = run("tpm2_unseal", "-T", host.tpm.tcti, "-c", HANDLE, "-p", "hex:" + auth(host))
    assert done.returncode == OK, done.stderr
    return done.stdout
