// The drop ledger: which senders' events were not taken for want of room, until a gap record says
// so.
//
// One account for each sender and reason: how many, when the first and the last came. Bounded:
// senders beyond kMaxAccounts share one account that names none of them. Where an input keeps a
// position of what it has counted, the newest is here too, and is taken with the accounts, never
// without those that it counts.
// Thread safety: all members from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attest/gap.h"

namespace stele::daemon {

class DropLedger {
 public:
  static constexpr std::size_t kMaxAccounts = 4096;
  using Source = std::shared_ptr<const std::string>;

  struct Account {
    Source source;  // none: of several senders
    attest::Gap gap;
  };

  // How far an input has counted (ingest/position.h).
  struct Position {
    std::string input;
    std::string value;
  };
  struct Taken {
    std::vector<Account> accounts;
    std::map<std::string, std::string> positions;  // by input
  };

  // The gap has a span. counted_to: with this one.
  void add(const Source& source, const attest::Gap& gap,
           const std::optional<Position>& counted_to = std::nullopt);
  void state(const Position& position);  // though nothing was dropped
  Taken take();                          // all of them; they begin anew
  bool empty() const;
  // Events since the start by reason, taken accounts included.
  std::map<std::string, std::uint64_t> totals() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Account> accounts_;  // by source and reason
  std::map<std::string, std::string> positions_;  // by input
  std::map<std::string, std::uint64_t> totals_;
};

}  // namespace stele::daemon
