#include "attest/witness/pushed.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(pushed) {
  const std::string_view line(reinterpret_cast<const char*>(input.data()), input.size());
  const auto pushed = parse_pushed(line);
  if (!pushed) return false;
  const std::string again = std::visit([](const auto& one) { return to_line(one); }, *pushed);
  ENSURE(again == std::string(line) + "\n");
  return true;
}
