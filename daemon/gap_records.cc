#include "daemon/gap_records.h"

#include "daemon/ingest/position.h"
#include "daemon/log.h"

namespace stele::daemon {

std::vector<GapRecord> gap_records(const DropLedger::Taken& taken, std::int64_t now_ns) {
  std::vector<GapRecord> records;
  for (const auto& [source, gap] : taken.accounts) {
    records.push_back({attest::Kind::gap, gap.span->until_ns, source, encode(gap), {}});
    log(Priority::warning, std::to_string(gap.lost) + " events were dropped (" + gap.reason +
                               "): recorded in the log; " + (source ? *source : "several senders"));
  }
  bool is_with_a_gap = !records.empty();
  for (const auto& [input, position] : taken.positions) {
    if (!is_with_a_gap) {
      records.push_back({attest::Kind::note, now_ns, nullptr, position_text(input), {}});
    }
    is_with_a_gap = false;
    records.back().tlvs = position_tlv(input, position);
  }
  return records;
}

}  // namespace stele::daemon
