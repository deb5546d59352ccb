#include "tests/families/tenant.h"

#include <fstream>

#include "storage/store_reader.h"
#include "tpm/credentials.h"
#include "tpm/provision.h"

namespace stele::test {
namespace {

tpm::ProvisionPlan plan_of(std::uint8_t number, std::uint8_t pcr) {
  tpm::ProvisionPlan plan;
  plan.origin = "tenant" + std::to_string(number) + ".example/log";
  plan.pcr = pcr;
  plan.ak_handle += 0x10u * number;
  plan.counter_handle += 0x10u * number;
  plan.extend_handle += 0x10u * number;
  plan.salt.bytes.fill(number);
  plan.checkpoint_seed.bytes.fill(0x50);
  plan.ak_auth.fill(static_cast<std::uint8_t>(0x10 + number));
  plan.counter_auth.fill(static_cast<std::uint8_t>(0x20 + number));
  plan.extend_auth.fill(static_cast<std::uint8_t>(0x30 + number));
  plan.endorsement_auth.fill(0x40);  // the hierarchy has one authValue for all
  return plan;
}

}  // namespace

Tenant::Tenant(const Swtpm& swtpm, const std::string& directory, std::uint8_t number,
               std::uint8_t pcr)
    : tcti(swtpm), directory_(directory) {
  storage::FileSystem& files = storage::posix();
  files.create_directory(directory_);
  tpm::Keeper keeper;
  keeper.identity = [&](const tpm::Credentials& made, const attest::Bytes&) {
    credentials_ = made;
  };
  keeper.genesis = [&](const attest::Bytes& genesis) {
    storage::Journal::create(files, directory_, attest::log_id(genesis), genesis);
  };
  keeper.genesis_receipt = [&](const attest::Bytes& receipt) {
    auto journal = storage::Journal::open(files, directory_, {}, [](auto, auto, auto) {});
    journal.append(attest::EntryKind::receipt, receipt);
  };
  keeper.trust = [](const attest::TrustFile&) {};
  keeper.progress = [](std::string_view) {};
  {
    tpm::Device device(swtpm.tcti());
    tpm::provision(device, plan_of(number, pcr), {}, keeper);
  }
  log_.grow(1);
  begin();
}

void Tenant::begin() {
  rounds_.reset();
  journal_.reset();
  journal_.emplace(storage::posix(), directory_, credentials_->identity);
  rounds_.emplace(storage::posix(), directory_, *journal_,
                  [this] { return tpm::over_device(tpm::Device(tcti.get()), *credentials_); });
}

void Tenant::work(Work what) {
  const auto head = [this] { return log_.head(); };
  if (what == Work::restart) begin();
  if (!rounds_->is_open()) rounds_->open();
  log_.grow(1);
  if (what == Work::counter || journal_->chain().needs_counter_anchor()) rounds_->counter(head, 0);
  if (what == Work::quote) rounds_->quote(head);
  if (what == Work::answer) rounds_->answer(attest::hash(attest::view("a nonce")), head);
}

void Tenant::come_round() {
  rounds_->close();
  rounds_->open();
}

std::string Tenant::wrong() {
  storage::EntryReader entries(storage::posix(), directory_);
  while (const auto entry = entries.next()) {
    if (entry->number < read_) continue;
    ++read_;
    if (!chain_) {
      chain_ = *attest::AnchorChain::begin(entry->payload, credentials_->identity);
      continue;
    }
    const auto applied = chain_->apply(attest::EntryKind{entry->kind}, entry->payload);
    if (!applied) return std::string(name(applied.error().fault)) + " " + applied.error().detail;
    if (applied->remark) return "a remark: " + applied->remark->text;
  }
  if (entries.torn() || entries.defect()) return "the journal's end is torn or damaged";
  if (chain_->open_intent()) return "an intent was left open";
  tpm::Device device(tcti.get());
  const tpm::IndexState indexes = tpm::read_indexes(device, *credentials_);
  if (indexes.counter != chain_->counter()) return "C is not what the journal leads to";
  if (indexes.extend != chain_->extend()) return "E is not what the journal leads to";
  if (tpm::read_pcr(device, credentials_->identity.pcr) != chain_->fold())
    return "P is not the fold";
  return {};
}

}  // namespace stele::test
