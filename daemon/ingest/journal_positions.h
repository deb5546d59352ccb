// How far each numbering of a journal directory is read: which of its numbers the log has, in spans.
//
// A span goes from one number to another; whatever lay between them in the directory when it was
// read is in the log. What comes later and lies in no span is read then, so that each entry comes
// once, in whatever order the files arrive.
// As text, in a note: "ID:FIRST-LAST+FIRST-LAST,ID:FIRST-LAST!", by id, numbers in hex; "!": all
// its files went, and the log says so.
// Thread safety: none. Limits: kMaxJournalHoles. See: README.md, "Positions".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stele::daemon {

// Between spans, of all numberings together, so that a note of them stays below its limit of 1 MiB.
// One more closes the oldest of its numbering: what would fill that one is not read.
constexpr std::size_t kMaxJournalHoles = 12288;

class JournalPositions {
 public:
  struct Span {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const Span&) const = default;
  };
  struct Numbering {
    std::vector<Span> spans;  // ascending, with a hole between any two; never empty
    bool gone = false;
    bool operator==(const Numbering&) const = default;
  };
  using All = std::map<std::string, Numbering, std::less<>>;

  // begins: a span of its own, since between the one before and this number something may come yet.
  void see(std::string_view numbering, std::uint64_t number, bool begins = false);
  void forget(std::string_view numbering);
  void set_gone(std::string_view numbering);  // until something of it is seen again
  std::uint64_t newest_of(std::string_view numbering) const;  // 0: nothing of it is read
  std::uint64_t last_before(std::string_view numbering, std::uint64_t number) const;  // 0: no span
  bool is_unread(std::string_view numbering, std::uint64_t number) const {  // 0: no number
    return number != 0 && unread_from(numbering, number) == number;
  }
  // The smallest number from this one on that lies in no span.
  std::uint64_t unread_from(std::string_view numbering, std::uint64_t number) const;
  const All& all() const { return all_; }
  std::string encoded() const;

 private:
  friend std::optional<JournalPositions> parse_journal_positions(std::string_view text);
  void begin(Numbering& numbering, std::size_t at, std::uint64_t number);
  void close_hole_but_at(Numbering& numbering, std::size_t at);

  All all_;
  std::size_t holes_ = 0;
};
// Empty text: none. Refused: what encoded() does not write.
std::optional<JournalPositions> parse_journal_positions(std::string_view text);

}  // namespace stele::daemon
