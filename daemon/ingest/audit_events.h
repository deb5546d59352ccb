// Linux audit records joined into events: the lines of one stamp, whatever came between them.
//
// An event is over with its EOE record (which is not part of it), when it has been open for
// kPatience, when it or the table grows too large, or with the stream; records that always stand
// alone are events at once. Lines that are no audit records are kept as events of their own.
// Thread safety: a value; time is passed in. Trust: see audit_record.h.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ingest/audit_record.h"
#include "daemon/ingest/audit_serials.h"

namespace stele::daemon {

// An event or a gap, in the order in which they go into the log.
struct AuditItem {
  bool is_gap = false;
  std::string content;   // the event's lines, LF between; or the gap record's content
  std::string position;  // of this host's serials, the item included; empty: it has none
};

class AuditEvents {
 public:
  using Time = AuditSerials::Time;
  static constexpr std::chrono::seconds kPatience{2};  // as auditd's end_of_event_timeout
  static constexpr std::size_t kMaxOpen = 1024;
  static constexpr std::size_t kMaxOpenBytes = 8u << 20;
  static constexpr std::size_t kMaxNodes = 256;  // of which serials are followed

  explicit AuditEvents(std::size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}
  // Where an earlier life of ours was, as `position` of an item; false: that is none.
  bool resume(std::string_view position, std::int64_t newest_ns, Time now) {
    return here_.resume(position, newest_ns, now);
  }
  void take(std::string_view line, Time now, std::vector<AuditItem>& out);
  void expire(Time now, std::vector<AuditItem>& out);
  void finish(std::vector<AuditItem>& out);  // the stream is over; serials are followed on
  // Records of further nodes, of which serials are not followed: what they lost is not known.
  std::uint64_t unfollowed() const { return unfollowed_; }
  bool waits() const { return !open_.empty() || here_.waits() || others_wait(); }

 private:
  struct Open {
    std::string node;
    std::int64_t time_ns = 0;
    std::uint64_t serial = 0;
    Time since{};
    std::string text;
  };
  void note_serial(const AuditStamp& stamp, Time now, std::vector<AuditItem>& out);
  void join(const AuditStamp& stamp, std::string_view line, Time now, std::vector<AuditItem>& out);
  void close(std::deque<Open>::iterator event, std::vector<AuditItem>& out);
  AuditItem item(std::string_view node, std::string text) const;
  void add_gaps(const std::vector<attest::Gap>& gaps, std::vector<AuditItem>& out) const;
  std::string position() const;
  bool others_wait() const;

  std::size_t max_event_bytes_;
  std::deque<Open> open_;  // by age
  std::size_t open_bytes_ = 0;
  AuditSerials here_;
  std::map<std::string, AuditSerials, std::less<>> others_;  // by node
  std::uint64_t unfollowed_ = 0;
};

}  // namespace stele::daemon
