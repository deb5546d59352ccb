// A record as the control socket's JSON, as the tool's own JSON, and as lines for a person.
//
// In the tool's JSON the content is `text` when it is printable (attest/printable.h), else `bytes`
// in base64: exactly one of them, none when erased. Text for a person escapes whatever a terminal
// obeys. Thread safety: pure. Errors: record_from throws on JSON that is no record (a bug of the
// daemon).
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "storage/store.h"

namespace stele::tools {

storage::StoredRecord record_from(const boost::json::object& record);
boost::json::object to_json(const storage::StoredRecord& record);
std::string to_line(const storage::StoredRecord& record);  // INDEX TIME KIND SOURCE CONTENT
std::string to_page(const storage::StoredRecord& record);  // a field a line

}  // namespace stele::tools
