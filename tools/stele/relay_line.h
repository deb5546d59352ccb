// The line between an auditor and the host whose TPM it locks: a Unix socket, 0600, that carries
// relayed messages (tpm/relay_message.h) whole, in bounded time.
//
// Off the host it is carried by what both sides have and trust already: `ssh -L`, or socat with
// mutual TLS. It needs no secrecy; whoever may connect can lock the TPM, so not everybody may.
// Thread safety: none. Blocks: up to the limits below. Errors: CommandError 69 (the other side is
// gone or slow, or refuses), 65 (what it sent is no message), 73 (the path cannot be used), 77.
// Limits: kAnswerWait, 60 s, for a slow TPM's slowest command; kVisitorWait, 1 h, for the auditor.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tpm/relay_message.h"

namespace stele::tools {

constexpr std::chrono::seconds kAnswerWait{60};
constexpr std::chrono::seconds kVisitorWait{3600};

class RelayLine {
 public:
  // Takes "unix:PATH".
  static RelayLine connect(const std::string& target);
  explicit RelayLine(int descriptor) : descriptor_(descriptor) {}
  RelayLine(RelayLine&& other) noexcept;
  RelayLine& operator=(RelayLine&&) = delete;
  ~RelayLine();

  // Who is at the other end, as the kernel says; over ssh -L the one whom ssh let in.
  struct Peer {
    std::int64_t uid = -1, gid = -1, pid = -1;
  };
  Peer peer() const;
  void send(const tpm::RelayMessage& message);
  tpm::RelayMessage receive();
  // The same; what is of another kind, a refusal too, is an error.
  tpm::RelayMessage receive(tpm::RelayKind kind);

 private:
  attest::Bytes read(std::size_t count);
  int descriptor_;
};

class RelayListener {
 public:
  explicit RelayListener(const std::string& target);
  RelayListener(const RelayListener&) = delete;
  RelayListener& operator=(const RelayListener&) = delete;
  ~RelayListener();
  // Nothing: nobody came in time.
  std::optional<RelayLine> accept(std::chrono::seconds wait);

 private:
  std::string path_;
  int descriptor_;
};

}  // namespace stele::tools
