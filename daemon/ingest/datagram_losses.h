// Datagram losses: which senders' datagrams were lost, why, and how many, until gap records say so.
//
// Bounded: senders beyond kMaxAccounts share the account of the socket itself.
// Thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/sequencer.h"

namespace stele::daemon {

class DatagramLosses {
 public:
  static constexpr std::size_t kMaxAccounts = 1024;
  using Source = std::shared_ptr<const std::string>;

  explicit DatagramLosses(Source others) : others_(std::move(others)) {}
  void add(const Source& source, const std::string& reason, std::uint64_t count);
  bool empty() const { return accounts_.empty(); }
  // The gap record of one account; taken() once it was accepted.
  Batch first(std::int64_t time_ns) const;
  void taken() { accounts_.erase(accounts_.begin()); }

 private:
  struct Account {
    Source source;
    std::uint64_t count = 0;
  };
  Source others_;
  std::map<std::pair<std::string, std::string>, Account> accounts_;  // by source and reason
};

}  // namespace stele::daemon
