// What was read out of a record, for the tool's JSON and for a person.
//
// {"format":"rfc5424","actor":"alice","action":"login",…,"time":"RFC 3339","time_inferred":true}:
// only what the event says; {"unparsed":true} where it is of no format known; null for other
// records. Thread safety: one thread each.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "daemon/read_out/event_reader.h"
#include "storage/store.h"

namespace stele::tools {

boost::json::value read_out_json(daemon::EventReader& reader, const storage::StoredRecord& record);
// "read as" and one line for each field that the event says; nothing for other records. Control
// characters and what is no UTF-8 are made printable.
std::string read_out_page(daemon::EventReader& reader, const storage::StoredRecord& record);

}  // namespace stele::tools
