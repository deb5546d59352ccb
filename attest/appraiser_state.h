// Appraiser::State: the chain, the tree and the rules that a journal and its records pass through.
//
// Inside of appraiser.h only; its parts are in appraiser.cc (what comes in) and appraiser_report.cc
// (what follows from it).
#pragma once

#include "attest/appraiser.h"
#include "attest/claim_replay.h"
#include "attest/live_answer.h"
#include "attest/report_draft.h"
#include "attest/run_rules.h"
#include "attest/source_window.h"
#include "attest/time_rules.h"

namespace stele::attest {

struct Appraiser::State {
  explicit State(Options options);

  void begin(std::uint8_t kind, ByteView payload);
  void begin_trusted(ByteView payload);
  void claim(EntryKind kind, ByteView payload);
  void apply(EntryKind kind, ByteView payload);
  void applied(const AnchorChain::Applied& entry, bool had_open_intent);
  void applied_receipt(const AnchorChain::Applied& entry);
  void remember(const Statement& statement, const Hash& digest);
  void judge_tree(const Statement& statement);
  void record(std::uint64_t index, const CheckedRecord& record);
  void judge_freshness();
  void judge_end();
  void write_coverage();
  Report finish();
  // The journal makes no sense from here on: nothing after it is judged, nothing after it counts.
  void stop(Defect defect);

  Options options;
  TrustFile trust;  // options.trust, or all zero
  ReportDraft draft;
  Report out;
  RunRules runs;
  TimeRules times;

  CompactRange tree;
  SourceWindow sources;
  std::uint64_t agreed = 0;          // records up to which a statement's root was the tree's
  bool tree_broken = false;          // a root or a size did not fit: later ones cannot either
  bool open_tree_fits = false;       // the open statement's root is the tree's
  std::uint64_t largest_stated = 0;  // tree size of any statement

  std::uint64_t entries = 0;
  bool stopped = false;
  std::optional<Hash> journal_log_id;
  std::optional<AnchorChain> chain;   // with a trust file
  std::optional<ClaimReplay> claims;  // without
  bool receipt_verified = false;
  std::uint64_t counter_size = 0;  // covered by a counter anchor with a receipt
  std::uint64_t quote_size = 0;    // covered by a quote anchor with a receipt while P lives

  std::optional<LiveAnswer> answer;
  bool answer_given = false;
  bool fresh = false;
  bool remembered = false;  // the memory's statement is in the log

  std::optional<std::uint64_t> torn_group, torn_entry;
  // From some file on, what is there is of a version that this verifier does not know.
  bool records_unread = false, journal_unread = false;
};

}  // namespace stele::attest
