#include "tools/stele/record_json.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <stdexcept>

#include "attest/base64.h"
#include "attest/printable.h"
#include "attest/rfc3339.h"

namespace stele::tools {
namespace {

template <class T>
T required(std::optional<T> value, const char* field) {
  if (!value)
    throw std::runtime_error("the daemon's record has an unreadable field " + std::string(field));
  return std::move(*value);
}

std::string_view text_of(const boost::json::object& object, const char* field) {
  const boost::json::string& text = object.at(field).as_string();
  return {text.data(), text.size()};
}

std::string_view text_of(const attest::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string kind_of(const storage::StoredRecord& record) {
  const std::string_view known = name(record.leaf.kind);
  if (known != "unknown") return std::string(known);
  return "kind-" + std::to_string(static_cast<unsigned>(record.leaf.kind));
}

std::string source_of(const storage::StoredRecord& record) {
  return record.leaf.source == attest::kNoSource ? "-" : std::to_string(record.leaf.source);
}

std::string content_of(const storage::StoredRecord& record) {
  return record.erased ? "(erased)" : attest::printable(text_of(record.bytes));
}

}  // namespace

storage::StoredRecord record_from(const boost::json::object& object) {
  storage::StoredRecord record;
  record.index = object.at("index").to_number<std::uint64_t>();
  const attest::Bytes leaf = required(attest::from_hex(text_of(object, "leaf")), "leaf");
  auto decoded = attest::decode_leaf(leaf);
  if (!decoded || leaf.size() != record.encoded_leaf.size()) required<int>(std::nullopt, "leaf");
  record.leaf = *decoded;
  std::copy(leaf.begin(), leaf.end(), record.encoded_leaf.begin());
  record.erased = object.at("erased").as_bool();
  record.salt = required(attest::hash_from_hex(text_of(object, "salt")), "salt");
  record.tlvs = required(attest::from_base64(text_of(object, "tlvs")), "tlvs");
  record.bytes = required(attest::from_base64(text_of(object, "bytes")), "bytes");
  return record;
}

boost::json::object to_json(const storage::StoredRecord& record) {
  boost::json::object out{{"index", record.index},
                          {"kind", kind_of(record)},
                          {"time", attest::to_rfc3339(record.leaf.time_ns)},
                          {"source", nullptr},
                          {"leaf", attest::to_hex(record.encoded_leaf)},
                          {"leaf_hash", attest::to_hex(attest::leaf_hash(record.encoded_leaf))},
                          {"salt", attest::to_hex(record.salt)},
                          {"erased", record.erased}};
  if (record.leaf.source != attest::kNoSource) out["source"] = record.leaf.source;
  if (!record.tlvs.empty()) out["tlvs"] = attest::to_base64(record.tlvs);
  if (record.erased) return out;
  if (attest::is_printable(text_of(record.bytes))) {
    out["text"] = text_of(record.bytes);
  } else {
    out["bytes"] = attest::to_base64(record.bytes);
  }
  return out;
}

std::string to_line(const storage::StoredRecord& record) {
  return std::to_string(record.index) + ' ' + attest::to_rfc3339(record.leaf.time_ns) + ' ' +
         kind_of(record) + ' ' + source_of(record) + ' ' + content_of(record) + '\n';
}

std::string to_page(const storage::StoredRecord& record) {
  return "record      " + std::to_string(record.index) +                                   //
         "\nkind        " + kind_of(record) +                                              //
         "\nreceived    " + attest::to_rfc3339(record.leaf.time_ns) +                      //
         "\nsource      " + source_of(record) +                                            //
         "\nleaf hash   " + attest::to_hex(attest::leaf_hash(record.encoded_leaf)) +       //
         "\ncommitment  " + attest::to_hex(record.leaf.commitment) +                       //
         "\nsalt        " + attest::to_hex(record.salt) +                                  //
         "\nlength      " + (record.erased ? "-" : std::to_string(record.bytes.size())) +  //
         "\ncontent     " + content_of(record) + '\n';
}

}  // namespace stele::tools
