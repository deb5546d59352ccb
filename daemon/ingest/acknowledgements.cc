#include "daemon/ingest/acknowledgements.h"

#include <utility>

namespace stele::daemon {

std::uint64_t Acknowledgements::add(std::size_t events, std::vector<Refused> refused) {
  backlog_ += 1 + refused.size();
  pending_.push_back({events == 0, 0, events, std::move(refused)});
  return first_pending_ + pending_.size() - 1;
}

void Acknowledgements::take_back() {
  backlog_ -= 1 + pending_.back().refused.size();
  pending_.pop_back();
}

void Acknowledgements::placed(std::uint64_t number, std::uint64_t first) {
  Pending& pending = pending_[number - first_pending_];
  pending.placed = true;
  pending.first = first;
}

void Acknowledgements::dropped(std::uint64_t number, std::uint64_t first_at, std::uint64_t events) {
  Pending& pending = pending_[number - first_pending_];
  const std::vector<Refused> before = std::exchange(pending.refused, {});
  auto next = before.begin();
  for (std::uint64_t at = first_at; at < first_at + events + before.size(); ++at) {
    const bool is_refused = next != before.end() && next->at == at;
    pending.refused.push_back(is_refused ? *next++ : Refused{Refused::Fault::dropped, at});
  }
  pending.placed = true;
  pending.count = 0;
  backlog_ += events;
}

std::string Acknowledgements::take_lines(std::uint64_t below) {
  std::string lines;
  while (may_tell(below)) {
    Pending group{true, told_, 0, {}};
    while (may_tell(below)) {
      Pending& next = pending_.front();
      if (next.count > 0 && group.count > 0 && next.first != group.next()) break;
      if (next.count > 0 && group.count == 0) group.first = next.first;
      group.count += next.count;
      group.refused.insert(group.refused.end(), next.refused.begin(), next.refused.end());
      backlog_ -= 1 + next.refused.size();
      pending_.pop_front();
      ++first_pending_;
    }
    told_ = group.next();
    lines += acknowledgement(group.first, told_, group.refused, max_event_bytes_);
  }
  return lines;
}

}  // namespace stele::daemon
