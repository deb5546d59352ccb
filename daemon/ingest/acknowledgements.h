// Acknowledgements: what one sender is still to be told, in the order of its events.
//
// A batch gets a number when it leaves for the sequencer, and its place when it is durable; lines
// are made of whatever may be told from the front.
// Thread safety: none. See: README.md, "Ingest".
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "daemon/ingest/framing.h"

namespace stele::daemon {

class Acknowledgements {
 public:
  explicit Acknowledgements(std::uint32_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}
  // A batch of so many events, and what was refused with it; its number. No events: nothing to wait
  // for.
  std::uint64_t add(std::size_t events, std::vector<Refused> refused);
  void take_back();  // the newest batch: it has not left after all
  void placed(std::uint64_t number, std::uint64_t first);
  // None of the batch was taken: its events, `at` from first_at on but for those refused before.
  void dropped(std::uint64_t number, std::uint64_t first_at, std::uint64_t events);
  // Everything that may be told now, of records below `below`; neighbours in the log become one
  // line.
  std::string take_lines(std::uint64_t below);
  bool empty() const { return pending_.empty(); }
  std::size_t backlog() const { return backlog_; }  // acknowledgements and refusals not yet taken

 private:
  struct Pending {
    bool placed = false;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::vector<Refused> refused;
    std::uint64_t next() const { return first + count; }
  };
  bool may_tell(std::uint64_t below) const {
    return !pending_.empty() && pending_.front().placed && pending_.front().next() <= below;
  }

  std::uint32_t max_event_bytes_;
  std::deque<Pending> pending_;
  std::uint64_t first_pending_ = 0;  // number of pending_.front()
  std::size_t backlog_ = 0;
  std::uint64_t told_ = 0;  // `next` of the newest line
};

}  // namespace stele::daemon
