"""A TPM maker, hosts with TPMs of that maker, and the auditor who enrols them.

The maker is swtpm_setup with swtpm_localca, in a private configuration: an authority and EK certificates in the NV
indexes where a real chip has them.
"""
import pathlib
import shutil
import tempfile

from era_host import EraHost
from stele_host import OK, Tpm, run

RSA_CERTIFICATE, P384_CERTIFICATE = "0x1c00002", "0x1c00016"


class Maker:
    def __init__(self, name="maker"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"stele-{name}-"))
        authority = self.folder / "authority"
        authority.mkdir()
        (self.folder / "localca.conf").write_text(
            f"statedir = {authority}\nsigningkey = {authority}/signkey.pem\nissuercert = {authority}/issuercert.pem\n"
            f"certserial = {authority}/certserial\n")
        (self.folder / "localca.options").write_text(
            "--platform-manufacturer Example\n--platform-version 1.0\n--platform-model Board\n")
        (self.folder / "setup.conf").write_text(
            f"create_certs_tool = {shutil.which('swtpm_localca')}\n"
            f"create_certs_tool_config = {self.folder}/localca.conf\n"
            f"create_certs_tool_options = {self.folder}/localca.options\nactive_pcr_banks = sha256\n")

    def make(self, state):
        """A new TPM in that folder, with EK certificates for RSA 2048 and P-384."""
        state = pathlib.Path(state)
        state.mkdir(exist_ok=True)
        made = run("swtpm_setup", "--tpm2", "--tpmstate", state, "--create-ek-cert", "--config",
                   self.folder / "setup.conf", "--overwrite")
        assert made.returncode == OK, made.stdout + made.stderr

    def roots(self):
        """The folder that an auditor pins: root and intermediate."""
        folder = self.folder / "roots"
        folder.mkdir(exist_ok=True)
        for name in ("issuercert.pem", "swtpm-localca-rootca-cert.pem"):
            shutil.copy(self.folder / "authority" / name, folder / name)
        return folder

    def close(self):
        shutil.rmtree(self.folder)


class EnrolHost(EraHost):
    """An EraHost whose TPM has a maker; the auditor's trust files come from enrolment alone."""

    def __init__(self, maker, mode="b", http=True):
        super().__init__(mode)
        self.maker = maker
        self.http = self.folder / "http.sock" if http else None
        maker.make(self.tpm.state)

    def write_config(self, **options):
        http = f'[http]\naddresses = ["unix:{self.http}"]\n' if self.http else ""
        options["extra"] = http + options.get("extra", "")
        super().write_config(**options)

    def new_tpm(self):
        self.tpm.stop()
        self.tpm.reservation.close()
        self.tpm = Tpm(self.folder / "another")
        self.maker.make(self.tpm.state)
        self.tpm.start()
        self.write_config()

    def enroll(self, *arguments, url=None, roots=None, simulator=True, output="host.trust"):
        """stele enroll: its result, and where the trust file would be."""
        path = self.auditor / output
        done = self.stele("enroll", url or f"unix:{self.http or self.control}", "--ek-roots",
                          roots or self.maker.roots(), *(["--allow-simulator"] if simulator else []), "-o", path,
                          *arguments)
        return done, path

    def enrolled(self, *arguments, **options):
        done, path = self.enroll(*arguments, **options)
        assert done.returncode == OK, done.stderr.decode()
        return path

    @property
    def signing(self):
        return ["--auditor-key-file", self.key, "--name", "auditor.example"]
