// How far each numbering of a journal directory is read: the newest number the log has of each.
//
// As text, in a note: "ID:NUMBER,ID:NUMBER", by id, numbers in hex.
// Thread safety: none. See: README.md, "Positions".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

class JournalPositions {
 public:
  using Newest = std::map<std::string, std::uint64_t, std::less<>>;

  void see(std::string_view numbering, std::uint64_t number);  // never back
  void see(const JournalPositions& others);
  void forget(std::string_view numbering);
  std::uint64_t of(std::string_view numbering) const;  // 0: nothing of it is read
  const Newest& all() const { return newest_; }
  std::string encoded() const;

 private:
  friend std::optional<JournalPositions> parse_journal_positions(std::string_view text);

  Newest newest_;
};
// Empty text: none. Refused: what encoded() does not write.
std::optional<JournalPositions> parse_journal_positions(std::string_view text);

}  // namespace stele::daemon
