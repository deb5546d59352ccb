// Goal: no spoiled response of a TPM crashes us or becomes a receipt (attack 18); the thorough half
// is wire_spoiled_test.cc. Method: recorded sessions played back, one response of each turn cut or
// with a bit flipped at a few places, by noise and by a liar who knows every authValue.
#include "tests/tpm/spoiled.h"

namespace stele::test {
namespace {

TEST(Spoiled, ASessionPlaysBackAsItWasRecorded) {
  for (const auto& session : record_sessions())
    EXPECT_TRUE(session->plays_whole()) << session->name();
}

TEST(Spoiled, AResponseSpoiledInAFewPlacesNeverBecomesAReceipt) {
  Tally tally;
  for (const auto& session : record_sessions()) {
    for (std::size_t turn = 0; turn < session->tape().turns().size(); ++turn) {
      const std::size_t size = session->tape().turns()[turn].response.size();
      for (const std::size_t at : {size / 3, size / 2, size - 6}) {
        const auto flip = [at](Tape::Bytes& response) { response[at] ^= 0x10; };
        session->play({turn, Tape::By::liar, flip}, tally);
        session->play({turn, Tape::By::noise, flip}, tally);
      }
      session->play({turn, Tape::By::noise, [](Tape::Bytes& response) { response.pop_back(); }},
                    tally);
    }
  }
  tally.report(50, "a few places of every turn");
}

}  // namespace
}  // namespace stele::test
