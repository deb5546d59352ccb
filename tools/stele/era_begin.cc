#include "tools/stele/era_begin.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>

#include "tools/stele/era_directory.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/mode_secrets.h"
#include "tools/stele/site.h"
#include "tools/stele/trust_file.h"
#include "tpm/credentials.h"
#include "tpm/provision.h"

namespace stele::tools {
namespace {

struct EraBeginArguments {
  std::string tcti, nonce, previous_trust;
  ModeArguments mode;
  bool mode_given = false;
  bool yes = false, again = false, abandon = false, without_final_anchor = false;
};

std::optional<tpm::Credentials> read_credentials(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  auto credentials = tpm::parse_credentials(*text);
  if (!credentials) {
    throw CommandError(kConfiguration, "the secrets cannot be read: " + credentials.error().detail);
  }
  return *std::move(credentials);
}

// One run of the command.
class Beginning {
 public:
  Beginning(const Site& site, const EraBeginArguments& arguments)
      : site_(site), arguments_(arguments), directory_(site.config.data) {
    if (arguments_.tcti.empty()) arguments_.tcti = site_.config.tcti;
  }

  int run() {
    if (!directory_.lock()) {
      throw CommandError(kTemporary, site_.config.data + " is in use: stop steled first");
    }
    pending_ = directory_.pending();
    tpm::Device device(arguments_.tcti);
    hierarchies_ = tpm::hierarchy_state(device);
    if (arguments_.abandon) return abandon(device);
    if (pending_ && directory_.is_published(*pending_)) return finish_publishing(device);
    ending_ = directory_.ending(previous_trust(), arguments_.yes);
    if (!pending_ && is_begun() && !arguments_.again) return say_begun();
    choose_mode();
    make_plan();
    pending_ ? check_pending() : look_at_end(device);
    show(device);
    if (!arguments_.yes) {
      std::cerr << "stele: nothing was done: give --yes to do it\n";
      return kUsage;
    }
    tpm::provision(device, plan_, kept(), keeper());
    directory_.publish(*pending_, attest::to_text(*trust_));
    say_done();
    return kDone;
  }

 private:
  std::optional<std::string> previous_trust() const {
    if (arguments_.previous_trust.empty()) return std::nullopt;
    return read_text_file(arguments_.previous_trust);
  }

  bool is_begun() const {
    return directory_.holds_store() && ending_.trust.era > 0 && ending_.end.seq == 0;
  }

  int say_begun() const {
    std::cout
        << "era " << ending_.trust.era << " has begun and has no anchor yet: nothing to do\n"
        << "next: stele era request -o FILE. To end an era that never had an anchor: --again\n";
    return kDone;
  }

  void choose_mode() {
    if (!arguments_.mode_given) arguments_.mode.mode = static_cast<char>(ending_.trust.mode);
    check(arguments_.mode);
  }

  void make_plan() {
    plan_.origin = ending_.trust.origin;
    plan_.mode = arguments_.mode.is_a() ? attest::Mode::a : attest::Mode::b;
    plan_.pcr = site_.config.pcr.value_or(ending_.trust.pcr);
    plan_.created_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    plan_.salt = random_bytes();
    plan_.checkpoint_seed = random_bytes();
    plan_.event_log = read_event_log(site_.config, arguments_.tcti);
    plan_.era = ending_.trust.era + 1;
    plan_.previous_log_id = ending_.trust.log_id;
    plan_.previous_tree = ending_.tree;
    ended_ = read_credentials(directory_.secrets());
    const auto next = read_credentials(directory_.next_secrets());
    if (next) {
      take_kept_auths(plan_, *next);
    } else {
      take_fresh_auths(plan_);
      // Beside the ended era's objects, which stay until the auditor has approved.
      const bool beside = !ended_ || ended_->counter_handle == plan_.counter_handle;
      if (beside && ended_) {
        plan_.ak_handle += 2;
        plan_.counter_handle += 2;
        plan_.extend_handle += 2;
      }
      if (ended_ && hierarchies_.endorsement_set) plan_.endorsement_auth = ended_->endorsement_auth;
    }
    must_escrow_ = take_mode_secrets(plan_, hierarchies_, arguments_.mode);
    if (must_escrow_ && arguments_.mode.escrow.empty()) {
      throw CommandError(kUsage, "this TPM is not locked: mode a needs --escrow and --escrow-key");
    }
  }

  // An attempt that was interrupted goes on with its own genesis.
  void check_pending() const {
    const auto genesis = attest::decode_genesis(pending_->genesis);
    const auto end = attest::era_end_of(*genesis);
    if (genesis->previous_log_id != plan_.previous_log_id ||
        genesis->previous_tree != plan_.previous_tree || !end || end->seq != ending_.end.seq) {
      throw CommandError(kConfiguration,
                         "the log has gone on since this era was begun in part: "
                         "`stele era begin --abandon`, then begin it again");
    }
  }

  void look_at_end(tpm::Device& device) {
    if (!arguments_.nonce.empty()) {
      const auto nonce = attest::hash_from_hex(arguments_.nonce);
      if (!nonce) throw CommandError(kUsage, "--nonce takes 32 bytes as 64 hexadecimal digits");
      nonce_ = *nonce;
    }
    if (ended_) {
      const attest::Hash extra_data = attest::era_end_extra_data(
          nonce_, ending_.trust.log_id, ending_.end.seq, ending_.end.extend, ending_.tree);
      ending_.end.shown = tpm::show_era_end(device, *ended_, nonce_, extra_data);
    }
    plan_.genesis_tlvs = attest::era_end_tlvs(ending_.end);
    attest::Genesis claimed;
    claimed.era = plan_.era;
    claimed.origin = plan_.origin;
    claimed.previous_log_id = plan_.previous_log_id;
    claimed.previous_tree = plan_.previous_tree;
    claimed.tlvs = plan_.genesis_tlvs;
    const auto gap = attest::verify_era_end(claimed, ending_.trust);
    if (!gap) throw CommandError(kConfiguration, gap.error().detail);
    gap_ = *gap;
    if (gap_.confirmed && ending_.anchored < ending_.tree.size &&
        !arguments_.without_final_anchor) {
      throw CommandError(
          kConfiguration,
          std::to_string(ending_.tree.size - ending_.anchored) +
              " records are under no counter anchor, and the era's TPM still answers: "
              "start steled and stop it again, which anchors them, or give "
              "--without-final-anchor");
    }
  }

  void show(tpm::Device& device) {
    std::cout << (arguments_.yes ? "ending" : "would end") << " era " << ending_.trust.era
              << " of the log " << plan_.origin << " in " << site_.config.data << "\n  "
              << ending_.tree.size << " records go on, " << ending_.anchored
              << " of them under a counter anchor; the newest is anchor " << ending_.end.seq
              << '\n';
    if (pending_) {
      std::cout << "  an attempt that was interrupted goes on\n";
    } else if (!ending_.end.shown) {
      std::cout << "  its key and indexes do not answer in this TPM: nothing confirms that end\n";
    } else if (gap_.confirmed) {
      std::cout << "  its TPM confirms that end\n";
    } else {
      std::cout << "  its TPM contradicts that end: C is at " << ending_.end.shown->audit.counter
                << ", the journal leads to " << ending_.trust.first_counter + ending_.end.seq
                << ": " << gap_.lost << " steps that the auditor must give up\n";
    }
    std::cout << (arguments_.yes ? "beginning" : "would begin") << " era " << plan_.era << '\n';
    show_prospect(device, plan_, arguments_.tcti);
  }

  tpm::Kept kept() const {
    tpm::Kept kept;
    if (pending_) kept = {pending_->genesis, pending_->receipt};
    return kept;
  }

  tpm::Keeper keeper() {
    tpm::Keeper keeper;
    keeper.identity = [this](const tpm::Credentials& credentials, const attest::Bytes& genesis) {
      const bool again = directory_.next_secrets().has_value();
      std::string sealed;
      if (must_escrow_)
        sealed = seal_mode_secrets(plan_, credentials, genesis, arguments_.mode, again);
      directory_.keep_next_secrets(tpm::to_text(credentials));
      if (must_escrow_) keep_mode_secrets(arguments_.mode, sealed);
    };
    keeper.genesis = [this](const attest::Bytes& genesis) {
      pending_ = EraDirectory::Pending{genesis, std::nullopt};
      directory_.keep_pending(*pending_);
    };
    keeper.genesis_receipt = [this](const attest::Bytes& receipt) {
      pending_->receipt = receipt;
      directory_.keep_pending(*pending_);
    };
    keeper.trust = [this](const attest::TrustFile& made) { trust_ = whole_trust(made); };
    keeper.progress = [](std::string_view step) { std::cout << step << std::endl; };
    return keeper;
  }

  attest::TrustFile whole_trust(const attest::TrustFile& made) const {
    attest::TrustFile trust = made;
    pin_intervals(trust, site_.config);
    const auto genesis = attest::decode_genesis(pending_->genesis);
    const auto gap = attest::verify_era_end(*genesis, ending_.trust);
    if (!gap) throw CommandError(kConfiguration, gap.error().detail);
    trust.earlier = ending_.trust.earlier;
    trust.earlier.insert(trust.earlier.begin(), {ending_.trust, ending_.end.seq, ending_.end.extend,
                                                 ending_.tree.size, gap->lost});
    return trust;
  }

  // Everything in the TPM was done, and the journal has the genesis already; the trust file may
  // still be that of the era that ended.
  int finish_publishing(tpm::Device& device) {
    const std::string text =
        arguments_.previous_trust.empty() ? directory_.trust() : *previous_trust();
    const auto written = attest::parse_trust(text);
    if (!written) throw CommandError(kConfiguration, "the trust file cannot be read");
    if (written->log_id == attest::log_id(pending_->genesis)) {
      directory_.publish(*pending_, text);
    } else {
      const auto genesis = attest::decode_genesis(pending_->genesis);
      const auto end = attest::era_end_of(*genesis);
      if (!end) throw CommandError(kConfiguration, end.error().detail);
      ending_ = {*written, *end, genesis->previous_tree, 0};
      arguments_.mode.mode = static_cast<char>(genesis->mode);
      make_plan();
      tpm::provision(device, plan_, kept(), keeper());
      directory_.publish(*pending_, attest::to_text(*trust_));
    }
    say_done();
    return kDone;
  }

  int abandon(tpm::Device& device) {
    if (pending_ && directory_.is_published(*pending_)) {
      throw CommandError(
          kConfiguration,
          "this era is in the journal already: run `stele era begin` again, it goes on");
    }
    if (const auto next = read_credentials(directory_.next_secrets())) {
      std::optional<tpm::AuthValue> owner;
      take_mode_secrets(plan_, hierarchies_, arguments_.mode);
      if (!arguments_.mode.escrow_plain.empty()) owner = plan_.owner_auth;
      tpm::retire(device, *next, owner, [](std::string_view step) { std::cout << step << '\n'; });
    }
    directory_.abandon();
    std::cout << "abandoned: the log is as it was\n";
    return kDone;
  }

  void say_done() const {
    std::cout
        << "era begun: log " << attest::to_hex(attest::log_id(pending_->genesis))
        << "\nnext: stele era request -o FILE, for the auditor to approve; steled may start\n";
  }

  const Site& site_;
  EraBeginArguments arguments_;
  EraDirectory directory_;
  std::optional<EraDirectory::Pending> pending_;
  EndingEra ending_;
  attest::EraGap gap_;
  attest::Hash nonce_;
  std::optional<tpm::Credentials> ended_;
  tpm::ProvisionPlan plan_;
  tpm::HierarchyState hierarchies_;
  bool must_escrow_ = false;
  std::optional<attest::TrustFile> trust_;
};

}  // namespace

void add_era_begin(CLI::App& era, const Common& common, int& exit_code) {
  auto arguments = std::make_shared<EraBeginArguments>();
  CLI::App* command = era.add_subcommand(
      "begin", "End the newest era and begin the next; shows what it will do, does it with --yes");
  command
      ->add_option(
          "--tcti", arguments->tcti,
          "The TPM of the new era (default: [tpm] tcti); the old one's too, if it is there")
      ->type_name("TCTI");
  command
      ->add_option("--nonce", arguments->nonce,
                   "The auditor's 32 random bytes: shows that the end is as the TPM has it now")
      ->type_name("HEX");
  command
      ->add_option("--previous-trust", arguments->previous_trust,
                   "The ended era's trust file, as the auditor has it (default: DIR/trust)")
      ->type_name("FILE");
  add_mode_options(*command, arguments->mode);
  command->add_flag("--without-final-anchor", arguments->without_final_anchor,
                    "End an era although its TPM could anchor its last records");
  command->add_flag("--again", arguments->again, "End an era that never had an anchor");
  command->add_flag("--abandon", arguments->abandon, "Drop an attempt that was interrupted");
  command->add_flag("--yes", arguments->yes, "Do it; without it, only say what would be done");
  command->callback([&common, &exit_code, arguments, command] {
    arguments->mode_given = command->count("--mode") > 0;
    try {
      exit_code = Beginning(find_site(common), *arguments).run();
    } catch (const tpm::ProvisionRefused& refused) {
      throw CommandError(kConfiguration, refused.what());
    }
  });
}

}  // namespace stele::tools
