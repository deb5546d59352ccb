// Goal: TPMS_ATTEST and the AK's TPMT_PUBLIC are read as the reference decoder reads them, and only
// a fit AK is taken. Method: structures of a TPM on paper and of real chips, decoded by us and by
// tss2-mu, field by field; real signatures through OpenSSL; every truncation; one attribute of the
// AK bent at a time.
#include "attest/attestation.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

#include <cstring>

#include "attest/codec.h"
#include "tests/support/paper_tpm.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

using test::PaperTpm;

template <class Sized>
Bytes bytes_of(const Sized& sized) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&sized) + sizeof(sized.size);
  return {begin, begin + sized.size};
}

Bytes bytes_of(ByteView view) {
  return {view.begin(), view.end()};
}

Bytes read_bytes(const std::filesystem::path& path) {
  const std::string text = test::read_file(path);
  return {text.begin(), text.end()};
}

// Decodes with both and compares. tss2-mu must accept.
void expect_same(const Bytes& bytes) {
  TPMS_ATTEST theirs;
  std::size_t offset = 0;
  ASSERT_EQ(Tss2_MU_TPMS_ATTEST_Unmarshal(bytes.data(), bytes.size(), &offset, &theirs),
            TSS2_RC_SUCCESS);
  const Result<Attestation> ours = parse_attestation(bytes);
  ASSERT_TRUE(ours) << ours.error().detail;
  EXPECT_EQ(ours->type, theirs.type);
  EXPECT_EQ(bytes_of(ours->qualified_signer), bytes_of(theirs.qualifiedSigner));
  EXPECT_EQ(bytes_of(ours->extra_data), bytes_of(theirs.extraData));
  EXPECT_EQ(ours->clock_ms, theirs.clockInfo.clock);
  EXPECT_EQ(ours->run, (Run{theirs.clockInfo.resetCount, theirs.clockInfo.restartCount}));
  EXPECT_EQ(ours->clock_safe, theirs.clockInfo.safe == TPM2_YES);
  EXPECT_EQ(ours->firmware, theirs.firmwareVersion);
  if (ours->type == kAttestQuote) {
    const auto& quote = theirs.attested.quote;
    ASSERT_EQ(ours->selections.size(), quote.pcrSelect.count);
    for (std::size_t i = 0; i < ours->selections.size(); ++i) {
      const TPMS_PCR_SELECTION& selection = quote.pcrSelect.pcrSelections[i];
      EXPECT_EQ(ours->selections[i].algorithm, selection.hash);
      EXPECT_EQ(ours->selections[i].bitmap,
                Bytes(selection.pcrSelect, selection.pcrSelect + selection.sizeofSelect));
    }
    EXPECT_EQ(bytes_of(ours->pcr_digest), bytes_of(quote.pcrDigest));
  } else if (ours->type == kAttestSessionAudit) {
    EXPECT_EQ(ours->exclusive, theirs.attested.sessionAudit.exclusiveSession == TPM2_YES);
    EXPECT_EQ(bytes_of(ours->session_digest), bytes_of(theirs.attested.sessionAudit.sessionDigest));
  }
}

TEST(Attestation, IsReadAsTheReferenceReadsIt) {
  PaperTpm tpm;
  const Hash digest = hash(view("digest"));
  expect_same(tpm.attest_audit(digest, digest));
  expect_same(tpm.attest_audit(digest, digest, false));
  expect_same(tpm.attest_quote(0xff | 1u << 12, digest, digest));
  tpm.clock_safe = false;
  expect_same(tpm.attest_quote(1u << 10, digest, {}));
}

TEST(Attestation, NoTruncationAndNothingMoreIsRead) {
  const PaperTpm tpm;
  const Hash digest = hash(view("digest"));
  for (const Bytes& good :
       {tpm.attest_audit(digest, digest), tpm.attest_quote(0x10ff, digest, digest)}) {
    for (std::size_t size = 0; size < good.size(); ++size) {
      ASSERT_FALSE(parse_attestation(ByteView(good).first(size))) << size;
    }
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_EQ(parse_attestation(longer).error().fault, Fault::trailing_bytes);
  }
}

TEST(Attestation, YesNoIsOneOrZero) {
  PaperTpm tpm;
  const Hash digest = hash(view("digest"));
  Bytes bytes = tpm.attest_audit(digest, {});
  bytes[bytes.size() - 35] = 2;  // exclusiveSession
  EXPECT_EQ(parse_attestation(bytes).error().fault, Fault::attest_malformed);
}

// The selections' count may not make us reserve or read beyond what a TPM has.
TEST(Attestation, AnAbsurdSelectionIsRefused) {
  const PaperTpm tpm;
  const Hash digest = hash(view("digest"));
  Bytes bytes = tpm.attest_quote(0x10ff, digest, {});
  const std::size_t count = bytes.size() - 34 - 10;
  bytes[count] = 0xff;
  EXPECT_EQ(parse_attestation(bytes).error().fault, Fault::attest_malformed);
}

bool rsa_verifies(const EVP_MD* digest, EVP_PKEY* key, ByteView message, ByteView signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool verified = EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key) == 1 &&
                        EVP_DigestVerify(context, signature.data(), signature.size(),
                                         message.data(), message.size()) == 1;
  EVP_MD_CTX_free(context);
  return verified;
}

TEST(Attestation, RealQuotesAreReadAndTheirSignaturesVerify) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/quotes");
  const auto gcp = folder / "gcp-windows-shielded-vm";
  std::size_t cases = 0;
  for (const auto& path : {gcp / "quote.tpms_attest", gcp / "creation_attest.tpms_attest",
                           folder / "rust-keylime" / "quote.tpms_attest"}) {
    expect_same(read_bytes(path));
    ++cases;
  }
  const std::string pem = test::read_file(gcp / "ak.pem");
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  ASSERT_NE(key, nullptr);
  for (const auto& [attest, signature] :
       {std::pair{"quote.tpms_attest", "quote.tpmt_signature"},
        {"creation_attest.tpms_attest", "creation_sig.tpmt_signature"}}) {
    const Bytes message = read_bytes(gcp / attest);
    const Bytes tpmt = read_bytes(gcp / signature);
    Reader reader(tpmt);
    ASSERT_EQ(reader.u16(), TPM2_ALG_RSASSA);
    const EVP_MD* digest = reader.u16() == TPM2_ALG_SHA1 ? EVP_sha1() : EVP_sha256();
    const ByteView rsa = reader.sized16();
    EXPECT_TRUE(rsa_verifies(digest, key, message, rsa)) << attest;
    Bytes changed = message;
    changed.back() ^= 1;
    EXPECT_FALSE(rsa_verifies(digest, key, changed, rsa)) << attest;
    ++cases;
  }
  EVP_PKEY_free(key);
  // Outside our profile: RSA. Read, but no AK of ours.
  EXPECT_EQ(AttestationPublic::parse(read_bytes(gcp / "ak.tpmt_public")).error().fault,
            Fault::ak_unfit);
  test::used_vectors("tpm/quotes", cases + 1);
}

TEST(Attestation, RealCertificationsAreReadAndTheirSignaturesVerify) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/certify-real-hw");
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const Bytes attest = read_bytes(entry.path() / "certinfo.tpms_attest");
    expect_same(attest);
    const Result<Attestation> parsed = parse_attestation(attest);
    ASSERT_TRUE(parsed);
    const std::string preimage = test::read_file(entry.path() / "extradata_preimage.bin");
    const bool sha1 = parsed->extra_data.size() == 20;
    Bytes digest(parsed->extra_data.size());
    EVP_Digest(preimage.data(), preimage.size(), digest.data(), nullptr,
               sha1 ? EVP_sha1() : EVP_sha256(), nullptr);
    EXPECT_EQ(digest, bytes_of(parsed->extra_data)) << entry.path();
    const Bytes certificate = read_bytes(entry.path() / "x5c0.der");
    const unsigned char* at = certificate.data();
    X509* x509 = d2i_X509(nullptr, &at, static_cast<long>(certificate.size()));
    ASSERT_NE(x509, nullptr);
    EXPECT_TRUE(rsa_verifies(sha1 ? EVP_sha1() : EVP_sha256(), X509_get0_pubkey(x509), attest,
                             read_bytes(entry.path() / "sig.bin")))
        << entry.path();
    X509_free(x509);
    EXPECT_EQ(
        AttestationPublic::parse(read_bytes(entry.path() / "pubarea.tpmt_public")).error().fault,
        Fault::ak_unfit);
    ++cases;
  }
  EXPECT_EQ(cases, 4u);
  test::used_vectors("tpm/certify-real-hw", cases);
}

TEST(AttestationPublic, IsReadAsTheReferenceReadsIt) {
  const PaperTpm tpm;
  const Bytes area = tpm.public_area();
  TPMT_PUBLIC theirs;
  std::size_t offset = 0;
  ASSERT_EQ(Tss2_MU_TPMT_PUBLIC_Unmarshal(area.data(), area.size(), &offset, &theirs),
            TSS2_RC_SUCCESS);
  EXPECT_EQ(offset, area.size());
  EXPECT_EQ(theirs.objectAttributes, TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT |
                                         TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                         TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                         TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA);
  const Result<AttestationPublic> ours = AttestationPublic::parse(area);
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->encoded(), area);
  Name name{0x00, 0x0b};
  std::copy_n(hash(area).bytes.begin(), 32, name.begin() + 2);
  EXPECT_EQ(ours->name(), name);
  EXPECT_NE(ours->pem().find("BEGIN PUBLIC KEY"), std::string::npos);
}

// Attack 16.
TEST(AttestationPublic, AKeyThatIsNotFitIsRefused) {
  const PaperTpm tpm;
  const auto fault = [&](const test::AkTemplate& wanted) {
    const auto parsed = AttestationPublic::parse(tpm.public_area(wanted));
    return parsed ? std::string("accepted") : std::string(name(parsed.error().fault));
  };
  const test::AkTemplate fit;
  EXPECT_EQ(fault(fit), "accepted");
  for (int bit = 0; bit < 32; ++bit) {
    test::AkTemplate bent = fit;
    bent.attributes ^= 1u << bit;
    EXPECT_EQ(fault(bent), "ak_unfit") << "attribute bit " << bit;
  }
  for (auto field :
       {&test::AkTemplate::type, &test::AkTemplate::name_algorithm, &test::AkTemplate::scheme,
        &test::AkTemplate::scheme_hash, &test::AkTemplate::curve}) {
    test::AkTemplate bent = fit;
    bent.*field = static_cast<std::uint16_t>(bent.*field + 1);
    EXPECT_EQ(fault(bent), "ak_unfit");
  }
}

TEST(AttestationPublic, APointOffTheCurveAndEveryTruncationIsRefused) {
  const PaperTpm tpm;
  Bytes area = tpm.public_area();
  for (std::size_t size = 0; size < area.size(); ++size) {
    EXPECT_FALSE(AttestationPublic::parse(ByteView(area).first(size))) << size;
  }
  area.back() ^= 1;
  EXPECT_EQ(AttestationPublic::parse(area).error().fault, Fault::ak_unfit);
}

TEST(AttestationPublic, BothFormsOfASignatureAndNoOtherVerify) {
  const PaperTpm tpm;
  const SignedAttestation good = tpm.sign({1, 2, 3});
  const AttestationPublic& ak = tpm.identity().ak;
  EXPECT_TRUE(ak.verify(good));
  // (r, n - s)
  static constexpr std::array<std::uint8_t, 32> order = {
      0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
      0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
  SignedAttestation other = good;
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const int difference = order[i] - good.s[i] - borrow;
    borrow = difference < 0;
    other.s[i] = static_cast<std::uint8_t>(difference & 0xff);
  }
  EXPECT_TRUE(ak.verify(other));
  SignedAttestation bad = good;
  bad.r = order;
  EXPECT_FALSE(ak.verify(bad));
  bad = good;
  bad.s = {};
  EXPECT_FALSE(ak.verify(bad));
  bad = good;
  bad.attest[0] ^= 1;
  EXPECT_FALSE(ak.verify(bad));
}

}  // namespace
}  // namespace stele::attest
