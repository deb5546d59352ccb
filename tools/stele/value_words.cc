#include "tools/stele/value_words.h"

#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "attest/printable.h"

namespace stele::tools {
namespace {

std::string to_a_tenth(double number) {
  std::array<char, 512> digits;  // of the largest double: 309, a point and one more
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                          std::chars_format::fixed, 1);
  std::string text(digits.data(), end);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

}  // namespace

std::string words(const boost::json::value& value) {
  if (value.is_string()) {
    return attest::printable({value.as_string().data(), value.as_string().size()});
  }
  if (value.is_bool()) return value.as_bool() ? "yes" : "no";
  if (value.is_double()) return to_a_tenth(value.as_double());
  return value.is_null() ? "none" : boost::json::serialize(value);
}

}  // namespace stele::tools
