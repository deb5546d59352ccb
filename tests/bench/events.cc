#include "tests/bench/events.h"

#include <cstdio>
#include <random>

namespace stele::bench {
namespace {

Events make() {
  static constexpr const char* kActions[] = {"login", "sudo", "file.read", "file.write", "api.call", "role.grant"};
  static constexpr const char* kOutcomes[] = {"success", "failure", "denied"};
  std::mt19937_64 random(20261123);
  Events out;
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < kEventCount; ++i) {
    char line[512];
    const std::uint64_t r = random();
    const int length = std::snprintf(
        line, sizeof line,
        R"({"time":"2026-11-23T07:%02u:%02u.%06uZ","seq":%zu,"actor":{"user":"user%04u","uid":%u,"session":"%016llx"},)"
        R"("action":"%s","target":{"type":"host","name":"srv-%03u.example.org"},"origin":{"ip":"10.%u.%u.%u","port":%u},)"
        R"("outcome":"%s","agent":"OpenSSH_9.2p1","detail":"request %016llx accepted by policy default"})" "\n",
        static_cast<unsigned>(i / 60'000 % 60), static_cast<unsigned>(i / 1'000 % 60), static_cast<unsigned>(r % 1'000'000),
        i, static_cast<unsigned>(r % 5000), static_cast<unsigned>(1000 + r % 5000), static_cast<unsigned long long>(r),
        kActions[r >> 20 & 3], static_cast<unsigned>(r >> 24 & 255), static_cast<unsigned>(r >> 32 & 255),
        static_cast<unsigned>(r >> 40 & 255), static_cast<unsigned>(r >> 48 & 255), static_cast<unsigned>(r >> 16 & 0xffff),
        kOutcomes[r % 3], static_cast<unsigned long long>(random()));
    out.bytes.insert(out.bytes.end(), line, line + length);
    ends.push_back(out.bytes.size());
  }
  std::size_t begin = 0;
  for (std::size_t end : ends) {
    out.each.push_back(attest::ByteView(out.bytes).subspan(begin, end - begin - 1));
    begin = end;
  }
  return out;
}

}  // namespace

const Events& events() {
  static const Events made = make();
  return made;
}

}  // namespace stele::bench
