// Goal: a receipt verifies only if it is exactly what the pinned TPM signed for that statement.
// Method: receipts of a TPM on paper; one property bent at a time, each refused under its own
// fault; every truncation and every bit flip; the session digest recomputed here from its formula.
#include "attest/receipt.h"

#include <gtest/gtest.h>

#include "attest/codec.h"
#include "tests/support/paper_tpm.h"

namespace stele::attest {
namespace {

using test::PaperTpm;

class ReceiptTest : public ::testing::Test {
 protected:
  ReceiptTest() {
    tpm.provision(view("genesis"));
    statement.counter = tpm.counter + 1;
    statement.prev_extend = tpm.extend;
    statement.run = tpm.run;
    digest = statement_digest(encode(statement));
    extend = extended(tpm.extend, digest);
    tpm.extend_pcr(digest);
  }
  Result<VerifiedReceipt> verify(const Receipt& receipt) const {
    return verify_receipt(receipt, tpm.identity(), digest, statement.counter, extend);
  }
  Fault fault(const Receipt& receipt) const { return verify(receipt).error().fault; }

  PaperTpm tpm;
  Statement statement;
  Hash digest, extend;
};

TEST_F(ReceiptTest, AFullReceiptVerifiesAndSaysWhatWasSigned) {
  const Receipt receipt = tpm.full_anchor(statement);
  const Result<VerifiedReceipt> verified = verify(receipt);
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_EQ(verified->kind(), ReceiptKind::full);
  EXPECT_EQ(verified->run(), tpm.run);
  EXPECT_EQ(verified->quote_run(), tpm.run);
  EXPECT_EQ(verified->pcr(), tpm.pcrs.back());
  EXPECT_EQ(verified->clock_ms(), tpm.clock_ms);
  EXPECT_EQ(verified->firmware(), tpm.firmware);
  EXPECT_EQ(verified->receipt_hash(), receipt_hash(receipt.audit->signed_attestation));
}

TEST_F(ReceiptTest, ReadBacksAndQuotesVerifyToo) {
  EXPECT_TRUE(verify(tpm.quote_receipt(digest)));
  tpm.increment();
  tpm.extend_index(digest);
  EXPECT_TRUE(verify(tpm.read_back(digest, true)));
  const Result<VerifiedReceipt> bare = verify(tpm.read_back(digest, false));
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->has_quote());
}

TEST_F(ReceiptTest, EncodingInverts) {
  const Receipt full = tpm.full_anchor(statement);
  for (const Receipt& receipt : {full, tpm.read_back(digest, false), tpm.read_back(digest, true),
                                 tpm.quote_receipt(digest)}) {
    const Bytes bytes = encode(receipt);
    const Result<Receipt> decoded = decode_receipt(bytes);
    ASSERT_TRUE(decoded) << decoded.error().detail;
    EXPECT_EQ(*decoded, receipt);
    EXPECT_EQ(encode(*decoded), bytes);
  }
}

// The formula of the format page, spelled out a second time without the code under test.
TEST_F(ReceiptTest, TheSessionDigestIsTheFormulaOfTheFormatPage) {
  const auto bytes = [](const std::string& hex) { return *from_hex(hex); };
  const std::string nc = to_hex(tpm.identity().counter_name),
                    ne = to_hex(tpm.identity().extend_name);
  const std::string c = "0000000000001268", d = to_hex(digest), e = to_hex(extend);
  const auto step = [&](const Hash& before, const std::string& cp, const std::string& rp) {
    return hash({before, hash(bytes(cp)), hash(bytes(rp))});
  };
  Hash full;
  full = step(full, "00000134" + nc + nc, "0000000000000134");
  full = step(full, "00000136" + ne + ne + "0020" + d, "0000000000000136");
  Hash read;
  for (Hash* session : {&full, &read}) {
    *session = step(*session, "0000014e" + nc + nc + "00080000", "000000000000014e0008" + c);
    *session = step(*session, "0000014e" + ne + ne + "00200000", "000000000000014e0020" + e);
  }
  EXPECT_EQ(full_session_digest(tpm.identity(), digest, 0x1268, extend), full);
  EXPECT_EQ(read_session_digest(tpm.identity(), 0x1268, extend), read);
}

TEST_F(ReceiptTest, AReceiptForAnotherStatementIsUnexpected) {
  Receipt receipt = tpm.full_anchor(statement);
  receipt.digest.bytes[0] ^= 1;
  EXPECT_EQ(fault(receipt), Fault::receipt_unexpected);
}

TEST_F(ReceiptTest, AnotherKeyIsAnotherSigner) {
  PaperTpm other;
  other.counter = tpm.counter;
  other.extend = tpm.extend;
  other.pcrs = tpm.pcrs;
  EXPECT_EQ(fault(other.full_anchor(statement)), Fault::signer_mismatch);
}

TEST_F(ReceiptTest, AForgedSignatureIsRefused) {
  Receipt receipt = tpm.full_anchor(statement);
  receipt.audit->signed_attestation.s[31] ^= 1;
  EXPECT_EQ(fault(receipt), Fault::signature_invalid);
  receipt.audit->signed_attestation.r = {};
  receipt.audit->signed_attestation.s = {};
  EXPECT_EQ(fault(receipt), Fault::signature_invalid);
}

TEST_F(ReceiptTest, ASessionThatWasNotExclusiveIsRefused) {
  Receipt receipt = tpm.full_anchor(statement);
  const Hash session = full_session_digest(tpm.identity(), digest, tpm.counter, tpm.extend);
  receipt.audit->signed_attestation = tpm.sign(tpm.attest_audit(session, digest, false));
  EXPECT_EQ(fault(receipt), Fault::receipt_not_exclusive);
}

TEST_F(ReceiptTest, ASessionOfOtherCommandsIsRefused) {
  Receipt receipt = tpm.full_anchor(statement);
  const Hash reads = read_session_digest(tpm.identity(), tpm.counter, tpm.extend);
  receipt.audit->signed_attestation = tpm.sign(tpm.attest_audit(reads, digest));
  EXPECT_EQ(fault(receipt), Fault::receipt_digest);
}

TEST_F(ReceiptTest, AReadBackDoesNotPassForAFullReceipt) {
  Receipt full = tpm.full_anchor(statement);
  Receipt disguised = tpm.read_back(digest, true);
  disguised.kind = ReceiptKind::full;
  EXPECT_EQ(fault(disguised), Fault::receipt_extra_data);
  full.kind = ReceiptKind::read_back;
  EXPECT_EQ(fault(full), Fault::receipt_extra_data);
}

TEST_F(ReceiptTest, OtherValuesOfTheIndexesAreNamed) {
  PaperTpm ahead = tpm;
  ahead.increment();
  EXPECT_EQ(fault(ahead.full_anchor(statement)), Fault::counter_mismatch);
  PaperTpm foreign = tpm;
  foreign.extend_index(digest);
  EXPECT_EQ(fault(foreign.full_anchor(statement)), Fault::extend_mismatch);
}

// A value edited in the file, unlike one that the TPM signed, breaks the session digest.
TEST_F(ReceiptTest, AnEditedValueBreaksTheSessionDigest) {
  PaperTpm ahead = tpm;
  ahead.increment();
  Receipt receipt = ahead.full_anchor(statement);
  receipt.audit->counter = statement.counter;
  EXPECT_EQ(fault(receipt), Fault::receipt_digest);
}

TEST_F(ReceiptTest, AQuoteOfOtherRegistersIsRefused) {
  Receipt receipt = tpm.quote_receipt(digest);
  Bytes values;
  for (const Hash& value : tpm.pcrs) Writer(values).bytes(value);
  // The fold replayed in PCR 16, which root can reset.
  receipt.quote->signed_attestation =
      tpm.sign(tpm.attest_quote(0xffu | 1u << 16, hash(values), digest));
  EXPECT_EQ(fault(receipt), Fault::pcr_selection);
  Bytes twice = tpm.attest_quote(0xffu | 1u << 12, hash(values), digest);
  // Two selections: the count precedes them; the second repeats the first.
  const std::size_t at = twice.size() - 34 - 10;
  twice[at + 3] = 2;
  const Bytes selection(twice.begin() + static_cast<std::ptrdiff_t>(at) + 4,
                        twice.begin() + static_cast<std::ptrdiff_t>(at) + 10);
  twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(at) + 10, selection.begin(),
               selection.end());
  receipt.quote->signed_attestation = tpm.sign(twice);
  EXPECT_EQ(fault(receipt), Fault::pcr_selection);
}

TEST_F(ReceiptTest, StoredRegistersMustBeThoseQuoted) {
  Receipt receipt = tpm.quote_receipt(digest);
  receipt.quote->pcrs[8].bytes[5] ^= 0x10;
  EXPECT_EQ(fault(receipt), Fault::pcr_digest);
}

TEST_F(ReceiptTest, AnAttestationOfAnotherTypeIsRefused) {
  Receipt receipt = tpm.full_anchor(statement);
  receipt.audit->signed_attestation = receipt.quote->signed_attestation;
  EXPECT_EQ(fault(receipt), Fault::attest_malformed);
}

// The AK also signs data that the TPM hashed for the caller, as long as it lacks the magic.
TEST_F(ReceiptTest, SignedBytesWithoutTheMagicAreNoAttestation) {
  Receipt receipt = tpm.full_anchor(statement);
  Bytes attest = receipt.audit->signed_attestation.attest;
  attest[0] = 0;
  receipt.audit->signed_attestation = tpm.sign(attest);
  EXPECT_EQ(fault(receipt), Fault::attest_malformed);
}

TEST_F(ReceiptTest, NoTruncationAndNoFlippedBitVerifies) {
  for (const Receipt& receipt : {tpm.full_anchor(statement), tpm.read_back(digest, false)}) {
    const Bytes good = encode(receipt);
    for (std::size_t size = 0; size < good.size(); ++size) {
      ASSERT_FALSE(decode_receipt(ByteView(good).first(size))) << size;
    }
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_EQ(decode_receipt(longer).error().fault, Fault::trailing_bytes);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      Bytes bad = good;
      bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1 << bit % 8);
      const Result<Receipt> decoded = decode_receipt(bad);
      if (!decoded) continue;
      EXPECT_EQ(encode(*decoded), bad);
      EXPECT_FALSE(verify(*decoded)) << "bit " << bit;
    }
  }
}

}  // namespace
}  // namespace stele::attest
