#include "daemon/ingest/drop_totals.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

// Accepted is what is written, and nothing else.
FUZZ_TARGET(drop_totals) {
  const std::string text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto totals = parse_drop_totals(text);
  if (!totals) return false;
  ENSURE(totals->encoded() == text);
  ENSURE(is_boot_id(totals->boot_id));
  ENSURE(!totals->sockets.empty() && totals->sockets.size() <= kMaxDropTotals);
  for (const auto& [cookie, total] : totals->sockets) ENSURE(cookie != 0 && total.seen_ns >= 0);
  return true;
}
