#include "daemon/admission.h"

#include <algorithm>
#include <string>

namespace stele::daemon {

std::string_view Admission::dropped_because(const Batch& batch) const {
  return is_droppable(batch) ? drops_because() : std::string_view{};
}

std::string_view Admission::drops_because() const {
  if (!may_drop_) return {};
  if (disk_full_ && on_full_ == OnTrouble::drop_with_record) return "disk_full";
  if (disk_low_ && on_low_ == OnTrouble::drop_with_record) return "disk_low";
  return {};
}

void Admission::drop(const Batch& batch, std::string_view reason) {
  attest::Gap events{0, std::string(reason)};
  for (const Batch::Item& item : batch.items) {
    // A span is of times that a gap record can state; before 1970 there were no events.
    const std::int64_t time_ns = std::max<std::int64_t>(item.time_ns, 0);
    const attest::GapSpan moment{time_ns, time_ns};
    if (item.kind != attest::Kind::gap) {
      if (events.lost++ == 0) events.span = moment;
      events.span->since_ns = std::min(events.span->since_ns, time_ns);
      events.span->until_ns = std::max(events.span->until_ns, time_ns);
      continue;
    }
    auto gap = attest::decode_gap(attest::ByteView(batch.bytes).subspan(item.offset, item.length));
    if (!gap) continue;  // made by ourselves: does not happen
    if (!gap->span) gap->span = moment;
    ledger_.add(batch.source, *gap);
  }
  if (events.lost > 0) ledger_.add(batch.source, events);
}

}  // namespace stele::daemon
