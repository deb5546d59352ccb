#include "tools/stele/enroll.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>

#include "attest/identity/enrolment_appraisal.h"
#include "attest/printable.h"
#include "tools/stele/auditor_key.h"
#include "tools/stele/enrolment_client.h"
#include "tools/stele/era_approval.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/output.h"
#include "tools/stele/pinned_roots.h"
#include "tools/stele/required.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

struct EnrollArguments {
  std::string url, roots, key, name, output;
  TlsClientFiles tls;
  bool allow_simulator = false;
  EraApproval approval;
};

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What a defect means for whoever enrols: nobody vouches (2), the host contradicts itself (1), ask
// again (75), no such message (65).
int code_of(attest::Fault fault) {
  using attest::Fault;
  switch (fault) {
    case Fault::ek_certificate_malformed:
    case Fault::ek_certificate_unfit:
    case Fault::ek_certificate_foreign:
    case Fault::ek_certificate_expired:
    case Fault::ek_unfit:  // a maker's own template: his certificate vouches for it, we know it not
    case Fault::simulator_refused:
    case Fault::trust_malformed:
    case Fault::version_unknown:
      return kUndetermined;
    case Fault::answer_run_changed:
      return kTemporary;
    case Fault::truncated:
    case Fault::trailing_bytes:
    case Fault::bad_magic:
    case Fault::value_out_of_range:
      return kMalformed;
    default:
      return kTampered;
  }
}

[[noreturn]] void refuse_enrolment(const attest::Defect& defect) {
  throw CommandError(code_of(defect.fault),
                     "not enrolled: " + std::string(name(defect.fault)) + ": " + defect.detail);
}

template <class T>
T accepted(attest::Result<T> result) {
  if (!result) refuse_enrolment(result.error());
  return *std::move(result);
}

// Sends a secret that only a TPM with both keys gives back.
void prove_one_tpm(EnrolmentClient& client, const attest::EnrolledHost& host,
                   std::uint32_t certificate) {
  attest::CredentialRandom random;
  for (std::size_t at = 0; at < random.size();) {
    for (const std::uint8_t byte : random_bytes().bytes) random[at++] = byte;
  }
  const attest::Hash secret = random_bytes();
  attest::Bytes returned;
  try {
    returned = client.activate(
        {certificate, attest::make_credential(host.ek, host.ak_name, secret, random)});
  } catch (const ActivationRefused& error) {
    refuse_enrolment({attest::Fault::credential_refused, {}, error.what()});
  }
  if (!std::equal(returned.begin(), returned.end(), secret.bytes.begin(), secret.bytes.end())) {
    refuse_enrolment(
        {attest::Fault::credential_refused,
         {},
         "the secret that came back is another: the attestation key and the endorsement key are "
         "not in one TPM"});
  }
}

attest::EnrolledHost ask(EnrolmentClient& client, const EnrollArguments& arguments,
                         const attest::PinnedRoots& roots) {
  const attest::EnrolmentRules rules{roots, now_s(), random_bytes(), arguments.allow_simulator};
  attest::HostIdentity identity = client.identity({rules.nonce, 0});
  const auto certificate = accepted(verify_any_certificate(identity.endorsement, rules));
  if (certificate != identity.endorsement.certificate) {
    identity = client.identity({rules.nonce, certificate});
  }
  attest::EnrolledHost host = accepted(appraise_identity(identity, rules));
  prove_one_tpm(client, host, identity.endorsement.certificate);
  return host;
}

void say_what_holds(const attest::EnrolledHost& host, std::ostream& out) {
  const attest::TrustFile& trust = host.trust;
  const auto printable = [](const std::string& text) { return attest::printable(text); };
  out << "enrolled " << printable(trust.origin) << ", era " << trust.era << ", log "
      << attest::to_hex(trust.log_id) << '\n'
      << "shown by its TPM, and by its maker's certificate:\n"
      << "  TPM               " << name(trust.tpm_kind) << ", "
      << printable(trust.tpm_manufacturer + " " + trust.tpm_model) << ", version "
      << printable(host.certificate.version()) << "; endorsement key "
      << host.ek.key().words() << '\n'
      << "  vouched for by    " << printable(host.certificate.issuer()) << '\n'
      << "  attestation key   " << attest::to_hex(host.ak_name)
      << ", in that TPM, owner hierarchy\n"
      << "  C, E, P           C was " << trust.first_counter << " at the beginning, "
      << host.anchors << " anchors since; P is PCR " << unsigned{trust.pcr} << '\n'
      << "only claimed by the host:\n"
      << "  mode              " << static_cast<char>(trust.mode)
      << (trust.mode == attest::Mode::a
              ? ": who holds the owner's secrets no signature shows\n"
              : ": root knows the owner's secrets\n")
      << "  intervals         quote " << trust.quote_interval_ms << " ms, heartbeat "
      << trust.heartbeat_s << " s, slack " << trust.slack_ms << " ms, clock "
      << trust.clock_update_ms << " ms\n";
  for (const std::string& one : host.bounded) out << "  bounded           " << one << '\n';
  if (trust.tpm_kind == attest::TpmKind::simulator) {
    out << "a simulator: whoever holds its state file can copy it and put it back\n";
  }
}

// Nothing follows the era that the auditor names as the one before: no era was begun there yet, or
// the wrong file was named. Nobody lied, and nothing is approved.
void refuse_same_era(const attest::TrustFile& offered, const std::string& path) {
  const attest::TrustFile known = required(attest::parse_trust(read_text_file(path)), path);
  if (!attest::same_era(offered, known)) return;
  throw CommandError(kUndetermined,
                     "the host is in the very era that " + path +
                         " pins, no other follows it: begin one there with `stele era begin`, or "
                         "name the file of the era before");
}

// An era that follows others is believed only as a whole: by the signature, over an end that the
// auditor knows.
void judge_succession(attest::EnrolledHost& host, const EnrollArguments& arguments) {
  const bool has_approval = !arguments.approval.previous.empty();
  if (has_approval) refuse_same_era(host.trust, arguments.approval.previous);
  if (host.trust.era == 0) {
    if (has_approval) {
      throw CommandError(kTampered, "the host is in its first era: it follows nothing that " +
                                        arguments.approval.previous + " pins");
    }
    return;
  }
  if (has_approval) {
    attest::EraRequest request{host.genesis, host.trust};
    approve_era(request, arguments.approval);
    host.trust = std::move(request.trust);
    return;
  }
  if (!arguments.key.empty()) {
    throw CommandError(kUndetermined,
                       "era " + std::to_string(host.trust.era) +
                           " follows others, and signing approves how they ended: say which you "
                           "know, with --succeeds OLD.trust");
  }
  std::cerr << "stele: the eras before are on the host's word: their end stays unknown until "
               "`stele enroll --succeeds`\n";
}

void enroll(const EnrollArguments& arguments) {
  if (arguments.key.empty() != arguments.name.empty()) {
    throw CommandError(kUsage, "--auditor-key-file and --name go together");
  }
  if (!arguments.approval.previous.empty() && arguments.key.empty()) {
    throw CommandError(kUsage,
                       "--succeeds approves an era, which only a signature does: "
                       "--auditor-key-file and --name are needed");
  }
  std::optional<attest::NoteSigner> signer;
  if (!arguments.key.empty()) signer.emplace(read_signer(arguments.key, arguments.name));
  if (!arguments.approval.previous.empty()) check_approval(arguments.approval);
  const attest::PinnedRoots roots = read_pinned_roots(arguments.roots);
  EnrolmentClient client(arguments.url, arguments.tls);
  attest::EnrolledHost host = ask(client, arguments, roots);
  judge_succession(host, arguments);
  host.trust.enrolled = true;
  const std::string text = attest::to_text(host.trust);
  const std::string whole = signer ? attest::to_text(signer->sign(text)) : text;
  require_trust_fits(whole);
  keep_other_pins(arguments.output, host.trust, !arguments.approval.previous.empty());
  write_output(arguments.output, attest::view(whole));
  std::ostream& out = arguments.output == "-" ? std::cerr : std::cout;
  say_what_holds(host, out);
  out << "trust file: " << arguments.output
      << (signer ? ", signed: with --auditor-key a verdict says ek-chain"
                 : ", not signed: a verdict will say that the enrolment is claimed")
      << '\n';
}

}  // namespace

void add_enroll(CLI::App& app, int&) {
  auto arguments = std::make_shared<EnrollArguments>();
  CLI::App* command = app.add_subcommand(
      "enroll",
      "The auditor's: believe a host by its TPM maker's certificate; make its trust file");
  command
      ->add_option("URL", arguments->url,
                   "https://HOST[:PORT], http://HOST[:PORT], or unix:PATH of its HTTP or control "
                   "socket")
      ->required();
  command
      ->add_option("--ek-roots", arguments->roots,
                   "Folder with the certificates of the TPM makers that you trust, PEM or DER")
      ->type_name("DIR")
      ->required();
  command->add_flag("--allow-simulator", arguments->allow_simulator,
                    "Believe a simulator's certificate too; every verdict then says so");
  command
      ->add_option("--cacert", arguments->tls.cacert, "Whom the host's TLS certificate must be of")
      ->type_name("FILE");
  command->add_option("--cert", arguments->tls.certificate, "Your own TLS certificate")
      ->type_name("FILE");
  command->add_option("--key", arguments->tls.key, "Its key")->type_name("FILE");
  command
      ->add_option("--auditor-key-file", arguments->key,
                   "Sign the trust file: an Ed25519 key (openssl genpkey -algorithm ed25519)")
      ->type_name("FILE");
  command->add_option("--name", arguments->name, "The key's name in notes, e.g. auditor.example")
      ->type_name("NAME");
  command
      ->add_option("--succeeds", arguments->approval.previous,
                   "Your trust file of the era that this one follows, which signing approves")
      ->type_name("OLD.trust");
  add_approval_options(*command, arguments->approval);
  for (const char* const of_an_era : {"--nonce", "--memory", "--boot-policy", "--accept-lost"}) {
    command->get_option(of_an_era)->needs("--succeeds");
  }
  command->add_option("-o,--output", arguments->output, "Where the trust file goes")
      ->type_name("FILE")
      ->required();
  command->callback([arguments] { enroll(*arguments); });
}

}  // namespace stele::tools
