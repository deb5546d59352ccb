// A whole log on paper: records and journal entries made step by step with a TPM on paper.
//
// The steps are the daemon's; a test bends what they leave (entries, records, the TPM's registers)
// and appraises the result. A copy is a snapshot of the host, TPM included. Thread safety: a value.
// Errors: a step that the chain refuses throws std::logic_error.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/anchor_chain.h"
#include "attest/appraiser.h"
#include "attest/merkle.h"
#include "attest/record.h"
#include "tests/support/paper_tpm.h"

namespace stele::test {

class PaperLog {
 public:
  struct Record {
    attest::Bytes leaf;
    attest::Hash salt;
    attest::Bytes tlvs, bytes;
    attest::RecordView::State state = attest::RecordView::State::present;
  };
  struct Entry {
    std::uint8_t kind = 0;
    attest::Bytes payload;
  };

  // Provisioned: the genesis in journal and record 0, its receipt, the trust file.
  explicit PaperLog(attest::Mode mode = attest::Mode::a);

  PaperTpm tpm;
  attest::TrustFile trust;
  std::vector<Entry> entries;
  std::vector<Record> records;
  std::optional<attest::AnchorChain> chain;  // what the entries lead to
  std::int64_t now_ns = 1'700'000'000'000'000'000;
  std::array<std::uint8_t, 16> boot_id{1};
  std::map<attest::Hash, attest::Bytes> boot_logs;  // what is kept under each name

  void pass(std::int64_t milliseconds);  // wall clock and TPM clock

  // Records.
  std::uint64_t record(attest::Kind kind, std::string_view bytes,
                       std::uint64_t source = attest::kNoSource);
  void events(int count);  // 100 ms apart
  attest::TreeHead head() const;

  // Journal.
  void bundle();
  attest::Statement intent(const attest::Statement& statement);  // entry, P extended
  void receipt(const attest::Receipt& receipt);
  void voided(attest::VoidReason reason);
  void remark(attest::RemarkCode code, std::string text = "said");
  void counter(std::uint16_t flags = 0);                    // a whole counter anchor
  void quote();                                             // a whole quote anchor
  void start();                                             // bundle and counter anchor
  void boot();                                              // another boot_id, TPM reset
  attest::Statement open_counter(std::uint16_t flags = 0);  // up to A2: intent, P extended
  attest::Statement open_quote();
  void read_back_open(bool with_quote);  // NV as A3, A4; then a read-back closes the open intent
  attest::Bytes answer(const attest::Hash& nonce);  // quote anchor, then the answer

  // Ends this era and begins the next one with another TPM. The old one shows C and E as they are for
  // the nonce; none: it is gone. `trust` then pins both eras, and gives up so many anchors.
  void begin_era(PaperTpm next, const std::optional<attest::Hash>& nonce, std::uint64_t lost = 0);

  // Records and journal go on with this genesis (mode, salt, time and Names filled in), as a kind.
  void begin(attest::Genesis genesis, attest::Kind kind);

  // An entry without asking the chain.
  void raw(attest::EntryKind kind, attest::Bytes payload);
  // Entry applied to the chain too; throws when refused.
  void append(attest::EntryKind kind, attest::Bytes payload);
  // The chain anew from the entries, as far as they make sense.
  void replay();

  // Gives everything to an appraiser, as storage's present() does.
  void present(attest::Appraiser& appraiser) const;
  attest::Report appraise() const;
  attest::Report appraise(attest::Options options, const attest::Bytes& answer = {}) const;
};

// Some life: two boots, quotes and counters, a clean end between, a tail of two records.
PaperLog lived(attest::Mode mode = attest::Mode::a);
attest::Options trusting(const PaperLog& log);

bool has(const attest::Report& report, attest::Fault fault);
bool has(const attest::Report& report, attest::Finding finding);

}  // namespace stele::test
