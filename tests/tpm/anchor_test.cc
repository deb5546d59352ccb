// Goal: what the TPM signs about anchors, read-backs, quotes, bundles and answers is what a
// stranger accepts, and nothing else is; other people's tools accept it too. Method: a provisioned
// private swtpm; every product goes through attest's verify_ functions; the attacks on C and E are
// carried out with the same TPM, by somebody who knows every authValue.
#include "tpm/anchor.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "attest/export.h"
#include "tests/support/tally.h"
#include "tests/tpm/provisioned.h"
#include "tpm/anchor_session.h"
#include "tpm/esys.h"
#include "tpm/templates.h"

namespace stele::test {
namespace {

using attest::Hash;
using attest::Receipt;
using attest::ReceiptKind;
using Presence = tpm::IndexState::Presence;

Hash digest_of(const attest::Statement& statement) {
  return attest::statement_digest(attest::encode(statement));
}

// Judges a counter receipt for this statement; "" or the fault's name.
std::string fault_of(const Receipt& receipt, const Provisioned& log,
                     const attest::Statement& statement) {
  const Hash digest = digest_of(statement);
  const auto verified = attest::verify_receipt(receipt, log.identity(), digest, statement.counter,
                                               attest::extended(statement.prev_extend, digest));
  return verified ? "" : std::string(name(verified.error().fault));
}

void undefine(Provisioned& log, std::uint32_t handle) {
  tpm::Object index = tpm::find_object(*log.device, handle);
  tpm::execute(*log.device, "TPM2_NV_UndefineSpace", [&] {
    return Esys_NV_UndefineSpace(log.device->esys(), ESYS_TR_RH_OWNER, index.get(),
                                 ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE);
  });
  index.release();
}

void define(Provisioned& log, const TPM2B_NV_PUBLIC& area, attest::ByteView auth) {
  const TPM2B_AUTH value = tpm::to_auth(auth);
  ESYS_TR index = ESYS_TR_NONE;
  tpm::execute(*log.device, "TPM2_NV_DefineSpace", [&] {
    return Esys_NV_DefineSpace(log.device->esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                               ESYS_TR_NONE, &value, &area, &index);
  });
  Esys_TR_Close(log.device->esys(), &index);
}

TEST(Anchor, AFullReceiptVerifiesAndMovesCAndEByOne) {
  Provisioned log;
  for (int n = 1; n <= 3; ++n) {
    const attest::Statement statement = log.next_statement();
    ASSERT_EQ(statement.seq, static_cast<std::uint64_t>(n));
    tpm::extend_pcr(*log.device, log.identity().pcr, digest_of(statement));
    const Receipt receipt = tpm::full_anchor(*log.device, log.credentials(), statement);
    EXPECT_EQ(fault_of(receipt, log, statement), "");
    const auto stored = attest::decode_receipt(attest::encode(receipt));
    ASSERT_TRUE(stored);
    EXPECT_EQ(*stored, receipt);
    const tpm::IndexState state = tpm::read_indexes(*log.device, log.credentials());
    EXPECT_EQ(state.counter, statement.counter);
    EXPECT_EQ(state.extend, attest::extended(statement.prev_extend, digest_of(statement)));
    EXPECT_EQ(receipt.quote->pcrs.back(), tpm::read_pcr(*log.device, log.identity().pcr));
    // It speaks for no other statement.
    attest::Statement other = statement;
    other.tree.size += 1;
    EXPECT_EQ(fault_of(receipt, log, other), "receipt_unexpected");
  }
}

TEST(Anchor, AReadBackAfterALostReceiptVerifies) {
  Provisioned log;
  const attest::Statement statement = log.next_statement();
  const Hash digest = digest_of(statement);
  (void)tpm::full_anchor(*log.device, log.credentials(), statement);
  for (const bool with_quote : {false, true}) {
    const Receipt receipt = tpm::read_back(*log.device, log.credentials(), digest,
                                           attest::read_back_extra_data(digest), with_quote);
    EXPECT_EQ(receipt.kind, ReceiptKind::read_back);
    EXPECT_EQ(receipt.quote.has_value(), with_quote);
    EXPECT_EQ(fault_of(receipt, log, statement), "");
  }
}

TEST(Anchor, AnInterruptedAnchorIsFinishedByExtendAndReadBack) {
  Provisioned log;
  const attest::Statement statement = log.next_statement();
  const Hash digest = digest_of(statement);
  tpm::AnchorSession(*log.device, log.credentials()).increment();
  log.power_cycle(Swtpm::Power::unclean);
  tpm::extend_index(*log.device, log.credentials(), digest);
  const Receipt receipt = tpm::read_back(*log.device, log.credentials(), digest,
                                         attest::read_back_extra_data(digest), false);
  EXPECT_EQ(fault_of(receipt, log, statement), "");
}

TEST(Anchor, QuotesCarryTheNinePcrsAndVerify) {
  Provisioned log;
  Hash extra_data;
  extra_data.bytes.fill(3);
  tpm::extend_pcr(*log.device, log.identity().pcr, extra_data);
  const attest::QuotePart part = tpm::quote(*log.device, log.credentials(), extra_data);
  EXPECT_EQ(part.pcrs.back(), attest::extended(Hash{}, extra_data));
  EXPECT_TRUE(attest::verify_quote(part, log.identity(), extra_data));
  attest::QuotePart changed = part;
  changed.pcrs[8].bytes[0] ^= 1;
  EXPECT_FALSE(attest::verify_quote(changed, log.identity(), extra_data));
}

TEST(Anchor, BundlesVerifyWithAndWithoutAnImaList) {
  Provisioned log;
  const tpm::IndexState state = tpm::read_indexes(*log.device, log.credentials());
  const std::array<std::uint8_t, 16> boot_id{1, 2, 3};
  for (const std::string ima : {"", "10 0000 ima-ng sha256:00 boot_aggregate\n"}) {
    const attest::Bundle bundle = tpm::make_bundle(*log.device, log.credentials(), boot_id, state,
                                                   attest::view("firmware"), attest::view(ima));
    EXPECT_EQ(bundle.ima.has_value(), !ima.empty());
    const auto verified = attest::verify_bundle(attest::encode(bundle), log.identity());
    ASSERT_TRUE(verified) << name(verified.error().fault);
    EXPECT_EQ(verified->counter(), state.counter);
    EXPECT_EQ(verified->extend(), state.extend);
    EXPECT_EQ(verified->pcr(), Hash{});
  }
}

TEST(Anchor, AnAnswerIsSignedForItsNonce) {
  Provisioned log;
  attest::Answer answer;
  answer.nonce.bytes.fill(0x5a);
  answer.log_id = log.memory.trust->log_id;
  tpm::answer(*log.device, log.credentials(), answer);
  const Hash extra_data = attest::answer_extra_data(answer);
  const Hash session =
      attest::read_session_digest(log.identity(), answer.audit.counter, answer.audit.extend);
  EXPECT_TRUE(attest::verify_audit(answer.audit, log.identity(), session, extra_data));
  EXPECT_TRUE(attest::verify_quote(answer.quote, log.identity(), extra_data));
  EXPECT_EQ(answer.audit.extend, log.memory.trust->first_extend);
  answer.nonce.bytes[0] ^= 1;
  EXPECT_FALSE(
      attest::verify_quote(answer.quote, log.identity(), attest::answer_extra_data(answer)));
}

// Guarantee: somebody else's command between two of ours is never hidden.
TEST(Anchor, AnotherCommandInTheSessionIsNotExclusive) {
  Provisioned log;
  tpm::AnchorSession session(*log.device, log.credentials());
  session.increment();
  tpm::EsysPtr<TPM2B_DIGEST> random;
  tpm::execute(*log.device, "TPM2_GetRandom", [&] {
    return Esys_GetRandom(log.device->esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 8,
                          tpm::out(random));
  });
  try {
    session.extend(Hash{});
    FAIL() << "the session was still exclusive";
  } catch (const tpm::TpmError& error) {
    EXPECT_EQ(error.kind(), tpm::TpmError::Kind::not_exclusive) << error.what();
  }
}

// Root makes E again under its old Name and replays what it likes: the value betrays it.
TEST(Anchor, ARedefinedEIsSeenAtOnce) {
  Provisioned log;
  const attest::Statement statement = log.next_statement();
  (void)tpm::full_anchor(*log.device, log.credentials(), statement);
  undefine(log, log.credentials().extend_handle);
  EXPECT_EQ(tpm::read_indexes(*log.device, log.credentials()).extend_presence, Presence::missing);
  define(log, tpm::extend_public(log.credentials().extend_handle, false), {});
  EXPECT_EQ(tpm::read_indexes(*log.device, log.credentials()).extend_presence, Presence::unwritten);
  EXPECT_THROW(tpm::full_anchor(*log.device, log.credentials(), log.next_statement()),
               tpm::TpmError);
  // Written with a forged first value: under another authValue it is foreign, under ours its value
  // is.
  const auto write = [&](attest::ByteView auth) {
    tpm::Object index = tpm::find_object(*log.device, log.credentials().extend_handle);
    index.set_auth(auth);
    TPM2B_MAX_NV_BUFFER value{};
    value.size = 32;
    tpm::execute(*log.device, "TPM2_NV_Extend", [&] {
      return Esys_NV_Extend(log.device->esys(), index.get(), index.get(), ESYS_TR_PASSWORD,
                            ESYS_TR_NONE, ESYS_TR_NONE, &value);
    });
  };
  write({});
  EXPECT_EQ(tpm::read_indexes(*log.device, log.credentials()).extend_presence, Presence::foreign);
  undefine(log, log.credentials().extend_handle);
  define(log, tpm::extend_public(log.credentials().extend_handle, false),
         log.credentials().extend_auth);
  write(log.credentials().extend_auth);
  const tpm::IndexState state = tpm::read_indexes(*log.device, log.credentials());
  EXPECT_EQ(state.extend_presence, Presence::written);
  EXPECT_NE(state.extend, attest::extended(statement.prev_extend, digest_of(statement)));
  const Hash digest = digest_of(statement);
  const Receipt receipt = tpm::read_back(*log.device, log.credentials(), digest,
                                         attest::read_back_extra_data(digest), false);
  EXPECT_EQ(fault_of(receipt, log, statement), "extend_mismatch");
}

// C made again starts above every value it had; the session of its first increment signs the
// unwritten Name, so no exclusive receipt exists for it.
TEST(Anchor, TheFirstWriteOfARedefinedCIsNoReceipt) {
  Provisioned log;
  const std::uint64_t before = tpm::read_indexes(*log.device, log.credentials()).counter;
  undefine(log, log.credentials().counter_handle);
  define(log, tpm::counter_public(log.credentials().counter_handle, false),
         log.credentials().counter_auth);
  // The session looks for the written Name; this root knows better and gives the unwritten one.
  tpm::Credentials root = log.credentials();
  root.identity.counter_name = tpm::name_of(tpm::counter_public(root.counter_handle, false));
  attest::Statement statement;
  statement.prev_extend = log.memory.trust->first_extend;
  const Receipt receipt = tpm::full_anchor(*log.device, root, statement);
  EXPECT_GT(receipt.audit->counter, before);
  statement.counter = receipt.audit->counter;
  Receipt relabelled = receipt;
  relabelled.digest = digest_of(statement);
  EXPECT_NE(fault_of(receipt, log, statement), "");
  EXPECT_NE(fault_of(relabelled, log, statement), "");
  // Signed for the very statement, and still the digest names an index that is not pinned.
  const auto audit = attest::verify_audit(
      *receipt.audit, log.identity(),
      attest::full_session_digest(log.identity(), receipt.digest, receipt.audit->counter,
                                  receipt.audit->extend),
      receipt.digest);
  ASSERT_FALSE(audit);
  EXPECT_EQ(audit.error().fault, attest::Fault::receipt_digest);
}

TEST(Anchor, AMissingCounterIsNamed) {
  Provisioned log;
  undefine(log, log.credentials().counter_handle);
  EXPECT_EQ(tpm::read_indexes(*log.device, log.credentials()).counter_presence, Presence::missing);
  try {
    (void)tpm::full_anchor(*log.device, log.credentials(), attest::Statement{});
    FAIL() << "anchored without a counter";
  } catch (const tpm::TpmError& error) {
    EXPECT_EQ(error.kind(), tpm::TpmError::Kind::missing);
    EXPECT_NE(std::string(error.what()).find("0x01805354"), std::string::npos) << error.what();
  }
}

TEST(Anchor, ColdPowerCutsLockNothingOut) {
  Provisioned log(attest::Mode::a);
  for (int cut = 0; cut < 10; ++cut) {
    const attest::Statement statement = log.next_statement();
    const Receipt receipt = tpm::full_anchor(*log.device, log.credentials(), statement);
    EXPECT_EQ(fault_of(receipt, log, statement), "") << "after cut " << cut;
    log.power_cycle(Swtpm::Power::unclean);
  }
}

TEST(Anchor, SessionsLeftOverByKilledProcessesDoNotStopUs) {
  Provisioned log;
  for (int kill = 0; kill < 5; ++kill) {
    // Leaves its session in the TPM, as a killed process does.
    auto* leaked = new tpm::AnchorSession(*log.device, log.credentials());
    leaked->read();
    static auto& kept_reachable = *new std::vector<tpm::AnchorSession*>;
    kept_reachable.push_back(leaked);
    log.device.emplace(log.swtpm.tcti());
  }
  const attest::Statement statement = log.next_statement();
  EXPECT_EQ(fault_of(tpm::full_anchor(*log.device, log.credentials(), statement), log, statement),
            "");
}

TEST(Anchor, ResetAndRestartAreSeenInTheClock) {
  Provisioned log;
  const tpm::Clock before = tpm::read_clock(*log.device);
  log.power_cycle(Swtpm::Power::clean);
  const tpm::Clock reset = tpm::read_clock(*log.device);
  EXPECT_EQ(reset.run.reset, before.run.reset + 1);
  EXPECT_GE(reset.clock_ms, before.clock_ms);
  tpm::extend_pcr(*log.device, log.identity().pcr, Hash{});
  log.power_cycle(Swtpm::Power::resume);
  EXPECT_EQ(tpm::read_clock(*log.device).run, (attest::Run{reset.run.reset, 1}));
  EXPECT_NE(tpm::read_pcr(*log.device, log.identity().pcr), Hash{});
  log.power_cycle(Swtpm::Power::restart);
  EXPECT_EQ(tpm::read_clock(*log.device).run, (attest::Run{reset.run.reset, 2}));
  EXPECT_EQ(tpm::read_pcr(*log.device, log.identity().pcr), Hash{});
}

// Family 57: no key or index of ours is bound to PCRs, so that another kernel, firmware or boot loader,
// which only changes what is measured, takes nothing from us.
TEST(Anchor, Family57WhateverIsMeasuredOurKeyAndIndexesServeAsBefore) {
  Tally tally;
  Provisioned log;
  const std::uint8_t fold = log.identity().pcr;
  for (std::uint8_t pcr = 0; pcr <= 16; ++pcr) {
    if (pcr == fold) continue;
    Hash measured;
    measured.bytes.fill(static_cast<std::uint8_t>(pcr + 1));
    tpm::extend_pcr(*log.device, pcr, measured);
    const attest::Statement statement = log.next_statement();
    tpm::extend_pcr(*log.device, fold, digest_of(statement));
    const Receipt receipt = tpm::full_anchor(*log.device, log.credentials(), statement);
    ++tally.injected;
    tally.lost += !fault_of(receipt, log, statement).empty();
    // It is told, where it is quoted: 0 to 7.
    if (pcr < 8) tally.missed += receipt.quote->pcrs[pcr] != attest::extended(Hash{}, measured);
    const Hash digest = digest_of(statement);
    tally.lost += !attest::verify_quote(tpm::quote(*log.device, log.credentials(), digest),
                                        log.identity(), digest);
  }
  // The next boot measures nothing, or something else again.
  log.power_cycle(Swtpm::Power::clean);
  tpm::extend_pcr(*log.device, 4, Hash{});
  const attest::Statement statement = log.next_statement();
  tpm::extend_pcr(*log.device, fold, digest_of(statement));
  ++tally.injected;
  tally.lost += !fault_of(tpm::full_anchor(*log.device, log.credentials(), statement), log,
                          statement).empty();
  tally.report(57, "PCRs extended between anchors, one by one, and another boot");
}

TEST(Anchor, ExportedFilesPassTpm2ToolsAndOpenssl) {
  Provisioned log;
  const attest::Statement statement = log.next_statement();
  tpm::extend_pcr(*log.device, log.identity().pcr, digest_of(statement));
  const Receipt receipt = tpm::full_anchor(*log.device, log.credentials(), statement);
  const Scratch scratch;
  for (const attest::ExportedFile& file :
       attest::export_receipt(receipt, log.identity(), attest::encode(statement))) {
    std::ofstream out(scratch / file.name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(file.bytes.data()),
              static_cast<std::streamsize>(file.bytes.size()));
  }
  const auto run = [&](const std::string& command) {
    return std::system(
        ("cd " + scratch.path().string() + " && " + command + " >/dev/null 2>&1").c_str());
  };
  const std::string check = "tpm2_checkquote -u ak.pem -m attest -s sig.tss -f pcrs -q ";
  EXPECT_EQ(run(check + attest::to_hex(digest_of(statement))), 0);
  EXPECT_NE(run(check + attest::to_hex(Hash{})), 0);
  const std::string verify = "openssl dgst -sha256 -verify ak.pem -signature ";
  EXPECT_EQ(run(verify + "audit.sig.der audit.attest"), 0);
  EXPECT_EQ(run(verify + "sig.der attest"), 0);
  EXPECT_NE(run(verify + "sig.der audit.attest"), 0);
}

}  // namespace
}  // namespace stele::test
