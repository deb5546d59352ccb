#include "attest/fault.h"

#include <array>

namespace stele::attest {
namespace {

struct FaultRow {
  Fault fault;
  std::string_view name;
  VerdictKind verdict;
  Outcome outcome;
};

using enum VerdictKind;
using enum Outcome;

// In the order of the enum: a row is found by its number.
constexpr FaultRow kFaults[] = {
    {Fault::truncated, "truncated", integrity, fail},
    {Fault::trailing_bytes, "trailing_bytes", integrity, fail},
    {Fault::bad_magic, "bad_magic", integrity, fail},
    {Fault::version_unknown, "version_unknown", integrity, unknown},
    {Fault::value_out_of_range, "value_out_of_range", integrity, fail},
    {Fault::leaf_malformed, "leaf_malformed", integrity, fail},
    {Fault::leaf_version_unknown, "leaf_version_unknown", integrity, unknown},
    {Fault::kind_unknown, "kind_unknown", integrity, unknown},
    {Fault::codec_unknown, "codec_unknown", integrity, unknown},
    {Fault::commitment_mismatch, "commitment_mismatch", integrity, fail},
    {Fault::source_invalid, "source_invalid", integrity, fail},
    {Fault::group_damaged, "group_damaged", integrity, fail},
    {Fault::segment_damaged, "segment_damaged", integrity, fail},
    {Fault::journal_damaged, "journal_damaged", integrity, fail},
    {Fault::genesis_mismatch, "genesis_mismatch", integrity, fail},
    {Fault::tree_root_mismatch, "tree_root_mismatch", integrity, fail},
    {Fault::tree_node_mismatch, "tree_node_mismatch", integrity, fail},
    {Fault::proof_mismatch, "proof_mismatch", integrity, fail},
    {Fault::statement_mismatch, "statement_mismatch", integrity, fail},
    {Fault::bundle_mismatch, "bundle_mismatch", integrity, fail},
    {Fault::boot_log_mismatch, "boot_log_mismatch", integrity, fail},
    {Fault::receipt_unexpected, "receipt_unexpected", integrity, fail},
    {Fault::receipt_digest, "receipt_digest", integrity, fail},
    {Fault::receipt_not_exclusive, "receipt_not_exclusive", integrity, fail},
    {Fault::receipt_extra_data, "receipt_extra_data", integrity, fail},
    {Fault::receipt_run, "receipt_run", integrity, fail},
    {Fault::attest_malformed, "attest_malformed", integrity, fail},
    {Fault::signature_invalid, "signature_invalid", integrity, fail},
    {Fault::pcr_selection, "pcr_selection", integrity, fail},
    {Fault::pcr_digest, "pcr_digest", integrity, fail},
    {Fault::erasure_unauthorised, "erasure_unauthorised", integrity, fail},
    {Fault::records_missing, "records_missing", completeness, fail},
    {Fault::content_missing, "content_missing", completeness, fail},
    {Fault::segment_missing, "segment_missing", completeness, fail},
    {Fault::journal_missing, "journal_missing", completeness, fail},
    {Fault::statement_gap, "statement_gap", completeness, fail},
    {Fault::counter_mismatch, "counter_mismatch", completeness, fail},
    {Fault::extend_mismatch, "extend_mismatch", completeness, fail},
    {Fault::fold_mismatch, "fold_mismatch", completeness, fail},
    {Fault::clock_went_back, "clock_went_back", completeness, fail},
    {Fault::run_mismatch, "run_mismatch", completeness, fail},
    {Fault::no_anchor, "no_anchor", completeness, unknown},
    {Fault::read_back_rule, "read_back_rule", completeness, unknown},
    {Fault::foreign_extend, "foreign_extend", completeness, unknown},
    {Fault::acknowledgement_unmatched, "acknowledgement_unmatched", completeness, unknown},
    {Fault::era_not_approved, "era_not_approved", completeness, unknown},
    {Fault::start_unknown, "start_unknown", completeness, unknown},
    {Fault::no_trust_file, "no_trust_file", platform, unknown},
    {Fault::nonce_mismatch, "nonce_mismatch", freshness, fail},
    {Fault::answer_mismatch, "answer_mismatch", freshness, fail},
    {Fault::answer_run_changed, "answer_run_changed", freshness, unknown},
    {Fault::answer_missing, "answer_missing", freshness, unknown},
    {Fault::memory_mismatch, "memory_mismatch", freshness, fail},
    {Fault::signer_mismatch, "signer_mismatch", platform, fail},
    {Fault::index_mismatch, "index_mismatch", platform, fail},
    {Fault::ak_unfit, "ak_unfit", platform, fail},
    {Fault::firmware_changed, "firmware_changed", platform, fail},
    {Fault::trust_malformed, "trust_malformed", platform, fail},
    {Fault::trust_signature, "trust_signature", platform, fail},
    {Fault::cosigned_head_mismatch, "cosigned_head_mismatch", completeness, fail},
    {Fault::cosigned_head_unsigned, "cosigned_head_unsigned", completeness, unknown},
    {Fault::quorum_not_reached, "quorum_not_reached", completeness, unknown},
    {Fault::held_receipt_missing, "held_receipt_missing", completeness, fail},
    {Fault::ek_certificate_malformed, "ek_certificate_malformed", platform, fail},
    {Fault::ek_certificate_unfit, "ek_certificate_unfit", platform, fail},
    {Fault::ek_certificate_foreign, "ek_certificate_foreign", platform, fail},
    {Fault::ek_certificate_expired, "ek_certificate_expired", platform, fail},
    {Fault::ek_unfit, "ek_unfit", platform, fail},
    {Fault::ek_mismatch, "ek_mismatch", platform, fail},
    {Fault::index_unfit, "index_unfit", platform, fail},
    {Fault::credential_refused, "credential_refused", platform, fail},
    {Fault::simulator_refused, "simulator_refused", platform, fail},
    {Fault::checkpoint_unsigned, "checkpoint_unsigned", integrity, unknown},
};

constexpr std::string_view kFindings[] = {
    "unanchored_tail",
    "torn_tail",
    "torn_journal_tail",
    "open_intent",
    "quote_gap",
    "heartbeat_stale",
    "unclean_end",
    "unexplained_reset",
    "ran_without_log",
    "read_back_receipt",
    "foreign_extend_recorded",
    "foreign_extend_acknowledged",
    "clock_inconsistent",
    "back_dated",
    "firmware_differs",
    "wear_high",
    "era_change",
    "mode_b",
    "simulator",
    "journal_remark",
    "kind_opaque",
    "era_given_up",
    "cosignature_invalid",
    "held_receipt_invalid",
    "unapproved_boot",
    "boot_log_missing",
    "boot_log_unexplained",
    "cosigned_head_not_compared",
    "held_receipt_not_compared",
    "slow_commit",
};

constexpr bool rows_stand_in_order() {
  for (std::size_t i = 0; i < std::size(kFaults); ++i) {
    if (static_cast<std::size_t>(kFaults[i].fault) != i) return false;
  }
  return true;
}
static_assert(rows_stand_in_order());
static_assert(std::size(kFaults) == static_cast<std::size_t>(Fault::checkpoint_unsigned) + 1);
static_assert(std::size(kFindings) == kFindingKinds);

const FaultRow& row(Fault fault) {
  return kFaults[static_cast<std::size_t>(fault)];
}

}  // namespace

std::string_view name(Fault fault) {
  return row(fault).name;
}
VerdictKind verdict_of(Fault fault) {
  return row(fault).verdict;
}
Outcome outcome_of(Fault fault) {
  return row(fault).outcome;
}
std::string_view name(Finding finding) {
  return kFindings[static_cast<std::size_t>(finding)];
}

std::string_view name(Place::What what) {
  static constexpr std::string_view kNames[] = {"nothing", "index", "anchor", "entry",
                                                "segment", "byte",  "line",   "run"};
  return kNames[static_cast<std::size_t>(what)];
}

std::string_view name(VerdictKind kind) {
  static constexpr std::string_view kNames[] = {"integrity", "completeness", "freshness",
                                                "platform"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view name(Outcome outcome) {
  static constexpr std::string_view kNames[] = {"pass", "fail", "unknown"};
  return kNames[static_cast<std::size_t>(outcome)];
}

bool parse_finding(std::string_view text, Finding& out) {
  for (std::size_t i = 0; i < std::size(kFindings); ++i) {
    if (kFindings[i] == text) return out = static_cast<Finding>(i), true;
  }
  return false;
}

}  // namespace stele::attest
