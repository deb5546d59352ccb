// What a Device makes of a recorded session of which one response was spoiled: each act of an
// anchor's life, recorded once, and judged as a stranger would judge what comes out.
//
// Thread safety: none.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/tally.h"
#include "tests/tpm/provisioned.h"
#include "tests/tpm/tape.h"

namespace stele::test {

class SpoiledSession {
 public:
  // What a stranger believes of what came out, as bytes; nothing if he believes none of it.
  using Work = std::function<std::optional<attest::Bytes>(tpm::Device&)>;
  SpoiledSession(std::string name, const Swtpm& swtpm, const tpm::Credentials& credentials,
                 Work work);

  const std::string& name() const { return name_; }
  const Tape& tape() const { return tape_; }
  // Plays with this spoil and counts: missed if anything else than the recorded is believed.
  void play(const Tape::Spoil& spoil, Tally& tally) const;
  // Whether it ends as it was recorded when nothing is spoiled.
  bool plays_whole() const;

 private:
  std::optional<attest::Bytes> believed(const MeddlingTcti::Transport& transport) const;

  std::string name_;
  Tape tape_;
  Work work_;
  std::optional<attest::Bytes> recorded_;
};

// Every act: reads, a quote, a bundle, a full anchor, a read-back, an answer, provisioning.
std::vector<std::unique_ptr<SpoiledSession>> record_sessions();

}  // namespace stele::test
