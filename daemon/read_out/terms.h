// What was read out, as the terms that the look-up finds records by.
//
// Only events are read: what the daemon writes itself has its own ways to be found.
// Thread safety: one thread each, as the reader's.
#pragma once

#include <memory>

#include "daemon/read_out/event_reader.h"
#include "storage/query.h"

namespace stele::daemon {

static_assert(kFieldCount == storage::kTermFields && kMaxValueBytes == storage::kMaxTermBytes);

inline storage::TermReader term_reader(const std::vector<JsonMapping>& configured) {
  const auto reader = std::make_shared<EventReader>(configured);
  return {[reader](const storage::StoredRecord& record, storage::Terms& terms) {
            terms = {};
            if (record.erased || record.leaf.kind != attest::Kind::event) return;
            const std::string_view bytes(reinterpret_cast<const char*>(record.bytes.data()),
                                         record.bytes.size());
            const ReadOut& out = reader->read(bytes, record.leaf.time_ns);
            for (std::size_t i = 0; i < kFieldCount; ++i) terms[i] = out.values[i];
          },
          reader->fingerprint()};
}

}  // namespace stele::daemon
