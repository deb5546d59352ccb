// Goal: attack 27 and families 21, 22, 24, 27, 30 and 31 on evidence bundles. No bundle that differs
// in what it shows is verified, none crashes or swells, and none has a place for a path. Method: small
// bundles of a real store with a TPM on paper; every bit, every truncation, every part deleted,
// doubled and swapped, with the end as it was and with the end made right again, as anybody can.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "attest/codec.h"
#include "attest/entry.h"
#include "attest/evidence/appraise.h"
#include "storage/write_evidence.h"
#include "tests/support/scratch.h"
#include "tests/support/sealed_evidence.h"
#include "tests/support/tally.h"
#include "tests/tamper/stored_log.h"

namespace stele::test {
namespace {

using attest::Bytes;
using attest::ByteView;
using attest::Conclusion;

// A bundle cut into its parts, each with its header.
std::vector<Bytes> parts_of(const Bytes& bundle) {
  std::vector<Bytes> parts;
  std::size_t at = attest::kEvidenceHeaderBytes;
  while (at < bundle.size()) {
    attest::Reader reader(ByteView(bundle).subspan(at + 1));
    const std::size_t length = attest::kPartHeaderBytes + reader.u32();
    parts.emplace_back(bundle.begin() + static_cast<std::ptrdiff_t>(at),
                       bundle.begin() + static_cast<std::ptrdiff_t>(at + length));
    at += length;
  }
  return parts;
}

Bytes joined(const Bytes& bundle, const std::vector<Bytes>& parts) {
  Bytes out(bundle.begin(), bundle.begin() + attest::kEvidenceHeaderBytes);
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return sealed_again(std::move(out));
}

struct Base {
  attest::TrustFile trust;
  attest::Memory memory;
  Bytes whole, chosen, since;
  attest::Hash newest;                // d of the newest statement
  std::set<attest::Hash> statements;  // of all
};

Bytes written(const StoredLog& log, const std::string& directory,
              const storage::EvidenceRequest& request) {
  Bytes bundle;
  const auto result = storage::write_evidence(
      storage::posix(), directory, log.store(), request,
      [&bundle](ByteView bytes) { bundle.insert(bundle.end(), bytes.begin(), bytes.end()); });
  EXPECT_EQ(result.outcome, storage::EvidenceWritten::Outcome::written);
  return bundle;
}

attest::EvidenceOptions options_of(const Base& base) {
  attest::EvidenceOptions options;
  options.trust = base.trust;
  options.memory = base.memory;
  return options;
}

Base make_base() {
  const Scratch scratch;
  const std::string directory = scratch.path().string();
  StoredLog log(directory);
  log.boot();
  log.counter_anchor();
  log.append({"event 2", "event 3", "event 4"});
  log.quote_anchor();
  Base base;
  base.trust = log.trust();
  storage::EvidenceRequest request;
  request.shown.add(3, 4);
  const Bytes first = written(log, directory, request);
  attest::EvidenceOptions options;
  options.trust = base.trust;
  base.memory = attest::appraise_evidence(first, options).memory.value();
  log.append({"event 5", "event 6"});
  log.quote_anchor();
  base.chosen = written(log, directory, request);
  request.shown = {};
  request.all_records = true;
  base.whole = written(log, directory, request);
  request.all_records = false;
  request.shown.add(5, 6);
  request.since = {base.memory.log_id, base.memory.digest};
  for (const Bytes& part : parts_of(base.whole)) {
    const auto kind = static_cast<std::uint8_t>(attest::EntryKind::intent);
    if (part[0] != static_cast<std::uint8_t>(attest::PartKind::entry) || part[5] != kind) continue;
    base.newest = attest::statement_digest(ByteView(part).subspan(6));
    base.statements.insert(base.newest);
  }
  base.since = written(log, directory, request);
  return base;
}

const Base& base() {
  static const Base made = make_base();
  return made;
}

// A log of 64 to 128 MiB is kept, and is no part of a bundle: that is said.
TEST(TamperEvidence, ABootLogTooLongForABundleIsCounted) {
  for (const std::uint64_t above : {std::uint64_t{0}, std::uint64_t{1}}) {
    const Scratch scratch;
    const std::string directory = scratch.path().string();
    StoredLog log(directory);
    const attest::Hash hash = attest::hash(attest::view("its bytes are not looked at"));
    log.boot(hash, attest::kMaxLogPart + above);
    log.counter_anchor();
    const auto written = [&](bool is_asked) {
      storage::EvidenceRequest request;
      request.all_records = true;
      request.boot_logs = is_asked;
      return storage::write_evidence(storage::posix(), directory, log.store(), request,
                                     [](ByteView) {})
          .logs_too_long;
    };
    EXPECT_EQ(written(true), 0u) << "none is kept";
    const std::filesystem::path kept = scratch.path() / "boot" / attest::to_hex(hash);
    std::filesystem::create_directories(kept.parent_path());
    std::ofstream(kept) << "short";
    EXPECT_EQ(written(true), above);
    EXPECT_EQ(written(false), 0u) << "none was asked for";
  }
}

// Whether a bent bundle is taken for all that the good one is. What is verified up to an earlier
// anchor is not: so would be the honest bundle of that moment, and the report says up to which.
bool is_verified(const Bytes& bundle) {
  const auto appraised = attest::appraise_evidence(bundle, options_of(base()));
  if (appraised.report.conclusion != Conclusion::verified) return false;
  const attest::Hash& newest = appraised.memory->digest;
  return newest == base().newest || !base().statements.contains(newest);
}

TEST(TamperEvidence, TheGoodBundlesAreVerifiedAndSmall) {
  for (const Bytes* bundle : {&base().whole, &base().chosen, &base().since}) {
    const auto appraised = attest::appraise_evidence(*bundle, options_of(base()));
    EXPECT_EQ(appraised.report.conclusion, Conclusion::verified) << to_text(appraised.report);
    EXPECT_EQ(appraised.memory->tree.size, 7u);
    EXPECT_LT(bundle->size(), 8u << 10);
    EXPECT_EQ(sealed_again(*bundle), *bundle);
  }
  EXPECT_LT(base().since.size(), base().whole.size() / 2);
}

class EveryBitOfABundle : public testing::TestWithParam<bool> {};

// With the end as it was the change is seen; with the end made right, whoever made it is.
TEST_P(EveryBitOfABundle, IsNeverVerifiedFlipped) {
  const bool seal = GetParam();
  Tally tally;
  for (const Bytes* bundle : {&base().chosen, &base().since}) {
    for (std::size_t bit = 0; bit < bundle->size() * 8; ++bit) {
      Bytes bent = *bundle;
      bent[bit / 8] = static_cast<std::uint8_t>(bent[bit / 8] ^ (1u << (bit % 8)));
      if (seal) bent = sealed_again(std::move(bent));
      ++tally.injected;
      if (bent == *bundle || !is_verified(bent)) continue;
      if (++tally.missed <= 5) ADD_FAILURE() << "bit " << bit << " of " << bundle->size();
    }
  }
  tally.report(21, seal ? "bundles, end made right" : "bundles");
}
INSTANTIATE_TEST_SUITE_P(TamperEvidence, EveryBitOfABundle, testing::Bool());

TEST(TamperEvidence, EveryTruncationIsSeen) {
  Tally tally;
  for (const Bytes* bundle : {&base().whole, &base().chosen, &base().since}) {
    for (std::size_t size = 0; size < bundle->size(); ++size) {
      ++tally.injected;
      const Bytes cut(bundle->begin(), bundle->begin() + static_cast<std::ptrdiff_t>(size));
      tally.missed += is_verified(cut);
    }
    Bytes longer = *bundle;
    longer.push_back(0);
    tally.missed += is_verified(longer);
  }
  tally.report(22, "bundles");
}

// Fed byte by byte the verdict is the same: nothing hangs on where a read ends.
TEST(TamperEvidence, HoweverItComesTheVerdictIsTheSame) {
  for (const std::size_t step : {1u, 7u, 64u}) {
    attest::EvidenceAppraiser appraiser(options_of(base()));
    for (std::size_t at = 0; at < base().whole.size(); at += step) {
      appraiser.feed(ByteView(base().whole).subspan(at, std::min(step, base().whole.size() - at)));
    }
    EXPECT_EQ(appraiser.report().conclusion, Conclusion::verified) << step;
  }
}

TEST(TamperEvidence, PartsDeletedDoubledOrSwappedAreSeen) {
  Tally tally;
  for (const Bytes* bundle : {&base().whole, &base().chosen, &base().since}) {
    const std::vector<Bytes> parts = parts_of(*bundle);
    const auto bent = [&](const std::vector<Bytes>& others, const char* how, std::size_t which) {
      if (others == parts) return;
      ++tally.injected;
      if (!is_verified(joined(*bundle, others))) return;
      if (++tally.missed <= 5)
        ADD_FAILURE() << how << " part " << which << " of kind " << int{parts[which][0]};
    };
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      std::vector<Bytes> fewer = parts, more = parts;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      bent(fewer, "deleted", i);
      more.insert(more.begin() + static_cast<std::ptrdiff_t>(i), parts[i]);
      // The same boot bundle again says nothing new: no statement stands between.
      const auto boot = static_cast<std::uint8_t>(attest::EntryKind::bundle);
      const bool is_boot = parts[i][0] == static_cast<std::uint8_t>(attest::PartKind::entry) &&
                           parts[i][5] == boot;
      if (!is_boot) bent(more, "doubled", i);
      for (std::size_t j = i + 1; j + 1 < parts.size(); ++j) {
        std::vector<Bytes> swapped = parts;
        std::swap(swapped[i], swapped[j]);
        bent(swapped, "swapped", i);
      }
    }
  }
  tally.report(24, "parts of bundles");
}

// Lengths that promise more than there is, or than there may be.
TEST(TamperEvidence, NoLengthMakesAReaderHoldMoreThanCame) {
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  Tally tally;
  const std::vector<Bytes> parts = parts_of(base().whole);
  const std::uint32_t lengths[] = {0xffffffffu, 0x80000000u, 0x7fffffffu, 64u << 20, 1u << 24};
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {  // the end is made right again
    for (std::size_t offset = 1; offset + 4 <= std::min<std::size_t>(parts[i].size(), 110); ++offset) {
      for (const std::uint32_t length : lengths) {
        std::vector<Bytes> bent = parts;
        for (std::size_t k = 0; k < 4; ++k)
          bent[i][offset + k] = static_cast<std::uint8_t>(length >> (24 - 8 * k));
        if (bent == parts) continue;
        ++tally.injected;
        const bool missed = is_verified(joined(base().whole, bent));
        if (missed && tally.missed++ < 5)
          ADD_FAILURE() << "part " << i << " of kind " << int{bent[i][0]} << ", byte " << offset;
      }
    }
  }
  // What a packer would make small: there is nothing that unpacks it.
  for (std::uint8_t kind = 1; kind <= 9; ++kind) {
    Bytes bomb(base().whole.begin(), base().whole.begin() + attest::kEvidenceHeaderBytes);
    attest::Writer(bomb).u8(kind).u32(1u << 20).bytes(ByteView(Bytes{0x28, 0xb5, 0x2f, 0xfd}));
    bomb.resize(bomb.size() + (1u << 20));
    ++tally.injected;
    tally.missed += is_verified(bomb);
  }
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 64 << 10) << "KiB more at once";
  tally.report(30, "bundles");
}

// Wherever bytes stand that are text, a path stands in their place: all of it is content, none of it
// is a name. (That the program opens nothing but what it is given: tests/e2e/bundle_test.py.)
TEST(TamperEvidence, APathInsideIsContentAndNothingElse) {
  Tally tally;
  const char* const paths[] = {"../../etc/passwd", "/etc/shadow", "..", "a/../../b", "/dev/zero",
                               "\\\\host\\share", "C:\\x", "./-", "/proc/self/mem", "a\0b"};
  for (const char* const path : paths) {
    for (const bool is_content : {true, false}) {
      const Scratch scratch;
      StoredLog log(scratch.path().string());
      log.boot();
      log.append({is_content ? path : "event"});
      log.counter_anchor();
      storage::EvidenceRequest request;
      request.all_records = true;
      if (!is_content) request.trust = path;  // no trust file, and none is asked for
      const Bytes bundle = written(log, scratch.path().string(), request);
      attest::EvidenceOptions options;
      options.trust = log.trust();
      ++tally.injected;
      tally.false_alarms += attest::appraise_evidence(bundle, options).report.conclusion !=
                            Conclusion::verified;
    }
  }
  tally.report(31, "bundles");
}

}  // namespace
}  // namespace stele::test
