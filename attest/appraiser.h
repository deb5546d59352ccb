// The appraiser: given evidence and a trust file, says what can be believed. This is the promise.
//
//   pass of integrity      every record, statement and receipt presented is what was committed
//   pass of completeness   nothing that an anchor with a receipt covers is missing
//   pass of freshness      a live answer for this verifier's nonce agrees with the end of the log
//   pass of platform       the keys and indexes are those that the trust file pins, and its boot
//                          policy knows every boot that an anchored statement commits to
// It never passes what it did not check, and is total: any bytes lead to a report.
//
// Use: entries and records in the order of the log. An intent with tree_size T, and the genesis of
// a later era with previous_tree_size T, is given when records [0, T) have been given, or no more
// exist. A journal of several eras is judged era by era, each by its own part of the trust file.
// check_record() is pure and may run on other threads; everything else is called from one. Memory:
// bounded whatever the log's size (open window of sources: 256 KiB; lists: kMaxListed). Trust: all
// input but the trust file, nonce and memory is from the host under judgement.
// See: README.md, "Rules" and "Eras"; design of each rule in tpm/README.md.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "attest/anchor_chain.h"
#include "attest/answer.h"
#include "attest/memory.h"
#include "attest/proof.h"
#include "attest/record.h"
#include "attest/report.h"
#include "attest/trust.h"
#include "attest/witness/policy.h"

namespace stele::attest {

// A record as read: its leaf's bytes and what is there of its content.
struct RecordView {
  ByteView leaf;
  enum class State : std::uint8_t {
    present,
    erased,
    missing,
    codec_unknown
  } state = State::missing;
  Content content;  // if present
};
// A record after everything was checked that needs no other record.
struct CheckedRecord {
  Hash leaf_hash;
  Leaf leaf;                   // if no defect says that it could not be decoded
  std::uint64_t lost = 0;      // kind gap: the count its content states
  std::optional<Hash> log_id;  // kinds genesis and era: H of its content
  bool clock_step = false;     // kind note: its content begins {"note":"clock_step"
  // Kind note: its content begins {"note":"disk_full","since_ns":N
  std::optional<std::int64_t> disk_full_since_ns;
  std::optional<std::int64_t> slow_commit_since_ns;  // likewise: {"note":"slow_commit","since_ns":N
  std::optional<Defect> defect;
};
CheckedRecord check_record(std::uint64_t index, const RecordView& record);
// Many at once, which is faster: records [first, first + records.size()).
void check_records(std::uint64_t first, std::span<const RecordView> records,
                   std::span<CheckedRecord> out);

struct Options {
  std::optional<TrustFile> trust;  // none: only self-consistency, never better than undetermined
  bool trust_unsigned = false;     // none, since the key asked for did not sign the one that is there
  std::optional<Hash> nonce;
  std::optional<Memory> memory;
  std::set<Finding> require;  // findings that make the conclusion undetermined
  // The trust file bears the auditor's signature, and it was checked: that approves its eras, and
  // vouches for the enrolment that it names.
  bool eras_approved = false;
  std::optional<Policy> policy;  // whose witnesses are believed; with a trust file only
  std::optional<Hash> leaf_hash;   // of the record that a single proof must be of
  std::optional<NoteKey> log_key;  // of type note: must have signed a tlog-proof's checkpoint
};

class Appraiser {
 public:
  explicit Appraiser(Options options, Presented what = Presented::store);
  ~Appraiser();
  Appraiser(Appraiser&&) noexcept;

  // The next journal entry (its number counts from 0); a boot bundle with what is there of its
  // logs.
  void entry(std::uint8_t kind, ByteView payload, const BootLogs& logs = {});
  // The next records, in order.
  void records(std::span<const CheckedRecord> checked);
  // How many records have been taken so far; a driver gives an intent's records first.
  std::uint64_t size() const;
  // The tree of the records taken so far: lets a driver compare the roots that a store states.
  const CompactRange& tree() const;

  // Evidence that begins behind the statement that options.memory is of, instead of at genesis: the
  // log and d that it names, and the tree that it says was there. Before everything else.
  void begin_behind(const Hash& log_id, const Hash& digest, CompactRange tree);
  // Records [size(), end) are not shown: the roots of the complete subtrees that they make up.
  // Precondition: as many as range_nodes(size(), end) has.
  void elided(std::uint64_t end, std::span<const Hash> roots);
  // Before the first entry: a record from before what begin_behind() was given, for later ones to
  // name as their source, with its path in that tree. Ascending.
  void earlier(std::uint64_t index, const CheckedRecord& checked, const InclusionProof& path);

  // What the reader of the files found wrong with their structure.
  void damaged(Defect defect);
  // The last commit group (journal entry) is torn and was ignored: legal only past every statement.
  void torn_group(std::uint64_t first_index);
  void torn_entry(std::uint64_t number);
  // A live answer, as read from its file. Before the first entry: then it is judged where its
  // statement stands, and a log that has grown since is no contradiction. Later: against the newest
  // statement.
  void answer(ByteView bytes);

  // DIR/cosignatures, or a copy of it. Before the first entry, and before begin_behind(). Without a
  // policy it says nothing.
  void cosignatures(std::string_view text);
  // One line of receipts held off the host (witness/pushed.h), without its LF. Before the first
  // entry, and before begin_behind(). Without a trust file it says nothing.
  void held_receipt(std::string_view line, std::uint64_t number);

  // Ends the evidence. Once.
  Report report();
  // After report(): what to remember, if the conclusion was verified.
  std::optional<Memory> memory() const;

  // A single proof, on its own.
  static Report appraise_proof(ByteView proof, const Options& options,
                               std::string_view cosignatures = {});
  // The same as a C2SP tlog-proof (tlog_proof.h). Without log_key, the policy's keys of this log.
  static Report appraise_tlog_proof(std::string_view proof, const Options& options,
                                    std::string_view cosignatures = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::attest
