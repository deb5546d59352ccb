#include "tests/daemon/anchoring_host.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <iterator>

#include "daemon/anchor_rounds.h"
#include "storage/journal.h"
#include "tpm/credentials.h"
#include "tpm/provision.h"

namespace stele::test {
namespace {

using attest::EntryKind;
using namespace std::chrono_literals;

constexpr auto kPatience =
    60s;  // what an overloaded machine may take; nothing is concluded from it

tpm::ProvisionPlan plan_of_host(attest::Mode mode) {
  tpm::ProvisionPlan plan;
  plan.origin = "test.example/log";
  plan.mode = mode;
  plan.salt.bytes.fill(1);
  plan.checkpoint_seed.bytes.fill(8);
  plan.ak_auth.fill(2);
  plan.counter_auth.fill(3);
  plan.extend_auth.fill(4);
  plan.endorsement_auth.fill(5);
  plan.owner_auth.fill(6);
  plan.lockout_auth.fill(7);
  return plan;
}

template <class Outcome, class Ask>
Outcome wait_for_outcome(Ask ask) {
  auto promise = std::make_shared<std::promise<Outcome>>();
  auto future = promise->get_future();
  ask([promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
  if (future.wait_for(kPatience) != std::future_status::ready) {
    ADD_FAILURE() << "no outcome";
    return {};
  }
  return future.get();
}

}  // namespace

std::string power_name(const testing::TestParamInfo<Swtpm::Power>& power) {
  switch (power.param) {
    case Swtpm::Power::unclean:
      return "Unclean";
    case Swtpm::Power::clean:
      return "Clean";
    case Swtpm::Power::restart:
      return "Restart";
    case Swtpm::Power::resume:
      return "Resume";
  }
  return {};
}

void GrowingLog::grow(std::uint64_t records) {
  const std::lock_guard lock(mutex_);
  for (; records > 0; --records) {
    const std::string leaf = "leaf " + std::to_string(tree_.size());
    tree_.append(attest::hash(attest::view(leaf)));
  }
}

attest::TreeHead GrowingLog::head() const {
  const std::lock_guard lock(mutex_);
  return tree_.head();
}

Host::Host(attest::Mode mode) {
  config.data = scratch / "data";
  config.tcti = swtpm.tcti();
  config.heartbeat = 1h;
  config.quote_interval = 10ms;
  config.anchor_burst = 1000;
  config.anchor_refill = 1ms;
  storage::FileSystem& files = storage::posix();
  files.create_directory(config.data);
  tpm::Keeper keeper;
  keeper.identity = [&](const tpm::Credentials& made, const attest::Bytes&) {
    made_ = made;
    std::ofstream(config.data + "/secrets") << tpm::to_text(made);
  };
  keeper.genesis = [&](const attest::Bytes& genesis) {
    storage::Journal::create(files, config.data, attest::log_id(genesis), genesis);
  };
  keeper.genesis_receipt = [&](const attest::Bytes& receipt) {
    auto journal = storage::Journal::open(files, config.data, {}, [](auto, auto, auto) {});
    journal.append(EntryKind::receipt, receipt);
  };
  keeper.trust = [](const attest::TrustFile&) {};
  keeper.progress = [](std::string_view) {};
  with_tpm([&](tpm::Device& device) { tpm::provision(device, plan_of_host(mode), {}, keeper); });
  log.grow(5);
}

void Host::with_tpm(const std::function<void(tpm::Device&)>& work) const {
  tpm::Device device(swtpm.tcti());
  work(device);
}

std::size_t JournalView::count(attest::ReceiptKind kind) const {
  return static_cast<std::size_t>(std::count(kinds.begin(), kinds.end(), kind));
}

bool JournalView::has_remark(attest::RemarkCode code) const {
  return std::any_of(remarks.begin(), remarks.end(),
                     [code](const attest::Remark& remark) { return remark.code == code; });
}

std::vector<attest::Remark> JournalView::troubles() const {
  std::vector<attest::Remark> found;
  std::copy_if(remarks.begin(), remarks.end(), std::back_inserter(found),
               [](const attest::Remark& remark) {
                 return !remark.text.starts_with(daemon::kLateReceiptWords) &&
                        remark.text != daemon::kLateReceiptIsThere;
               });
  return found;
}

JournalView read_journal(const Host& host) {
  std::optional<JournalView> view;
  const auto visitor = [&](std::uint64_t number, std::uint8_t kind, attest::ByteView payload) {
    if (number == 0) {
      view = JournalView{
          *attest::AnchorChain::begin(payload, host.credentials().identity), {}, {}, {}, 0, 0};
      return;
    }
    const auto applied = view->chain.apply(EntryKind{kind}, payload);
    if (!applied) {
      ADD_FAILURE() << "entry " << number << ": " << name(applied.error().fault) << ": "
                    << applied.error().detail;
      return;
    }
    if (applied->bundle) ++view->bundles;
    if (applied->voided) ++view->voids;
    if (applied->remark) view->remarks.push_back(*applied->remark);
    if (applied->receipt && view->chain.newest_statement()) {
      view->statements.push_back(*view->chain.newest_statement());
      view->kinds.push_back(applied->receipt->kind());
    }
  };
  storage::Journal::open(storage::posix(), host.config.data, {}, visitor);
  return *view;
}

JournalView expect_whole(const Host& host) {
  JournalView view = read_journal(host);
  EXPECT_FALSE(view.chain.open_intent().has_value());
  host.with_tpm([&](tpm::Device& device) {
    const tpm::IndexState indexes = tpm::read_indexes(device, host.credentials());
    EXPECT_EQ(indexes.counter, view.chain.counter());
    EXPECT_EQ(indexes.extend, view.chain.extend());
  });
  return view;
}

Running::Running(Host& host)
    : host_(host), guard_(boost::asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {
  daemon::Anchorer::Hooks hooks;
  hooks.durable_head = [this] { return host_.log.head(); };
  hooks.sealed = [this](std::uint64_t size) { sealed_ = size; };
  hooks.ready = [this] { ready_ = true; };
  hooks.fatal = [this](int exit_code, const std::string&) { fatal_ = exit_code; };
  anchorer_.emplace(host.config, io_.get_executor(), hooks);
  anchorer_->start();
}

Running::~Running() {
  anchorer_.reset();
  guard_.reset();
  thread_.join();
}

void Running::append(std::uint64_t records) {
  host_.log.grow(records);
  anchorer_->new_records();
}

bool Running::wait_for(const std::function<bool(const daemon::AnchorStatus&)>& condition) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition(anchorer_->status())) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "waited in vain; state " << int(anchorer_->status().state) << " "
                    << anchorer_->status().reason;
      return false;
    }
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

bool Running::wait_for(daemon::AnchorStatus::State state) const {
  return wait_for([state](const daemon::AnchorStatus& status) { return status.state == state; });
}

bool Running::wait_until_anchored() const {
  const std::uint64_t size = host_.log.head().size;
  return wait_for([size](const daemon::AnchorStatus& status) { return status.anchored >= size; });
}

daemon::AnchorOutcome Running::anchor() {
  return wait_for_outcome<daemon::AnchorOutcome>([&](auto done) { anchorer_->anchor(done); });
}

daemon::AnswerOutcome Running::answer(const attest::Hash& nonce) {
  return wait_for_outcome<daemon::AnswerOutcome>(
      [&](auto done) { anchorer_->answer(nonce, done); });
}

void Running::stop() {
  anchorer_->stop(60s);
}

}  // namespace stele::test
