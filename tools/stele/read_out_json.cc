#include "tools/stele/read_out_json.h"

#include <boost/json/object.hpp>

#include "attest/base64.h"
#include "attest/rfc3339.h"
#include "attest/utf8.h"

namespace stele::tools {

boost::json::value read_out_json(daemon::EventReader& reader, const storage::StoredRecord& record) {
  if (record.erased || record.leaf.kind != attest::Kind::event) return nullptr;
  const std::string_view bytes(reinterpret_cast<const char*>(record.bytes.data()),
                               record.bytes.size());
  const daemon::ReadOut& out = reader.read(bytes, record.leaf.time_ns);
  if (out.unparsed()) return boost::json::object{{"unparsed", true}};
  boost::json::object json{{"format", out.format}};
  for (std::size_t i = 0; i < daemon::kFieldCount; ++i) {
    const std::string& value = out.values[i];
    if (value.empty()) continue;
    std::string name(daemon::kFieldNames[i]);
    // JSON is UTF-8; what a sender wrote need not be.
    if (attest::is_utf8(value)) {
      json[name] = value;
    } else {
      json[name + "_base64"] = attest::to_base64(attest::view(value));
    }
  }
  if (out.time_ns) json["time"] = attest::to_rfc3339(*out.time_ns);
  if (out.time_inferred) json["time_inferred"] = true;
  return json;
}

}  // namespace stele::tools
