// The closed, documented sets of names in a report: faults (a verdict fails or is unknown),
// findings, places.
//
// A name is added, never renamed or reused: scripts match on them (see README.md, "Faults").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stele::attest {

enum class VerdictKind : std::uint8_t { integrity, completeness, freshness, platform };

enum class Fault : std::uint16_t {
  // integrity: bytes presented are not what was committed
  truncated,             // a structure ends before its last field
  trailing_bytes,        // a structure has bytes after its last field, or is not canonical
  bad_magic,             // a structure does not begin as it must
  version_unknown,       // a structure of a version this verifier does not know (-> unknown)
  value_out_of_range,    // a field holds a value that no writer writes
  leaf_malformed,        // a leaf that cannot be decoded
  leaf_version_unknown,  // (-> unknown)
  kind_unknown,          // a record kind from 0x80 (-> unknown)
  codec_unknown,         // content under a codec or cipher this verifier does not know (-> unknown)
  commitment_mismatch,   // content is not what its leaf commits to
  source_invalid,        // a record's source is not a source record before it, in its window
  group_damaged,         // a commit group, not the last one, cannot be read or its trailer differs
  segment_damaged,       // a segment's header or file name is wrong
  journal_damaged,     // a journal entry, not the last one, cannot be read or its checksum differs
  genesis_mismatch,    // record 0, the journal's genesis and the trust file's log id differ
  tree_root_mismatch,  // records do not hash to the root that a statement names
  tree_node_mismatch,  // a stored tree node is not what its leaves hash to
  proof_mismatch,      // an inclusion or consistency proof does not lead to the root
  statement_mismatch,  // a statement's field is not what the chain before it demands
  bundle_mismatch,     // a statement names a bundle that is not the run's newest
  boot_log_mismatch,   // a boot log is not the one that its boot bundle commits to
  receipt_unexpected,  // a receipt for no open statement, or for another one
  receipt_digest,      // the session digest is not that of the commands it must be
  receipt_not_exclusive,  // the audit session was not exclusive
  receipt_extra_data,     // qualifying data is not the statement's digest
  receipt_run,            // a full receipt made in another run than its statement
  attest_malformed,       // TPMS_ATTEST: magic, type, or fields
  signature_invalid,      // ECDSA over TPMS_ATTEST does not verify under the AK
  pcr_selection,          // a quote over other PCRs than {0-7, P}
  pcr_digest,             // stored PCR values do not hash to the quote's digest
  erasure_unauthorised,
  // completeness: something anchored is missing
  records_missing,  // fewer records than an anchored tree size
  content_missing,  // content of a record that this evidence must hold
  segment_missing,
  journal_missing,
  statement_gap,     // seq, quote_seq or chain_head skips a statement
  counter_mismatch,  // the counter is not one above the anchor before
  extend_mismatch,   // E is not what the statements extend it to
  fold_mismatch,     // P is not the fold of the run's statements
  clock_went_back,   // the TPM clock fell where it cannot fall
  run_mismatch,      // reset or restart counts went back
  // completeness unknown
  no_anchor,         // (-> unknown)
  read_back_rule,    // Mode B: a read-back not yet buried under two exclusive receipts (-> unknown)
  foreign_extend,    // (-> unknown)
  acknowledgement_unmatched,  // the trust file acknowledges one at another anchor (-> unknown)
  era_not_approved,  // (-> unknown)
  start_unknown,     // evidence that begins behind a statement not remembered (-> unknown)
  no_trust_file,     // platform unknown
  // freshness
  nonce_mismatch,      // the answer is for another nonce
  answer_mismatch,     // the live answer contradicts the log presented
  answer_run_changed,  // a reset between the last statement and the answer (-> unknown)
  answer_missing,      // a nonce without an answer (-> unknown)
  memory_mismatch,     // the log contradicts what this verifier saw before
  // platform
  signer_mismatch,  // another AK, or one that is not in the owner hierarchy
  index_mismatch,   // other NV indexes than the trust file pins
  ak_unfit,         // the AK's public area has the wrong attributes or scheme
  firmware_changed,
  trust_malformed,  // the trust file cannot be read
  trust_signature,  // the trust file's note signature does not verify
  // what witnesses and whoever holds receipts know
  cosigned_head_mismatch,  // completeness: log and witness signed a head that is not presented
  cosigned_head_unsigned,  // a witness alone did (-> completeness unknown)
  quorum_not_reached,      // too few witnesses of the policy saw this log (-> completeness unknown)
  held_receipt_missing,    // completeness: a receipt held off the host is of no anchor presented
  // at enrolment
  ek_certificate_malformed,  // not one X.509 v3 certificate in DER
  ek_certificate_unfit,      // not of an endorsement key: usage, names, or an authority's
  ek_certificate_foreign,    // no chain to a root that the auditor pins
  ek_certificate_expired,    // it, or one of its chain, is not in force at the time
  ek_unfit,                  // the endorsement key's public area is of no template
  ek_mismatch,               // the endorsement key is not the certificate's
  index_unfit,               // C or E is no counter or extend index as this design makes them
  credential_refused,        // AK and endorsement key are not in one TPM
  simulator_refused,         // the certificate is a simulator's, and the auditor allows none
  // of a tlog-proof
  checkpoint_unsigned,  // no signature by the key that the verifier gave (-> integrity unknown)
};

enum class Finding : std::uint16_t {
  unanchored_tail,    // records after the last anchor, from index on
  torn_tail,          // the last commit group was torn and is ignored
  torn_journal_tail,  // the last journal entry was torn and is ignored
  open_intent,        // the newest statement has no receipt yet
  quote_gap,          // more than k quote intervals of records without a quote anchor
  heartbeat_stale,    // more than a heartbeat (and slack) between two counter anchors
  unclean_end,        // a run ended without a final anchor: its exposed window
  unexplained_reset,  // a TPM reset or restart without a first-of-run statement
  ran_without_log,
  read_back_receipt,
  foreign_extend_recorded,
  foreign_extend_acknowledged,  // by the trust file: what it may hide, between which anchors
  clock_inconsistent,  // wall clock and TPM clock disagree beyond slack
  back_dated,          // records outside the wall times of their two anchors
  firmware_differs,
  wear_high,
  era_change,
  mode_b,          // root knows ownerAuth: what that means for the newest anchors
  simulator,       // the TPM is a simulator: no rollback resistance
  journal_remark,  // a remark the daemon put into the journal
  kind_opaque,     // a record kind below 0x80 that this verifier does not know
  era_given_up,  // an earlier era's end that its TPM does not confirm, or a part of it that is gone
  cosignature_invalid,   // by a witness of the policy, and it does not verify: it counts for nothing
  held_receipt_invalid,  // a line of held receipts that no pinned TPM signed
  unapproved_boot,       // a boot that the trust file's policy does not know
  boot_log_missing,      // a boot log that a boot bundle commits to is not there
  boot_log_unexplained,  // a boot log that does not give the quoted PCR values, or cannot be read
  cosigned_head_not_compared,  // the evidence does not tell the tree at a head that a witness signed
  held_receipt_not_compared,   // of an anchor from before the evidence, or of an era it does not show
  slow_commit,  // records dated before the anchor before, by no more than a sealed note says they waited
};
constexpr std::size_t kFindingKinds = static_cast<std::size_t>(Finding::slow_commit) + 1;

// Where: at most one coordinate.
struct Place {
  enum class What : std::uint8_t { nothing, index, anchor, entry, segment, byte, line, run };
  What what = What::nothing;
  std::uint64_t value = 0;
  static Place index(std::uint64_t v) { return {What::index, v}; }
  static Place anchor(std::uint64_t seq) { return {What::anchor, seq}; }
  static Place entry(std::uint64_t number) { return {What::entry, number}; }
  static Place segment(std::uint64_t number) { return {What::segment, number}; }
  static Place byte(std::uint64_t offset) { return {What::byte, offset}; }
  static Place line(std::uint64_t number) { return {What::line, number}; }
};

enum class Outcome : std::uint8_t { pass, fail, unknown };

std::string_view name(Fault);                             // "commitment_mismatch"
std::string_view name(Finding);                           // "unclean_end"
std::string_view name(Place::What);                       // "index"
std::string_view name(VerdictKind);                       // "integrity"
std::string_view name(Outcome);                           // "pass"
VerdictKind verdict_of(Fault);                            // which verdict it decides
Outcome outcome_of(Fault);                                // fail, or unknown for those marked so
bool parse_finding(std::string_view name, Finding& out);  // for --require

}  // namespace stele::attest
