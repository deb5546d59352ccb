#include "tools/stele/lock.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>

#include "attest/failpoint.h"
#include "attest/identity/ek_certificate.h"
#include "attest/printable.h"
#include "storage/file_system.h"
#include "tools/stele/auditor_key.h"
#include "tools/stele/escrow_file.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/pinned_roots.h"
#include "tools/stele/relay_line.h"
#include "tools/stele/trust_file.h"
#include "tpm/outside_lock.h"
#include "tpm/relay_claim.h"

namespace stele::tools {
namespace {

struct LockArguments {
  std::string target, roots, secrets, output, key, name;
  bool simulator = false;
};

// What the host sent, or what it must be, is not so: a word for each fault, and its detail.
[[noreturn]] void refuse_host(const std::string& what, const attest::Defect& defect) {
  throw CommandError(kMalformed, what + ": " + std::string(name(defect.fault)) +
                                     (defect.detail.empty() ? "" : ": ") +
                                     attest::printable(defect.detail));
}

// One run of the command.
class Locking {
 public:
  explicit Locking(const LockArguments& arguments)
      : arguments_(arguments),
        signer_(signer_of(arguments)),
        roots_(read_pinned_roots(arguments.roots)),
        line_(RelayLine::connect(arguments.target)) {}

  void run() {
    const tpm::RelayMessage first = line_.receive(tpm::RelayKind::hello);
    const auto hello = tpm::decode_relay_hello(first.payload);
    if (!hello) refuse_host("what the host says of itself", hello.error());
    hello_ = *hello;
    auto claim = tpm::verify_relay_claim(hello_);
    if (!claim) refuse_host("the host's log", claim.error());
    trust_ = std::move(claim->trust);
    bounded_ = std::move(claim->bounded);
    attest::TrustFile to_be = trust_;
    to_be.locked_from_outside = true;
    keep_other_pins(arguments_.output, to_be, false);
    std::cout << "log " << trust_.origin << ", " << attest::to_hex(trust_.log_id) << std::endl;
    const tpm::LockReport report = tpm::lock_from_outside(transport(), target(), keeper());
    finish(report);
  }

 private:
  static std::optional<attest::NoteSigner> signer_of(const LockArguments& arguments) {
    if (arguments.key.empty()) return std::nullopt;
    return read_signer(arguments.key, arguments.name);
  }

  tpm::Transport transport() {
    return [this](attest::ByteView command) {
      line_.send({tpm::RelayKind::command, attest::Bytes(command.begin(), command.end())});
      return line_.receive(tpm::RelayKind::response).payload;
    };
  }

  tpm::LockTarget target() const {
    auto identity = trust_.identity();  // verified with the claim
    return {hello_.endorsement_handle, hello_.ak_handle,     hello_.counter_handle,
            hello_.extend_handle,      *std::move(identity), trust_.first_counter,
            trust_.first_extend};
  }

  tpm::LockKeeper keeper() {
    tpm::LockKeeper keeper;
    keeper.judge = [this](attest::ByteView endorsement) { judge(endorsement); };
    keeper.secrets = [this] { return keep_secrets(); };
    keeper.progress = [](std::string_view step) { std::cout << step << std::endl; };
    return keeper;
  }

  void judge(attest::ByteView endorsement) {
    const auto certificate = attest::EkCertificate::parse(hello_.certificate);
    if (!certificate) refuse_host("the host's endorsement certificate", certificate.error());
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const auto chain = attest::split_certificates(hello_.chain);
    if (auto verified = certificate->verify_chain(chain, roots_, now.count()); !verified) {
      refuse_host(
          "the host's endorsement certificate, of " + attest::printable(certificate->issuer()),
          verified.error());
    }
    if (certificate->kind() == attest::TpmKind::simulator && !arguments_.simulator) {
      throw CommandError(kMalformed,
                         "the host's endorsement certificate is a simulator's, which anybody can "
                         "put back or read out: for tests alone, --allow-simulator");
    }
    const auto key = attest::EndorsementPublic::parse(endorsement);
    if (!key) refuse_host("the host's endorsement key", key.error());
    if (auto holds = certificate->verify_holds(key->key()); !holds) {
      refuse_host(
          "the host's endorsement key is not the certificate's; somebody there, or between, "
          "wants to read the secrets. None was sent",
          holds.error());
    }
    // Wear is judged by them: the maker's word, and unknown where it has none; never the host's.
    trust_.tpm_kind = certificate->kind();
    trust_.tpm_manufacturer = certificate->manufacturer();
    trust_.tpm_model = certificate->model();
    std::cout << "endorsement certificate of " << attest::printable(certificate->manufacturer())
              << ' ' << attest::printable(certificate->model()) << ", by "
              << attest::printable(certificate->issuer()) << std::endl;
  }

  // Made here, and durable before the TPM has them; of an earlier attempt, if it was for this log.
  tpm::LockSecrets keep_secrets() {
    const attest::Name ak_name = trust_.identity()->ak.name();
    if (storage::posix().exists(arguments_.secrets)) {
      const attest::Escrow kept = read_plain_escrow(arguments_.secrets);
      if (kept.log_id != trust_.log_id || kept.ak_name != ak_name) {
        throw CommandError(kCannotCreate, arguments_.secrets +
                                              " holds the secrets of another log: name another "
                                              "file");
      }
      return {kept.owner_auth, kept.lockout_auth};
    }
    attest::Escrow made;
    made.origin = trust_.origin;
    made.log_id = trust_.log_id;
    made.ak_name = ak_name;
    made.owner_auth = random_bytes().bytes;
    made.lockout_auth = random_bytes().bytes;
    write_text_file(arguments_.secrets, attest::to_json(made) + "\n");
    std::cout << "secrets made, and kept in " << arguments_.secrets
              << ": keep a copy; without them nobody can unlock this TPM" << std::endl;
    return {made.owner_auth, made.lockout_auth};
  }

  void finish(const tpm::LockReport& report) {
    FAILPOINT("lock.read_back");
    line_.send({tpm::RelayKind::locked, {}});
    line_.receive(tpm::RelayKind::kept);
    FAILPOINT("lock.kept");
    trust_.locked_from_outside = true;
    // The key that the certificate vouches for made the sessions in which the AK was seen.
    trust_.enrolled = true;
    const std::string text = attest::to_text(trust_);
    write_text_file(arguments_.output, signer_ ? attest::to_text(signer_->sign(text)) : text);
    std::cout << (report.was_locked ? "still locked" : "locked")
              << " in mode a: C = " << report.counter << "; trust file in " << arguments_.output
              << (signer_ ? ", signed: with --auditor-key a verdict says ek-chain"
                          : ", not signed: a verdict will say that the enrolment is claimed")
              << '\n'
              << "the host's word, as pinned: a quote anchor every " << trust_.quote_interval_ms
              << " ms, at most " << trust_.max_quote_gap << " missed; a counter anchor every "
              << trust_.heartbeat_s << " s\n";
    for (const std::string& one : bounded_) std::cout << "bounded: " << one << '\n';
    std::cout << "next: start steled there; stele-verify --trust " << arguments_.output << '\n';
  }

  const LockArguments& arguments_;
  const std::optional<attest::NoteSigner> signer_;
  const attest::PinnedRoots roots_;
  RelayLine line_;
  tpm::RelayHello hello_;
  attest::TrustFile trust_;
  std::vector<std::string> bounded_;
};

}  // namespace

void add_lock(CLI::App& app, const Common&, int&) {
  auto arguments = std::make_shared<LockArguments>();
  CLI::App* command = app.add_subcommand(
      "lock", "Auditor: lock a host's TPM with secrets that the host never sees (mode a)");
  command
      ->add_option("host", arguments->target,
                   "Where stele provision --from-outside waits: unix:PATH (over ssh -L)")
      ->type_name("SOCKET")
      ->required();
  command
      ->add_option("--ek-roots", arguments->roots,
                   "Certificates of the TPM makers that are trusted, PEM or DER")
      ->type_name("DIR")
      ->required();
  command
      ->add_option("--secrets", arguments->secrets,
                   "Where ownerAuth and lockoutAuth are kept; made if it is not there")
      ->type_name("FILE")
      ->required();
  command->add_option("-o,--output", arguments->output, "Where the trust file goes")
      ->type_name("FILE")
      ->required();
  CLI::Option* const key =
      command
          ->add_option("--auditor-key-file", arguments->key,
                       "Sign the trust file: an Ed25519 key (openssl genpkey -algorithm ed25519)")
          ->type_name("FILE");
  CLI::Option* const name =
      command
          ->add_option("--name", arguments->name, "The key's name in notes, e.g. auditor.example")
          ->type_name("NAME")
          ->needs(key);
  key->needs(name);
  command->add_flag("--allow-simulator", arguments->simulator,
                    "Accept a simulated TPM: for tests, it protects nothing");
  command->callback([arguments] {
    try {
      Locking(*arguments).run();
    } catch (const tpm::LockRefused& refused) {
      throw CommandError(kUnavailable, refused.what());
    }
  });
}

}  // namespace stele::tools
