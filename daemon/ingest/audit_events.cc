#include "daemon/ingest/audit_events.h"

#include <algorithm>

namespace stele::daemon {

void AuditEvents::take(std::string_view line, Time now, std::vector<AuditItem>& out) {
  expire(now, out);
  const auto stamp = parse_audit_stamp(line);
  if (!stamp) {
    if (!line.empty()) out.push_back({false, std::string(line), {}});
    return;
  }
  if (stamp->is_of_auditd()) {
    out.push_back({false, std::string(line), {}});
    return;
  }
  note_serial(*stamp, now, out);
  if (const std::uint64_t lost = kernel_lost(*stamp, line)) {
    add_gaps({{lost, "audit_kernel_lost"}}, out);
  }
  if (is_single(stamp->type)) {
    out.push_back(item(stamp->node, std::string(line)));
  } else {
    join(*stamp, line, now, out);
  }
}

void AuditEvents::note_serial(const AuditStamp& stamp, Time now, std::vector<AuditItem>& out) {
  std::vector<attest::Gap> lost;
  if (stamp.node.empty()) {
    here_.seen(stamp.serial, stamp.time_ns, now, lost);
  } else if (others_.contains(stamp.node) || others_.size() < kMaxNodes) {
    others_[std::string(stamp.node)].seen(stamp.serial, stamp.time_ns, now, lost);
  } else if (unfollowed_++ == 0) {
    // Once, where it begins: from here on nobody can say what those nodes lost.
    lost.push_back({0, "audit_node_unfollowed"});
  }
  add_gaps(lost, out);
}

void AuditEvents::join(const AuditStamp& stamp, std::string_view line, Time now,
                       std::vector<AuditItem>& out) {
  auto event = std::find_if(open_.begin(), open_.end(), [&](const Open& one) {
    return one.serial == stamp.serial && one.time_ns == stamp.time_ns && one.node == stamp.node;
  });
  if (stamp.ends_event()) {
    if (event != open_.end()) close(event, out);
    return;
  }
  if (event != open_.end() && event->text.size() + 1 + line.size() > max_event_bytes_) {
    close(event, out);
    event = open_.end();
  }
  if (event == open_.end()) {
    while (open_.size() >= kMaxOpen || (!open_.empty() && open_bytes_ > kMaxOpenBytes)) {
      close(open_.begin(), out);
    }
    open_.push_back({std::string(stamp.node), stamp.time_ns, stamp.serial, now, std::string(line)});
    open_bytes_ += line.size();
    return;
  }
  event->text.append("\n").append(line);
  open_bytes_ += 1 + line.size();
}

void AuditEvents::close(std::deque<Open>::iterator event, std::vector<AuditItem>& out) {
  Open done = std::move(*event);
  open_.erase(event);
  open_bytes_ -= done.text.size();
  out.push_back(item(done.node, std::move(done.text)));
}

AuditItem AuditEvents::item(std::string_view node, std::string text) const {
  return {false, std::move(text), node.empty() ? position() : std::string()};
}

std::string AuditEvents::position() const {
  std::vector<std::uint64_t> open;
  for (const Open& one : open_) {
    if (one.node.empty()) open.push_back(one.serial);
  }
  return here_.position(std::move(open));
}

void AuditEvents::expire(Time now, std::vector<AuditItem>& out) {
  while (!open_.empty() && now - open_.front().since >= kPatience) close(open_.begin(), out);
  std::vector<attest::Gap> lost;
  here_.expire(now, lost);
  for (auto& [node, serials] : others_) serials.expire(now, lost);
  add_gaps(lost, out);
}

void AuditEvents::finish(std::vector<AuditItem>& out) {
  while (!open_.empty()) close(open_.begin(), out);
}

// The last one states where the serials are after all of them, so that no later life counts again.
void AuditEvents::add_gaps(const std::vector<attest::Gap>& gaps,
                           std::vector<AuditItem>& out) const {
  for (const attest::Gap& gap : gaps) out.push_back({true, encode(gap), {}});
  if (!gaps.empty()) out.back().position = position();
}

bool AuditEvents::others_wait() const {
  return std::any_of(others_.begin(), others_.end(),
                     [](const auto& other) { return other.second.waits(); });
}

}  // namespace stele::daemon
