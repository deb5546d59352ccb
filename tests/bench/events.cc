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
    const auto part = [&](unsigned shift, unsigned mask) { return static_cast<unsigned>(r >> shift & mask); };
    const int length = std::snprintf(
        line, sizeof line,
        R"({"time":"2026-11-23T07:%02zu:%02zu.%06uZ","seq":%zu,"actor":{"user":"user%04u","uid":%u,)"
        R"("session":"%016llx"},"action":"%s","target":{"type":"host","name":"srv-%03u.example.org"},)"
        R"("origin":{"ip":"10.%u.%u.%u","port":%u},"outcome":"%s","agent":"OpenSSH_9.2p1",)"
        R"("detail":"request %016llx accepted by policy default"})" "\n",
        i / 60'000 % 60, i / 1'000 % 60, static_cast<unsigned>(r % 1'000'000), i, static_cast<unsigned>(r % 5000),
        static_cast<unsigned>(1000 + r % 5000), static_cast<unsigned long long>(r), kActions[part(20, 3)],
        part(24, 255), part(32, 255), part(40, 255), part(48, 255), part(16, 0xffff), kOutcomes[r % 3],
        static_cast<unsigned long long>(random()));
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
