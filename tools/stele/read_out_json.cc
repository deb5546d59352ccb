#include "tools/stele/read_out_json.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "attest/base64.h"
#include "attest/printable.h"
#include "attest/rfc3339.h"
#include "attest/utf8.h"

namespace stele::tools {

namespace {

// Nothing: no event, or none any more.
const daemon::ReadOut* read(daemon::EventReader& reader, const storage::StoredRecord& record) {
  if (record.erased || record.leaf.kind != attest::Kind::event) return nullptr;
  const std::string_view bytes(reinterpret_cast<const char*>(record.bytes.data()),
                               record.bytes.size());
  return &reader.read(bytes, record.leaf.time_ns);
}

}  // namespace

boost::json::value read_out_json(daemon::EventReader& reader, const storage::StoredRecord& record) {
  const daemon::ReadOut* const found = read(reader, record);
  if (found == nullptr) return nullptr;
  const daemon::ReadOut& out = *found;
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

std::string read_out_page(daemon::EventReader& reader, const storage::StoredRecord& record) {
  const daemon::ReadOut* const out = read(reader, record);
  if (out == nullptr) return {};
  std::string page;
  const auto line = [&page](std::string_view label, const std::string& text) {
    std::string padded(label);
    padded.resize(std::max<std::size_t>(padded.size(), 11), ' ');
    page += padded + ' ' + text + '\n';
  };
  if (out->unparsed()) {
    line("read as", "no format known");
    return page;
  }
  line("read as", std::string(out->format));
  for (std::size_t i = 0; i < daemon::kFieldCount; ++i) {
    if (!out->values[i].empty()) line(daemon::kFieldNames[i], attest::printable(out->values[i]));
  }
  if (out->time_ns) {
    line("time", attest::to_rfc3339(*out->time_ns) +
                     (out->time_inferred ? ", completed from when it was received" : ""));
  }
  return page;
}

}  // namespace stele::tools
