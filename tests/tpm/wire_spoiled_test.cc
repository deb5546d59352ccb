// Goal: every truncation and every bit flip of a response of every command: the process survives,
// and nothing is believed but what the TPM signed.
// Method: recorded sessions played back with one response spoiled, by noise and by a liar who knows
// every authValue: every response of every session, every truncation and every bit.
#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>

#include "tests/tpm/spoiled.h"

namespace stele::test {
namespace {

using Bytes = Tape::Bytes;

// Cut, with the size that it had in its header, or with the one that it has now.
Tape::Spoil cut(std::size_t turn, std::size_t size, bool tells) {
  return {turn, Tape::By::noise, [=](Bytes& response) {
            response.resize(size);
            if (!tells || size < 6) return;
            response[4] = static_cast<std::uint8_t>(size >> 8);
            response[5] = static_cast<std::uint8_t>(size);
          }};
}

Tape::Spoil flip(std::size_t turn, Tape::By by, std::size_t at, std::size_t bit) {
  return {turn, by, [=](Bytes& response) {
            response[at] = static_cast<std::uint8_t>(response[at] ^ 1u << bit);
          }};
}

void every_cut(const SpoiledSession& session, std::size_t turn, Tally& tally) {
  const std::size_t size = session.tape().turns()[turn].response.size();
  for (std::size_t left = 0; left < size; ++left) {
    session.play(cut(turn, left, false), tally);
    if (left >= 10) session.play(cut(turn, left, true), tally);
  }
}

void every_flip(const SpoiledSession& session, std::size_t turn, Tally& tally) {
  const Tape::Turn& one = session.tape().turns()[turn];
  for (std::size_t at = 0; at < one.response.size(); ++at) {
    for (std::size_t bit = 0; bit < 8; ++bit) {
      session.play(flip(turn, Tape::By::liar, at, bit), tally);
      if (one.is_signed()) session.play(flip(turn, Tape::By::noise, at, bit), tally);
    }
  }
}

constexpr const char* kSessions[] = {"reads",     "quote",  "bundle",      "anchor",
                                     "read-back", "answer", "provisioning"};
constexpr std::size_t kShards = 4;  // of a session's turns

class WireSpoiled : public testing::TestWithParam<std::tuple<const char*, std::size_t>> {
 protected:
  using Spoil = void (*)(const SpoiledSession&, std::size_t turn, Tally&);

  void every_response(Spoil spoil, const std::string& what) {
    const auto& [name, shard] = GetParam();
    Tally tally;
    std::size_t responses = 0;
    for (const auto& session : record_sessions()) {
      if (session->name() != name) continue;
      EXPECT_TRUE(session->plays_whole());
      const auto& turns = session->tape().turns();
      for (std::size_t turn = shard; turn < turns.size(); turn += kShards) {
        SCOPED_TRACE(testing::Message() << "0x" << std::hex << turns[turn].code());
        spoil(*session, turn, tally);
        ++responses;
      }
    }
    EXPECT_GT(responses, 0u);
    tally.report(50, what + " of " + std::to_string(responses) + " responses, " + name);
  }
};

TEST_P(WireSpoiled, NoTruncatedResponseIsBelieved) {
  every_response(every_cut, "every truncation");
}

TEST_P(WireSpoiled, NoFlippedBitIsBelieved) {
  every_response(every_flip, "every bit, by noise and by a liar,");
}

TEST(WireSpoiledSessions, AreThoseThatAreRecorded) {
  std::vector<std::string> names;
  for (const auto& session : record_sessions()) names.push_back(session->name());
  EXPECT_EQ(names, std::vector<std::string>(std::begin(kSessions), std::end(kSessions)));
}

std::string session_and_shard(const testing::TestParamInfo<WireSpoiled::ParamType>& made) {
  std::string name = std::get<0>(made.param);
  name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
  return name + "Shard" + std::to_string(std::get<1>(made.param));
}

INSTANTIATE_TEST_SUITE_P(Every, WireSpoiled,
                         testing::Combine(testing::ValuesIn(kSessions),
                                          testing::Range(std::size_t{0}, kShards)),
                         session_and_shard);

}  // namespace
}  // namespace stele::test
