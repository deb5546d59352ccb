// What the drop ledger gave out, as the records of one group: gap records, and positions.
//
// A position becomes durable in one write with the gaps that it counts: the newest of these takes
// one along, any other is a note of its own behind them.
// Thread safety: pure, but for the daemon's own log. Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attest/record.h"
#include "daemon/drop_ledger.h"

namespace stele::daemon {

struct GapRecord {
  attest::Kind kind = attest::Kind::gap;
  std::int64_t time_ns = 0;
  DropLedger::Source source;  // none: it has no source record
  std::string content;
  attest::Bytes tlvs;
};

// now_ns: the time of notes. Each gap is said in the daemon's log too.
std::vector<GapRecord> gap_records(const DropLedger::Taken& taken, std::int64_t now_ns);

}  // namespace stele::daemon
