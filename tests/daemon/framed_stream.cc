#include "tests/daemon/framed_stream.h"

#include <gtest/gtest.h>

namespace stele::test {

using namespace daemon;

std::vector<std::string> received(Frame frame, std::uint32_t max,
                                  const std::vector<std::string>& pieces, std::size_t limit,
                                  bool clean) {
  Framing framing(frame, max);
  std::string buffer;
  std::vector<std::string> out;
  const auto take = [&](bool ended) {
    for (bool all = false; !all;) {
      std::vector<Framed> events;
      std::vector<Refused> refused;
      std::size_t used = framing.decode(attest::view(buffer), limit, events, refused);
      all = events.size() + refused.size() < limit;
      if (all && ended) {
        const std::size_t before = events.size();
        framing.finish(attest::view(buffer).subspan(used), clean, events, refused);
        if (events.size() > before) events.back().offset += static_cast<std::uint32_t>(used);
        used = buffer.size();
      }
      for (const Framed& e : events) out.push_back(buffer.substr(e.offset, e.length));
      for (const Refused& r : refused) {
        out.push_back("!" + std::string(name(r.fault)) + "@" + std::to_string(r.at));
      }
      buffer.erase(0, used);
      if (all && !ended) {
        EXPECT_LE(buffer.size(), max + kMaxCountDigits + 1) << "more is kept than one event";
      }
    }
  };
  for (const std::string& piece : pieces) {
    buffer += piece;
    take(false);
  }
  take(true);
  return out;
}

void expect_in_any_pieces(Frame frame, std::uint32_t max, const std::string& stream,
                          const std::vector<std::string>& events,
                          const std::vector<std::string>& refused, bool clean) {
  const auto check = [&](const std::vector<std::string>& out, const std::string& how) {
    std::vector<std::string> got_events, got_refused;
    for (const auto& one : out) (one.starts_with("!") ? got_refused : got_events).push_back(one);
    EXPECT_EQ(got_events, events) << how;
    EXPECT_EQ(got_refused, refused) << how;
  };
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    check(received(frame, max, {stream.substr(0, split), stream.substr(split)}, 1000, clean),
          "split at " + std::to_string(split));
  }
  std::vector<std::string> bytes;
  for (const char c : stream) bytes.emplace_back(1, c);
  for (const std::size_t limit : {1u, 2u, 3u, 1000u}) {
    check(received(frame, max, bytes, limit, clean), "byte by byte");
    check(received(frame, max, {stream}, limit, clean), "limit " + std::to_string(limit));
  }
}

}  // namespace stele::test
