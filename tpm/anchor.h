// The commands of an anchor's life: read C, E, P and the clock; extend; the audited sessions; quotes.
//
// Each function is one step of the anchor protocol (README.md, "Life of an anchor"); none decides what
// to do next (recovery.h does) and none stores anything. Receipts come back unverified: the caller
// checks them with attest::verify_receipt before it stores them (A7).
// Blocks: all. Thread safety: none. Errors: TpmError; `busy` has been retried (bounded, with back-off,
// in the same session) before it is thrown.
// Trust: what the reads return is only the host's own view; the signed receipt is what counts.
#pragma once

#include <array>
#include <optional>

#include "attest/answer.h"
#include "attest/bundle.h"
#include "attest/receipt.h"
#include "attest/statement.h"
#include "tpm/device.h"

namespace stele::tpm {

using AuthValue = std::array<std::uint8_t, 32>;

// Where our objects are and what opens them. Kept in DIR/secrets (0600), daemon only.
struct Credentials {
  std::uint32_t ak_handle = 0x81005354;       // persistent, owner range
  std::uint32_t counter_handle = 0x01805354;  // NV, owner range
  std::uint32_t extend_handle = 0x01805355;
  AuthValue ak_auth{}, counter_auth{}, extend_auth{}, endorsement_auth{};
  attest::TpmIdentity identity;
};

struct Clock {
  std::uint64_t clock_ms = 0;
  attest::Run run;      // as TPM2_ReadClock gives it: NOT obfuscated like the signed one
  bool safe = false;
};
Clock read_clock(Device&);

// C and E as they are now.
struct IndexState {
  enum class Presence { written, unwritten, missing, foreign /* other Name than pinned */ };
  Presence counter_presence = Presence::missing;
  Presence extend_presence = Presence::missing;
  std::uint64_t counter = 0;
  attest::Hash extend;
};
IndexState read_indexes(Device&, const Credentials&);
attest::Hash read_pcr(Device&, std::uint8_t pcr);  // SHA-256 bank
void extend_pcr(Device&, std::uint8_t pcr, const attest::Hash& digest);
void extend_index(Device&, const Credentials&, const attest::Hash& digest);  // recovery only

// A2 (session) to A6. Precondition: C = statement.counter - 1, E = statement.prev_extend, P extended with d.
attest::Receipt full_anchor(Device&, const Credentials&, const attest::Statement&);
// Read-back for d; with a quote if asked (only in the statement's run).
attest::Receipt read_back(Device&, const Credentials&, const attest::Hash& digest,
                          const attest::Hash& extra_data, bool with_quote);
// Q3: a quote over {0-7, P} with these nine values; read, quote, compare, at most 3 tries.
attest::QuotePart quote(Device&, const Credentials&, const attest::Hash& extra_data);
attest::Bundle make_bundle(Device&, const Credentials&, const std::array<std::uint8_t, 16>& boot_id,
                           const IndexState& before_recovery, attest::ByteView event_log,
                           attest::ByteView ima_log);
// Fills audit and quote of an answer whose other fields are set.
void answer(Device&, const Credentials&, attest::Answer& answer);

// TPM2_Shutdown is the platform's business, never ours.

}  // namespace stele::tpm
