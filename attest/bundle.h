// The boot bundle: the quote at a daemon start that ties a run, its PCRs and the NV state together.
//
//   magic "STELEBDL" · version u16 = 1 · parts u16 (bit 0: IMA quote) · boot_id 16
//   counter u64 · extend 32                      C and E, read before recovery changed anything
//   event_log_bytes u64 · event_log_hash 32      firmware event log, kept in boot/<hash>; none: 0,
//   H() ima_bytes u64 · ima_hash 32                  the same for the IMA list quote: attest
//   sized16 · r 32 · s 32 · 9 PCR values [IMA]  attest sized16 · r 32 · s 32 · PCR 10 value 32
//
//   extraData of both quotes = H("stele/v1/boot\0" ‖ extend ‖ counter u64 ‖ boot_id 16)
//   hash named by statements = H(bundle)
//
// A bundle that no statement commits to is not evidence. PCR evidence is advisory (a bus attacker
// can replay it); the NV chain is not.
// Thread safety: values. Errors: decode: as usual; verify_bundle: those of verify_quote,
// bundle_mismatch.
#pragma once

#include <array>
#include <optional>

#include "attest/receipt.h"

namespace stele::attest {

struct Bundle {
  std::array<std::uint8_t, 16> boot_id{};
  std::uint64_t counter = 0;
  Hash extend;
  std::uint64_t event_log_bytes = 0;
  Hash event_log_hash;
  std::uint64_t ima_bytes = 0;
  Hash ima_hash;
  QuotePart quote;
  struct ImaQuote {
    SignedAttestation signed_attestation;
    Hash pcr10;
    bool operator==(const ImaQuote&) const = default;
  };
  std::optional<ImaQuote> ima;
  bool operator==(const Bundle&) const = default;
};
// What is presented of the logs that a bundle commits to; nothing: not there.
struct BootLogs {
  std::optional<ByteView> event_log;
  std::optional<ByteView> measurements;  // the IMA list
  bool may_be_left_out = false;          // this kind of evidence need not hold them
};
Bytes encode(const Bundle& bundle);
Result<Bundle> decode_bundle(ByteView bytes);
Hash bundle_extra_data(const Bundle& bundle);

// A bundle that verified under the pinned identity: only verify_bundle() makes one.
class VerifiedBundle {
 public:
  const Hash& hash() const { return hash_; }
  const std::array<std::uint8_t, 16>& boot_id() const { return boot_id_; }
  Run run() const { return run_; }
  const Hash& pcr() const { return pcr_; }  // P as quoted: P_0 of its run, if it is the run's first
  std::uint64_t clock_ms() const { return clock_ms_; }
  std::uint64_t firmware() const { return firmware_; }
  std::uint64_t counter() const { return counter_; }
  const Hash& extend() const { return extend_; }

 private:
  friend Result<VerifiedBundle> verify_bundle(ByteView, const TpmIdentity&);
  VerifiedBundle() = default;
  Hash hash_, pcr_, extend_;
  std::array<std::uint8_t, 16> boot_id_{};
  Run run_{};
  std::uint64_t clock_ms_ = 0, firmware_ = 0, counter_ = 0;
};
Result<VerifiedBundle> verify_bundle(ByteView encoded, const TpmIdentity& identity);

}  // namespace stele::attest
