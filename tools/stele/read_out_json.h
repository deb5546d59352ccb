// What was read out of a record, for the tool's JSON.
//
// {"format":"rfc5424","actor":"alice","action":"login",…,"time":"RFC 3339","time_inferred":true}:
// only what the event says; {"unparsed":true} where it is of no format known; null for other
// records. Thread safety: one thread each.
#pragma once

#include <boost/json/value.hpp>

#include "daemon/read_out/event_reader.h"
#include "storage/store.h"

namespace stele::tools {

boost::json::value read_out_json(daemon::EventReader& reader, const storage::StoredRecord& record);

}  // namespace stele::tools
