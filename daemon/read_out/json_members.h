// The members of a JSON event, found by JSON pointers (RFC 6901) that were prepared beforehand.
//
// Dozens of pointers are asked of every event, and nearly none of them names a member that is
// there: one bit test says so, without a walk. Of members of the same name the first counts.
// Thread safety: values. Lifetime: the members last as long as the parser's document.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stele::daemon {

class JsonPath {
 public:
  explicit JsonPath(std::string_view pointer);  // is_json_pointer() holds

 private:
  friend class JsonMembers;
  struct Step {
    std::string name;     // of the member, without escapes
    std::string pointer;  // the same and what follows, as it was given: for what is no object
  };
  std::vector<Step> steps_;
  std::uint64_t bit_;  // of the first name
};
using JsonPaths = std::vector<JsonPath>;
JsonPaths prepared(const std::vector<std::string>& pointers);

class JsonMembers {
 public:
  void read(const simdjson::dom::object& event);
  bool find(const JsonPath& path, simdjson::dom::element& value) const;

 private:
  struct Member {
    std::uint64_t bit;  // told apart by it before names are compared
    std::string_view name;
    simdjson::dom::element value;
  };
  std::vector<Member> members_;
  std::uint64_t bits_ = 0;  // of the names that are there
};

}  // namespace stele::daemon
