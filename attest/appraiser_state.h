// Appraiser::State: the chain, the tree and the rules that a journal and its records pass through.
//
// Inside of appraiser.h only; its parts are in appraiser.cc (what comes in), appraiser_era.cc
// (where an era begins and ends) and appraiser_report.cc (what follows).
#pragma once

#include "attest/appraiser.h"
#include "attest/boot_rules.h"
#include "attest/claim_replay.h"
#include "attest/era.h"
#include "attest/finality.h"
#include "attest/foreign_extends.h"
#include "attest/live_answer.h"
#include "attest/report_draft.h"
#include "attest/run_rules.h"
#include "attest/source_window.h"
#include "attest/time_rules.h"
#include "attest/witness/held_receipts.h"
#include "attest/witness/witness_rules.h"

namespace stele::attest {

// What is judged of one era by itself: its anchors, with its part of the trust file.
struct JudgedEra {
  JudgedEra(TrustPins pins_, ReportDraft& draft, Report& report)
      : pins(std::move(pins_)),
        runs(pins, draft, report.coverage),
        times(pins, draft, report.coverage),
        boots(pins.boot_policy, draft, report.boots),
        foreign(pins, draft, report),
        finality(pins.mode) {}
  JudgedEra(const JudgedEra&) = delete;  // the rules hold on to the pins

  const TrustPins pins;
  RunRules runs;
  TimeRules times;
  BootRules boots;
  ForeignExtends foreign;
  Finality finality;
  std::optional<AnchorChain> chain;   // with a trust file
  std::optional<ClaimReplay> claims;  // without
  Hash log_id;                        // of its genesis, as the journal has it
  bool receipt_verified = false;
  std::uint64_t counter_anchors = 0;
  bool resumed = false;          // it begins behind a statement remembered
  std::optional<Memory> newest;  // where the chain stood behind the newest receipt
};

struct Appraiser::State {
  State(Options options, Presented what);

  void begin(std::uint8_t kind, ByteView payload);
  void begin_trusted(ByteView payload);
  void begin_behind(const Hash& log_id, const Hash& digest);
  void resume_era(const TrustPins& pins, const Memory& memory);
  const TrustPins* find_pins(const Hash& log_id);
  bool is_anchored() const;
  void begin_era(ByteView payload, const TrustPins& pins);
  void next_era(ByteView payload);
  void next_claimed_era(ByteView payload, const Genesis& genesis);
  bool end_fits(const Genesis& genesis, const EarlierEra& before);
  void judge_approval(const EarlierEra& before, const EraGap& gap, bool presented);
  bool remembers_end(const EarlierEra& before) const;
  bool given_up(const Memory& memory) const;
  bool knows(const Hash& log_id) const;
  void end_era(bool approved);
  void claim(EntryKind kind, ByteView payload);
  void apply(EntryKind kind, ByteView payload, const BootLogs& logs);
  void applied(const AnchorChain::Applied& entry, bool had_open_intent);
  void applied_receipt(const AnchorChain::Applied& entry);
  void remember(const Statement& statement, const Hash& digest);
  void judge_tree(const Statement& statement);
  bool judge_head(const TreeHead& stated, const std::string& who, Place at);
  void judge_witnessed_head();
  void record(std::uint64_t index, const CheckedRecord& record);
  void judge_genesis_record(std::uint64_t index, const CheckedRecord& record, bool decoded);
  void judge_memory();
  void judge_outside();
  void judge_freshness();
  void judge_end();
  void write_coverage();
  void write_finality();
  Report finish();
  // The journal makes no sense from here on: nothing after it is judged, nothing after it counts.
  void stop(Defect defect);
  const std::optional<AnchorChain>& chain() const { return era->chain; }

  Options options;
  TrustFile trust;  // options.trust, or all zero
  ReportDraft draft;
  Report out;
  std::unique_ptr<JudgedEra> era;
  std::size_t eras_to_come = 0;             // that the trust file pins after this one
  bool beyond = false;                      // ... and one came that it does not: not judged
  std::optional<std::uint64_t> era_begins;  // the index of the newest era's genesis record

  CompactRange tree;
  SourceWindow sources;
  std::uint64_t begins_at = 0;       // how many records stood before partial evidence
  std::uint64_t agreed = 0;          // records up to which a statement's root was the tree's
  bool tree_broken = false;          // a root or a size did not fit: later ones cannot either
  bool open_tree_fits = false;       // the open statement's root is the tree's
  std::uint64_t largest_stated = 0;  // tree size of any statement

  std::uint64_t entries = 0;
  bool begun = false;  // by a genesis, or behind a statement remembered
  bool stopped = false;
  std::uint64_t counter_size = 0;  // covered by a counter anchor with a receipt
  std::uint64_t quote_size = 0;    // covered by a quote anchor with a receipt while P lives
  std::optional<std::int64_t> tail_since_ns;  // of the records that the era before left unanchored

  std::optional<WitnessRules> witnesses;  // with a policy
  std::optional<HeldReceipts> held;       // with any

  std::optional<LiveAnswer> answer;
  bool answer_given = false;
  bool fresh = false;
  bool remembered = false;  // the memory's statement is in the log

  std::optional<std::uint64_t> torn_group, torn_entry;
  // From some file on, what is there is of a version that this verifier does not know.
  bool records_unread = false, journal_unread = false;
};

}  // namespace stele::attest
