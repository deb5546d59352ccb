// The counter anchors of a journal, one after another: what a place outside that was away has
// missed.
//
// Thread safety: one thread; beside the one that writes the journal, whose later entries it does
// not see. Blocks: next(), which reads. Errors: std::system_error; damage ends it.
#pragma once

#include <optional>
#include <string>

#include "attest/witness/pushed.h"
#include "storage/store_reader.h"

namespace stele::daemon {

// Up to where a place has what it is to have: counter anchor `seq` of the era `log_id`.
struct PushedThrough {
  attest::Hash log_id;
  std::uint64_t seq = 0;
  bool operator==(const PushedThrough&) const = default;
};
std::string to_text(const PushedThrough& through);  // "stele-pushed 1 LOG_ID SEQ\n"
std::optional<PushedThrough> parse_pushed_through(std::string_view text);

class JournalReceipts {
 public:
  // Those behind `after`, of its era and later ones; without it, or where its era is not there:
  // all.
  JournalReceipts(const std::string& directory, std::optional<PushedThrough> after);
  std::optional<attest::PushedAnchor> next();

 private:
  std::optional<attest::PushedAnchor> next_of_all();
  bool era_is_there(const std::string& directory, const attest::Hash& log_id) const;

  std::optional<storage::EntryReader> entries_;
  std::optional<PushedThrough> after_;
  std::optional<attest::Statement> open_;
  bool era_seen_ = false;  // that of after_
  bool in_later_era_ = false;
};

}  // namespace stele::daemon
