// Goal: a record survives the way through JSON, and shows nothing that a terminal obeys.
// Method: records of every shape made by hand, as the daemon writes them on the control socket.
#include "tools/stele/record_json.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "attest/base64.h"

namespace stele::tools {
namespace {

storage::StoredRecord record_with(std::string_view bytes) {
  storage::StoredRecord record;
  record.index = 12;
  record.leaf = {attest::Kind::event, 1'763'884'200'123'456'789, 11,
                 attest::hash(attest::view(bytes))};
  record.encoded_leaf = attest::encode(record.leaf);
  record.salt.bytes[0] = 7;
  const attest::ByteView view = attest::view(bytes);
  record.bytes.assign(view.begin(), view.end());
  return record;
}

// daemon/README.md, "Control protocol".
boost::json::object on_the_socket(const storage::StoredRecord& record) {
  return {{"index", record.index},
          {"kind", "event"},
          {"time_ns", record.leaf.time_ns},
          {"source", record.leaf.source},
          {"leaf", attest::to_hex(record.encoded_leaf)},
          {"leaf_hash", attest::to_hex(attest::leaf_hash(record.encoded_leaf))},
          {"salt", attest::to_hex(record.salt)},
          {"tlvs", attest::to_base64(record.tlvs)},
          {"bytes", attest::to_base64(record.bytes)},
          {"erased", record.erased}};
}

TEST(RecordJson, ReadsWhatTheDaemonWrites) {
  storage::StoredRecord record = record_with(std::string_view("\0\xff line\r", 8));
  attest::append_tlv(record.tlvs, attest::TlvType::sender_position, attest::view("position"));
  const auto text = boost::json::serialize(on_the_socket(record));
  const storage::StoredRecord back = record_from(boost::json::parse(text).as_object());
  EXPECT_EQ(back.index, record.index);
  EXPECT_EQ(back.leaf, record.leaf);
  EXPECT_EQ(back.encoded_leaf, record.encoded_leaf);
  EXPECT_EQ(back.salt, record.salt);
  EXPECT_EQ(back.tlvs, record.tlvs);
  EXPECT_EQ(back.bytes, record.bytes);
  EXPECT_FALSE(back.erased);
}

TEST(RecordJson, RefusesARecordWithADamagedField) {
  for (const char* field : {"leaf", "salt", "tlvs", "bytes"}) {
    boost::json::object damaged = on_the_socket(record_with("event"));
    damaged[field] = "!";
    EXPECT_THROW(record_from(damaged), std::exception) << field;
    damaged.erase(field);
    EXPECT_THROW(record_from(damaged), std::exception) << field;
  }
}

TEST(RecordJson, GivesPrintableContentAsTextAndAllOtherAsBytes) {
  EXPECT_EQ(to_json(record_with("tab\tünïcode \\")).at("text").as_string(), "tab\tünïcode \\");
  for (std::string_view bytes : {"line\r", "\x1b[2J", "\xff", "\xc2\x9b"}) {
    const boost::json::object object = to_json(record_with(bytes));
    EXPECT_FALSE(object.contains("text"));
    EXPECT_EQ(object.at("bytes").as_string(), attest::to_base64(attest::view(bytes)));
  }
}

TEST(RecordJson, GivesNoContentOfAnErasedRecord) {
  storage::StoredRecord record = record_with("");
  record.erased = true;
  const boost::json::object object = to_json(record);
  EXPECT_FALSE(object.contains("text") || object.contains("bytes"));
  EXPECT_NE(to_line(record).find("(erased)"), std::string::npos);
}

TEST(RecordJson, ShowsAPersonOneSafeLine) {
  const std::string line = to_line(record_with("\x1b[31mred\nnext"));
  EXPECT_EQ(line, "12 2025-11-23T07:50:00.123456789Z event 11 \\x1b[31mred\\x0anext\n");
  const std::string page = to_page(record_with("\x1b[31mred\nnext"));
  EXPECT_NE(page.find("content     \\x1b[31mred\\x0anext\n"), std::string::npos);
}

TEST(RecordJson, NamesAKindThatItDoesNotKnow) {
  storage::StoredRecord record = record_with("x");
  record.leaf.kind = static_cast<attest::Kind>(77);
  EXPECT_EQ(to_json(record).at("kind").as_string(), "kind-77");
}

}  // namespace
}  // namespace stele::tools
