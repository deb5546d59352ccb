#include "daemon/read_out/json_members.h"

#include <algorithm>

#include "attest/check.h"

namespace stele::daemon {
namespace {

std::uint64_t bit_of(std::string_view name) {
  if (name.empty()) return 1;
  const auto first = static_cast<unsigned char>(name.front());
  const auto last = static_cast<unsigned char>(name.back());
  return std::uint64_t{1} << ((name.size() * 7 + first * 3u + last) % 64);
}

std::string unescaped(std::string_view token) {
  std::string name;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      name += token[i];
    } else {
      name += token[++i] == '1' ? '/' : '~';
    }
  }
  return name;
}

}  // namespace

JsonPath::JsonPath(std::string_view pointer) {
  while (!pointer.empty()) {
    const std::size_t next = std::min(pointer.find('/', 1), pointer.size());
    steps_.push_back({unescaped(pointer.substr(1, next - 1)), std::string(pointer)});
    pointer.remove_prefix(next);
  }
  ENSURE(!steps_.empty());
  bit_ = bit_of(steps_.front().name);
}

JsonPaths prepared(const std::vector<std::string>& pointers) {
  return JsonPaths(pointers.begin(), pointers.end());
}

void JsonMembers::read(const simdjson::dom::object& event) {
  members_.clear();
  bits_ = 0;
  for (const auto& member : event) {
    members_.push_back({bit_of(member.key), member.key, member.value});
    bits_ |= members_.back().bit;
  }
}

bool JsonMembers::find(const JsonPath& path, simdjson::dom::element& value) const {
  if ((bits_ & path.bit_) == 0) return false;
  const auto& steps = path.steps_;
  const auto first = std::find_if(members_.begin(), members_.end(), [&](const Member& member) {
    return member.bit == path.bit_ && member.name == steps.front().name;
  });
  if (first == members_.end()) return false;
  value = first->value;
  for (std::size_t i = 1; i < steps.size(); ++i) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) {
      return value.at_pointer(steps[i].pointer).get(value) == simdjson::SUCCESS;
    }
    if (object.at_key(steps[i].name).get(value) != simdjson::SUCCESS) return false;
  }
  return true;
}

}  // namespace stele::daemon
