// Goal: a prepared path finds what simdjson's own walk along the pointer finds, for the first of
// members of the same name. Method: every pointer against every document, simdjson's at_pointer
// beside it.
#include "daemon/read_out/json_members.h"

#include <gtest/gtest.h>

#include <optional>

namespace stele::daemon {
namespace {

constexpr const char* kDocuments[] = {
    R"({})",
    R"({"user":"a"})",
    R"({"user":{"name":"b","id":7,"":"nameless"}})",
    R"({"user":[{"name":"c"},{"name":"d"}],"resu":1})",
    R"({"user":{"name":{"first":["x",{"y":null}]}}})",
    R"({"":"no name","a/b":1,"a~b":2,"a~1b":3,"~":4,"/":5})",
    R"({"user":"first","user":{"name":"second"}})",
    R"({"user":{"name":"first","name":"second"}})",
    R"({"user.name":true,"0":[[0,[1]]]})",
    R"({"ab":1,"xxb":2,"axb":3,"ayb":4})",  // names that share a bit
};
constexpr const char* kPointers[] = {"/user",
                                     "/user/name",
                                     "/user/id",
                                     "/user/",
                                     "/user/0/name",
                                     "/user/1/name",
                                     "/user/2/name",
                                     "/user/name/first",
                                     "/user/name/first/0",
                                     "/user/name/first/1/y",
                                     "/user/name/first/-",
                                     "/",
                                     "/a~1b",
                                     "/a~0b",
                                     "/a~01b",
                                     "/~0",
                                     "/~1",
                                     "/user.name",
                                     "/user.name/x",
                                     "/0/0/1/0",
                                     "/0/00",
                                     "/ab",
                                     "/axb",
                                     "/ayb",
                                     "/azb",
                                     "/xxb",
                                     "/resu",
                                     "/nobody"};

std::optional<std::string> text(const simdjson::dom::element& value) {
  return simdjson::to_string(value);
}

TEST(JsonMembers, AreFoundAsByWalkingAlongThePointer) {
  std::size_t found = 0, compared = 0;
  for (const std::string document : kDocuments) {
    simdjson::dom::parser parser;
    const simdjson::dom::element event = parser.parse(document);
    JsonMembers members;
    members.read(event.get_object());
    for (const char* const pointer : kPointers) {
      simdjson::dom::element walked, value;
      const bool there = event.at_pointer(pointer).get(walked) == simdjson::SUCCESS;
      ASSERT_EQ(members.find(JsonPath(pointer), value), there) << pointer << " in " << document;
      ++compared;
      if (!there) continue;
      ++found;
      EXPECT_EQ(text(value), text(walked)) << pointer << " in " << document;
    }
  }
  EXPECT_EQ(compared, std::size(kDocuments) * std::size(kPointers));
  EXPECT_EQ(found, 29u);
}

TEST(JsonMembers, OfOneEventAreForgottenWithTheNext) {
  simdjson::dom::parser parser;
  JsonMembers members;
  members.read(parser.parse(std::string(R"({"user":"a","host":"h"})")).get_object());
  members.read(parser.parse(std::string(R"({"user":"b"})")).get_object());
  simdjson::dom::element value;
  ASSERT_TRUE(members.find(JsonPath("/user"), value));
  EXPECT_EQ(std::string_view(value), "b");
  EXPECT_FALSE(members.find(JsonPath("/host"), value));
}

}  // namespace
}  // namespace stele::daemon
