#include "tools/stele/provision.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <memory>
#include <sstream>

#include "attest/witness/cosignature.h"
#include "storage/file_system.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/mode_secrets.h"
#include "tools/stele/relay_host.h"
#include "tools/stele/site.h"
#include "tools/stele/trust_file.h"
#include "tpm/credentials.h"
#include "tpm/provision.h"

namespace stele::tools {
namespace {

struct ProvisionArguments {
  std::string tcti, origin;
  ModeArguments mode;
  std::uint32_t ak_handle = tpm::ProvisionPlan{}.ak_handle;
  std::uint32_t counter_handle = tpm::ProvisionPlan{}.counter_handle;
  std::uint32_t extend_handle = tpm::ProvisionPlan{}.extend_handle;
  bool dry_run = false;
};

// Where a TPM lets its owner put what lasts. Behind a key there must be room for the checkpoint
// key, behind each for the next era's (era_begin.cc).
constexpr std::uint32_t kFirstOwnerKey = 0x81000000, kLastOwnerKey = 0x817ffffc;
constexpr std::uint32_t kFirstOwnerIndex = 0x01800000, kLastOwnerIndex = 0x01bffffd;

void add_handle(CLI::App& command, const std::string& name, std::uint32_t& handle,
                const std::string& what, std::uint32_t first, std::uint32_t last) {
  const auto within = [first, last](const std::string& text) {
    std::uint32_t number = 0;
    const bool is_number = CLI::detail::lexical_cast(text, number);
    if (is_number && number >= first && number <= last) return std::string();
    std::ostringstream why;
    why << text << " is no place that a TPM gives to its owner: 0x" << std::hex << std::setfill('0')
        << std::setw(8) << first << " to 0x" << std::setw(8) << last;
    return why.str();
  };
  command.add_option(name, handle, what)->type_name("HANDLE")->check(within);
}

// One run of the command.
class Provisioning {
 public:
  Provisioning(const Site& site, const ProvisionArguments& arguments)
      : site_(site), arguments_(arguments), directory_(site.config.data) {}

  void run() {
    check_arguments();
    // A running daemon may hold the TPM too: ask for the lock first. But a TPM that cannot be
    // reached leaves no new directory behind.
    const bool is_there = storage::posix().exists(directory_.path());
    if (!arguments_.dry_run && is_there && !directory_.lock()) return say_running();
    tpm::Device device(arguments_.tcti);
    if (!arguments_.dry_run && !is_there && !directory_.lock()) return say_running();
    make_plan(device);
    take_secrets();
    if (arguments_.dry_run) return show(device);
    if (!directory_.is_complete()) show(device);
    if (directory_.genesis()) directory_.keep_genesis(*directory_.genesis());
    const tpm::Credentials credentials = tpm::provision(
        device, plan_, {directory_.genesis(), directory_.genesis_receipt()}, keeper());
    if (plan_.locked_from_outside) wait_for_auditor(device, credentials);
    if (must_escrow_) {
      std::cout
          << "locked by this host itself, which knew the secrets for a moment: trust on first "
             "install\n";
    }
    say_done();
  }

 private:
  void check_arguments() {
    if (arguments_.tcti.empty()) arguments_.tcti = site_.config.tcti;
    if (arguments_.origin.empty()) arguments_.origin = site_.config.origin;
    if (arguments_.origin.empty() && !directory_.genesis()) {
      throw CommandError(kUsage,
                         "--origin NAME is needed: what this log is called, e.g. host.example/log");
    }
    if (!arguments_.origin.empty() && !attest::is_origin(arguments_.origin)) {
      throw CommandError(
          kUsage,
          "--origin must be 1 to 255 characters, without spaces, '+' and control characters");
    }
    const std::uint32_t c = arguments_.counter_handle, e = arguments_.extend_handle;
    if (std::max(c, e) - std::min(c, e) == 0 || std::max(c, e) - std::min(c, e) == 2) {
      throw CommandError(kUsage,
                         "C and E need an index each, and so do those of the next era two further: "
                         "--counter-handle and --extend-handle must not be equal or 2 apart");
    }
    check(arguments_.mode);
  }

  void say_running() const {
    if (!directory_.is_complete()) {
      throw CommandError(
          kTemporary,
          site_.config.data + " is in use by another process: try again when it has ended");
    }
    std::cout << "already provisioned, and its daemon is running: " << site_.config.data << '\n';
  }

  void make_plan(tpm::Device& device) {
    plan_.origin = arguments_.origin;
    plan_.mode = arguments_.mode.is_a() ? attest::Mode::a : attest::Mode::b;
    plan_.locked_from_outside = !arguments_.mode.from_outside.empty();
    plan_.pcr = site_.config.pcr;
    plan_.created_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    plan_.salt = random_bytes();
    plan_.checkpoint_seed = random_bytes();
    hierarchies_ = tpm::hierarchy_state(device);
    plan_.event_log = read_event_log(site_.config, arguments_.tcti);
    if (directory_.genesis()) {
      const auto genesis = attest::decode_genesis(*directory_.genesis());
      if (genesis && plan_.origin.empty()) plan_.origin = genesis->origin;
    }
  }

  void take_secrets() {
    if (directory_.secrets()) {
      const auto kept = tpm::parse_credentials(*directory_.secrets());
      if (!kept) {
        throw CommandError(kConfiguration,
                           site_.config.data + "/secrets cannot be read: " + kept.error().detail);
      }
      take_kept_auths(plan_, *kept);
    } else {
      plan_.ak_handle = arguments_.ak_handle;
      plan_.counter_handle = arguments_.counter_handle;
      plan_.extend_handle = arguments_.extend_handle;
      take_fresh_auths(plan_);
    }
    must_escrow_ = take_mode_secrets(plan_, hierarchies_, arguments_.mode);
  }

  void show(tpm::Device& device) {
    std::cout << (arguments_.dry_run ? "would make" : "making") << " the log " << plan_.origin
              << " in " << site_.config.data << '\n';
    show_prospect(device, plan_, arguments_.tcti);
  }

  // The daemon's secrets before the escrow: they are the sign that an escrow file found later is an
  // earlier attempt's, whose secrets lock nothing.
  void keep_identity(const tpm::Credentials& credentials, const attest::Bytes& genesis) {
    std::string sealed;
    if (must_escrow_) {
      sealed = seal_mode_secrets(plan_, credentials, genesis, arguments_.mode,
                                 directory_.secrets().has_value());
    }
    if (const std::string text = tpm::to_text(credentials); directory_.secrets() != text)
      directory_.keep_secrets(text);
    if (must_escrow_) keep_mode_secrets(arguments_.mode, sealed);
  }

  tpm::Keeper keeper() {
    tpm::Keeper keeper;
    keeper.identity = [this](const tpm::Credentials& credentials, const attest::Bytes& genesis) {
      keep_identity(credentials, genesis);
    };
    keeper.genesis = [this](const attest::Bytes& genesis) { directory_.keep_genesis(genesis); };
    keeper.genesis_receipt = [this](const attest::Bytes& receipt) {
      directory_.keep_genesis_receipt(receipt);
    };
    keeper.trust = [this](const attest::TrustFile& made) {
      if (directory_.trust()) return;
      attest::TrustFile trust = made;
      pin_intervals(trust, site_.config);
      trust_ = attest::to_text(trust);
      if (!plan_.locked_from_outside) keep_trust();
    };
    keeper.checkpoint_seed = [this](const std::optional<attest::Hash>& seed) {
      if (!seed) return say_no_checkpoint_key();
      const attest::NoteSigner signer(*seed, plan_.origin);
      directory_.keep_verifier_key("checkpoint.vkey", to_text(signer.key()) + "\n");
      const attest::NoteSigner witness(attest::witness_seed(*seed), plan_.origin);
      directory_.keep_verifier_key("witness.vkey", to_text(cosigner_key(witness)) + "\n");
    };
    keeper.progress = [this](std::string_view step) {
      std::cout << step << std::endl;
      changed_ = true;
    };
    return keeper;
  }

  // The last file of a log that is complete.
  void keep_trust() {
    if (directory_.trust()) return;
    directory_.keep_trust(trust_);
    changed_ = true;
  }

  // Until the auditor has locked the TPM there is no trust file here: nothing anchors, and nobody
  // takes for mode A what is not locked yet.
  void wait_for_auditor(tpm::Device& device, const tpm::Credentials& credentials) {
    const tpm::RelayedLog log{*directory_.genesis(), *directory_.genesis_receipt(),
                              directory_.trust().value_or(trust_)};
    relay_until_locked(device, credentials, log, arguments_.mode.from_outside,
                       [this] { keep_trust(); },
                       [this](const RelayVisit& visit) { keep_visit(visit); });
    std::cout << "the TPM is locked with secrets that this host has never seen" << std::endl;
  }

  // Who came to lock the TPM, and what of it: the log's own record, beside those of its daemon.
  void keep_visit(const RelayVisit& visit) {
    boost::json::object text{{"gid", visit.peer.gid}};
    text["outcome"] = visit.refused_for.empty() ? "done" : "refused";
    text["pid"] = visit.peer.pid;
    if (!visit.refused_for.empty()) text["reason"] = visit.refused_for;
    text["request"] = boost::json::object{{"do", "lock"}};
    text["uid"] = visit.peer.uid;
    directory_.keep_access(boost::json::serialize(text));
  }

  static void say_no_checkpoint_key() {
    std::cerr << "stele: this log was made before checkpoints were signed, and its TPM takes no "
                 "key for it without\nstele: the auditor's secrets: its checkpoints stay without a "
                 "signature. To change that, run this again\nstele: with --escrow-plain FILE\n";
  }

  void say_done() const {
    std::cout << (changed_ ? "provisioned: log " : "already provisioned, nothing to do: log ")
              << attest::to_hex(attest::log_id(*directory_.genesis())) << '\n';
    if (!changed_) return;
    std::cout << (plan_.locked_from_outside
                      ? "next: start steled; the auditor has the trust file\n"
                      : "next: start steled, and give the auditor the trust file (stele trust)\n");
  }

  const Site& site_;
  ProvisionArguments arguments_;
  LogDirectory directory_;
  tpm::ProvisionPlan plan_;
  tpm::HierarchyState hierarchies_;
  std::string trust_;  // as made, until it is kept
  bool must_escrow_ = false;
  bool changed_ = false;
};

}  // namespace

void add_provision(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<ProvisionArguments>();
  CLI::App* command = app.add_subcommand(
      "provision", "Make a log: key and indexes in the TPM, genesis, trust file");
  command
      ->add_option("--tcti", arguments->tcti,
                   "The TPM (default: [tpm] tcti), e.g. device:/dev/tpmrm0")
      ->type_name("TCTI");
  command
      ->add_option("--origin", arguments->origin, "What the log is called, e.g. host.example/log")
      ->type_name("NAME");
  add_mode_options(*command, arguments->mode);
  command
      ->add_option("--from-outside", arguments->mode.from_outside,
                   "Mode a: wait here (unix:PATH) for the auditor's stele lock, so that this host "
                   "never has the secrets")
      ->type_name("SOCKET");
  add_handle(*command, "--ak-handle", arguments->ak_handle, "Where the key goes (0x81……)",
             kFirstOwnerKey, kLastOwnerKey);
  add_handle(*command, "--counter-handle", arguments->counter_handle, "NV index of C (0x018…)",
             kFirstOwnerIndex, kLastOwnerIndex);
  add_handle(*command, "--extend-handle", arguments->extend_handle, "NV index of E (0x018…)",
             kFirstOwnerIndex, kLastOwnerIndex);
  command->add_flag("--dry-run", arguments->dry_run, "Show what would be done, change nothing");
  command->callback([&common, arguments] {
    try {
      Provisioning(find_site(common), *arguments).run();
    } catch (const tpm::ProvisionRefused& refused) {
      throw CommandError(kConfiguration, refused.what());
    }
  });
}

}  // namespace stele::tools
