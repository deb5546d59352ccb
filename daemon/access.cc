#include "daemon/access.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <vector>

#include "daemon/callback_result.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

const char* word(AccessOutcome::Kind kind) {
  switch (kind) {
    case AccessOutcome::Kind::done:
      return "done";
    case AccessOutcome::Kind::refused:
      return "refused";
    case AccessOutcome::Kind::broken_off:
      return "broken_off";
  }
  return "";
}

void add(json::object& text, const AccessOutcome& outcome) {
  text["outcome"] = word(outcome.kind);
  if (outcome.kind != AccessOutcome::Kind::done) text["reason"] = name(outcome.cause);
}

// One order of members, whoever put them together.
std::string sorted(const json::object& object) {
  std::vector<std::string_view> names;
  for (const auto& member : object) names.emplace_back(member.key().data(), member.key().size());
  std::sort(names.begin(), names.end());
  json::object ordered;
  for (const std::string_view name : names) {
    const json::string_view key(name.data(), name.size());
    ordered[key] = object.at(key);
  }
  return json::serialize(ordered);
}

Batch batch_of(const std::string& text) {
  Batch batch;
  batch.bytes.assign(text.begin(), text.end());
  batch.clocks = read_clocks();
  batch.items = {
      {attest::Kind::access, 0, static_cast<std::uint32_t>(text.size()), batch.clocks->wall_ns}};
  return batch;
}

std::string outcome_text(std::uint64_t asked, const AccessOutcome& outcome) {
  json::object text{{"asked", asked}};
  add(text, outcome);
  return sorted(text);
}

asio::awaitable<AccessRecorded> append(Sequencer& sequencer, const std::string& text) {
  if (sequencer.status().disk_full) {
    co_return AccessRecorded{0, "the disk is full: reading is recorded, so it needs room too"};
  }
  Batch batch = batch_of(text);
  using Placed = std::optional<std::uint64_t>;
  const Placed first = co_await callback_result<Placed>([&](std::function<void(Placed)> done) {
    batch.placed = [done](std::uint64_t index) { done(index); };
    if (!sequencer.submit(std::move(batch), {})) done(std::nullopt);
  });
  if (!first) {
    co_return AccessRecorded{0, "the queue is full, or writing has failed: try again"};
  }
  co_return AccessRecorded{*first, {}};
}

}  // namespace

asio::awaitable<AccessRecorded> record_access(Sequencer& sequencer, const json::object& asked,
                                              std::optional<AccessOutcome> outcome) {
  json::object whole = asked;
  if (outcome) add(whole, *outcome);
  const std::string text = sorted(whole);
  co_return co_await append(sequencer, text);
}

asio::awaitable<AccessRecorded> record_access(Sequencer& sequencer, RefusalLedger& ledger,
                                              const std::string& caller, const json::object& asked,
                                              std::optional<AccessOutcome> outcome) {
  const bool refused = outcome && outcome->kind == AccessOutcome::Kind::refused;
  if (refused && !ledger.may_record(caller, RefusalLedger::Time::clock::now())) {
    co_return AccessRecorded{};
  }
  json::object whole = asked;
  const std::uint64_t unrecorded = ledger.take_unrecorded(caller);
  if (unrecorded > 0) whole["unrecorded"] = unrecorded;
  const AccessRecorded recorded = co_await record_access(sequencer, whole, outcome);
  if (!recorded.trouble.empty()) {
    const std::uint64_t untold = unrecorded + (refused ? 1 : 0);
    ledger.give_back(caller, untold, RefusalLedger::Time::clock::now());
  }
  co_return recorded;
}

asio::awaitable<void> record_outcome(Sequencer& sequencer, std::uint64_t asked,
                                     AccessOutcome outcome) {
  const std::string text = outcome_text(asked, outcome);
  (void)co_await append(sequencer, text);
}

void leave_outcome(Sequencer& sequencer, std::uint64_t asked, AccessOutcome outcome) {
  if (sequencer.status().disk_full) return;
  Batch batch = batch_of(outcome_text(asked, outcome));
  batch.placed = [](std::uint64_t) {};
  (void)sequencer.submit(std::move(batch), {});
}

}  // namespace stele::daemon
