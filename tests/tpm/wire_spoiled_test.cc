// Goal: every truncation and every bit flip of a response of every command: the process survives,
// and nothing is believed but what the TPM signed.
// Method: recorded sessions played back with one response spoiled, by noise and by a liar who knows
// every authValue. In a long run every turn, byte and bit; else the first response of each command,
// every truncation, every bit of headers and of evidence, and one bit of each other byte.
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "tests/support/wire_faults.h"
#include "tests/tpm/spoiled.h"

namespace stele::test {
namespace {

using Bytes = Tape::Bytes;

constexpr std::size_t kHeader = 14;  // tag, size, code, and the size of the parameters or a handle

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

// What anchors and answers say: every bit always.
bool is_evidence(const Tape::Turn& turn) {
  return turn.is_signed() || turn.code() == kSessionDigest || turn.code() == kQuoteCommand;
}

void every_flip(const SpoiledSession& session, std::size_t turn, Tally& tally) {
  const Tape::Turn& one = session.tape().turns()[turn];
  for (std::size_t at = 0; at < one.response.size(); ++at) {
    for (std::size_t bit = 0; bit < 8; ++bit) {
      if (!is_long_run() && !is_evidence(one) && at >= kHeader && bit != at % 8) continue;
      session.play(flip(turn, Tape::By::liar, at, bit), tally);
      if (one.is_signed()) session.play(flip(turn, Tape::By::noise, at, bit), tally);
    }
  }
}

// Visits the responses that are to be spoiled; says how many.
using Visit = std::function<void(const SpoiledSession&, std::size_t turn)>;
std::size_t for_each_response(const Visit& visit) {
  std::set<std::pair<std::uint32_t, bool>> seen;
  std::size_t visited = 0;
  for (const auto& session : record_sessions()) {
    EXPECT_TRUE(session->plays_whole()) << session->name();
    const auto& turns = session->tape().turns();
    for (std::size_t turn = 0; turn < turns.size(); ++turn) {
      const bool is_new = seen.emplace(turns[turn].code(), turns[turn].is_signed()).second;
      if (!is_new && !is_long_run()) continue;
      SCOPED_TRACE(testing::Message() << "0x" << std::hex << turns[turn].code());
      visit(*session, turn);
      ++visited;
    }
  }
  return visited;
}

TEST(WireSpoiled, NoTruncatedResponseIsBelieved) {
  Tally tally;
  const std::size_t responses = for_each_response(
      [&](const SpoiledSession& session, std::size_t turn) { every_cut(session, turn, tally); });
  tally.report(50, "every truncation of " + std::to_string(responses) + " responses");
}

void flip_responses(bool evidence, const std::string& what) {
  Tally tally;
  std::size_t responses = 0;
  for_each_response([&](const SpoiledSession& session, std::size_t turn) {
    if (is_evidence(session.tape().turns()[turn]) != evidence) return;
    every_flip(session, turn, tally);
    ++responses;
  });
  tally.report(50, what + ", " + std::to_string(responses) + " responses, by noise and by a liar");
}

TEST(WireSpoiled, NoFlippedBitOfEvidenceIsBelieved) {
  flip_responses(true, "every bit of evidence flipped");
}

TEST(WireSpoiled, NoFlippedBitOfAnyOtherResponseIsBelieved) {
  flip_responses(false, "bits of other responses flipped");
}

}  // namespace
}  // namespace stele::test
