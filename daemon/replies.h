// What the control socket answers with: records, status and refusals as lines of JSON.
//
// Thread safety: pure. See: README.md, "Control protocol" (schema stele.status/1).
#pragma once

#include <string>
#include <string_view>

#include "daemon/status_facts.h"
#include "storage/store.h"

namespace stele::daemon {

std::string status_line(const StatusFacts& facts);

std::string record_object(const storage::StoredRecord& record);
std::string record_line(const storage::StoredRecord& record);
std::string refusal_line(int exit_code, std::string_view message);

}  // namespace stele::daemon
