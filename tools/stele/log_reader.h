// Reads the log for a person: through the daemon where one runs, so that the reading is itself
// recorded; else from the store's files.
//
// Blocks. Thread safety: one thread. Errors: CommandError 66 for a record that is not there, 75 for
// a proof of a record that no counter anchor covers yet; what the daemon answers; storage::Damage.
#pragma once

#include <functional>
#include <optional>

#include "storage/look_up.h"
#include "tools/stele/site.h"

namespace stele::tools {

class LogReader {
 public:
  explicit LogReader(const Common& common);
  storage::StoredRecord read(std::uint64_t index);
  // Gives the matching records in order; where to go on when the limit cut the answer short.
  using Visitor = std::function<void(const storage::StoredRecord&)>;
  std::optional<std::uint64_t> query(const storage::Query& query, const Visitor& visitor);
  // An encoded attest::Proof, with the content if asked.
  attest::Bytes prove(std::uint64_t index, bool content);

 private:
  void require_record(std::uint64_t index) const;

  Site site_;
  std::optional<ControlClient> daemon_;
  std::optional<storage::Store> store_;  // if no daemon
};

}  // namespace stele::tools
