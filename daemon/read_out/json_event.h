// Reads JSON events: recognises the format and fills in what its mapping names.
//
// One parser whose memory is kept from event to event; at most 64 levels deep. Of members of the
// same name the first counts. Thread safety: one thread each. Errors: none; what is no JSON object,
// or of no known format, is not read. Trust: the bytes may come from anyone.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "daemon/read_out/json_mapping.h"

namespace stele::daemon {

class JsonEvents {
 public:
  // Mappings of the configuration, tried before the built-in ones.
  explicit JsonEvents(const std::vector<JsonMapping>& configured);
  JsonEvents(JsonEvents&&) noexcept;
  ~JsonEvents();
  bool read(std::string_view text, ReadOut& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::daemon
