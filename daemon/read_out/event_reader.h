// The event reader: finds out which format an event has, and reads it.
//
// The first byte decides which readers are asked: '{' JSON, '<' syslog, "type=" or "node=" audit, a
// letter or a digit a syslog line of a file, "__CURSOR=" an entry of the journal. A message of
// syslog or the journal whose content is an audit record or a JSON object is read as that, with
// what the header or the other fields say where the content says nothing.
// Thread safety: one thread each (a parser's memory is kept). Errors: none: what cannot be read is
// unparsed. Trust: the bytes may come from anyone. See: README.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attest/hash.h"
#include "daemon/read_out/json_event.h"
#include "daemon/read_out/read_out.h"

namespace stele::daemon {

class EventReader {
 public:
  explicit EventReader(const std::vector<JsonMapping>& configured = {});
  // Good until the next call.
  const ReadOut& read(std::string_view event, std::int64_t received_ns);
  // Tells two readers apart that may read the same event differently: of another version, with
  // other configured mappings, or with other names of system calls (libaudit's).
  const attest::Hash& fingerprint() const { return fingerprint_; }

 private:
  bool read_content(std::string_view text);
  bool read_journal(std::string_view event);
  bool read_syslog(std::string_view text, std::int64_t received_ns);

  JsonEvents json_;
  ReadOut out_;
  attest::Hash fingerprint_;
};

}  // namespace stele::daemon
