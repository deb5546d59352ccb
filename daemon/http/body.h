// A request's body as events: unpacked within a limit, and split into lines where it holds several.
//
//   Content-Encoding   none, identity, gzip or zstd; one, not several
//   Content-Type       application/x-ndjson, application/ndjson, application/jsonl: an event a
//   line,
//                      as frame=lf has it (ingest/framing.h); any other, or none: one event
//
// Thread safety: pure. Errors: value_out_of_range: longer than the limit when unpacked;
// truncated, trailing_bytes: not such a packing. Trust: the bytes come from whoever may send.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "attest/hash.h"
#include "attest/result.h"
#include "daemon/ingest/framing.h"

namespace stele::daemon {

enum class Packing { none, gzip, zstd };
// Nothing: one that we do not know.
std::optional<Packing> packing_of(std::string_view content_encoding);
// Nothing: longer than the limit, or not packed like this; `detail` says which. Never takes more
// memory than the limit and what the packing's own window needs (zstd: at most 8 MiB).
attest::Result<attest::Bytes> unpack(Packing packing, attest::ByteView packed, std::size_t limit);

bool is_lines(std::string_view content_type);
struct BodyEvents {
  std::vector<Framed> events;  // into the body
  std::vector<Refused> refused;
};
// more than `most` events and refusals together: nothing.
std::optional<BodyEvents> split_body(bool lines, attest::ByteView body,
                                     std::uint32_t max_event_bytes, std::size_t most);

}  // namespace stele::daemon
