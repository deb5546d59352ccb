// Goal: an EK certificate is believed exactly if it is one, in force, and leads to a pinned root;
// each other is refused with the fault that says why. Method: a maker's authorities and
// certificates by the openssl command, each rule broken once beside its benign twin; the
// certificates of real makers as vectors.
#include "attest/identity/ek_certificate.h"

#include <gtest/gtest.h>

#include "tests/support/ek_vendor.h"
#include "tests/support/tally.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

using test::EkRequest;
using test::EkVendor;

constexpr std::int64_t kEkNow = 1'795'000'000;  // November 2026

EkVendor& vendor() {
  static EkVendor made("Infi");
  return made;
}

PinnedRoots pinned(const Bytes& root) {
  PinnedRoots roots;
  EXPECT_TRUE(roots.add(root).has_value());
  return roots;
}

// The fault of the first rule that the certificate breaks; nothing if it breaks none.
std::optional<Fault> ek_fault_of(const Bytes& der, const PinnedRoots& roots,
                                 const std::vector<Bytes>& between, std::int64_t now = kEkNow) {
  const auto certificate = EkCertificate::parse(der);
  if (!certificate) return certificate.error().fault;
  const auto chain = certificate->verify_chain(between, roots, now);
  if (!chain) return chain.error().fault;
  return std::nullopt;
}

std::optional<Fault> ek_fault_of(const EkRequest& request, std::int64_t now = kEkNow) {
  return ek_fault_of(vendor().issue(request), pinned(vendor().root_der()),
                     {vendor().intermediate_der()}, now);
}

TEST(EkCertificate, WhatItVouchesForIsRead) {
  const auto certificate = EkCertificate::parse(vendor().issue());
  ASSERT_TRUE(certificate.has_value()) << certificate.error().detail;
  EXPECT_EQ(certificate->manufacturer(), "IFX");
  EXPECT_EQ(certificate->model(), "SLB9672");
  EXPECT_EQ(certificate->version(), "id:000F0016");
  EXPECT_EQ(certificate->kind(), TpmKind::discrete);
  EXPECT_EQ(certificate->key().words(), "ECC P-256");
  EXPECT_NE(certificate->issuer().find("Infi Intermediate"), std::string::npos);
}

TEST(EkCertificate, EveryKeyThatEndorsesAndEveryFormOfItsNamesIsBelieved) {
  for (const char* key :
       {"ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384",
        "rsa -pkeyopt rsa_keygen_bits:2048"}) {
    EXPECT_EQ(ek_fault_of(EkRequest{.key = key}), std::nullopt) << key;
  }
  EXPECT_EQ(ek_fault_of(EkRequest{.subject = "/CN=a board"}), std::nullopt);
  EXPECT_EQ(ek_fault_of(EkRequest{.one_set = true}), std::nullopt);
  EXPECT_EQ(ek_fault_of(EkRequest{.usage = "serverAuth,2.23.133.8.1"}), std::nullopt);
  EXPECT_EQ(ek_fault_of(EkRequest{.not_after = "99991231235959Z"}, kEkNow + 3'000'000'000),
            std::nullopt)
      << "in 2121: the certificate never ends, its authorities in 2125";
}

TEST(EkCertificate, WhatIsNoEndorsementKeysIsUnfit) {
  EXPECT_EQ(ek_fault_of(EkRequest{.usage = ""}), Fault::ek_certificate_unfit);
  EXPECT_EQ(ek_fault_of(EkRequest{.usage = "2.23.133.8.3"}), Fault::ek_certificate_unfit)
      << "an attestation key's";
  EXPECT_EQ(ek_fault_of(EkRequest{.critical_names = false}), Fault::ek_certificate_unfit);
  EXPECT_EQ(ek_fault_of(EkRequest{.names = false}), Fault::ek_certificate_unfit);
  EXPECT_EQ(ek_fault_of(EkRequest{.manufacturer = ""}), Fault::ek_certificate_unfit);
  EXPECT_EQ(ek_fault_of(EkRequest{.model = ""}), Fault::ek_certificate_unfit);
  EXPECT_EQ(ek_fault_of(EkRequest{.version = ""}), Fault::ek_certificate_unfit);
  for (const char* const key_usage : {"", "keyUsage = critical,keyAgreement\n"}) {
    EXPECT_EQ(ek_fault_of(EkRequest{.authority = true, .extra = key_usage}),
              Fault::ek_certificate_unfit)
        << key_usage;
    EXPECT_EQ(ek_fault_of(EkRequest{.extra = key_usage}), std::nullopt) << key_usage;
  }
  EXPECT_EQ(ek_fault_of(EkRequest{.extra = "1.2.3.4.5 = critical,ASN1:UTF8String:new rule\n"}),
            Fault::ek_certificate_unfit)
      << "a critical extension that nobody here knows";
  EXPECT_EQ(ek_fault_of(EkRequest{.key = "ed25519"}), Fault::ek_certificate_unfit);
}

TEST(EkCertificate, WhatIsNotInForceIsExpired) {
  const EkRequest brief{.not_after = "20261101000000Z"};
  EXPECT_EQ(ek_fault_of(brief), Fault::ek_certificate_expired);
  EXPECT_EQ(ek_fault_of(brief, kEkNow - 86'400 * 60), std::nullopt);
  EXPECT_EQ(ek_fault_of(brief, 1'500'000'000), Fault::ek_certificate_expired) << "not in force yet";
  EXPECT_EQ(ek_fault_of(EkRequest{}, kEkNow + 4'000'000'000), Fault::ek_certificate_expired)
      << "its authorities ended before it";
}

TEST(EkCertificate, WhatLeadsToNoPinnedRootIsForeign) {
  const Bytes der = vendor().issue();
  EkVendor other("Infi");  // the same names, other keys
  const std::vector<Bytes> between{vendor().intermediate_der()};
  EXPECT_EQ(ek_fault_of(der, pinned(other.root_der()), between), Fault::ek_certificate_foreign);
  EXPECT_EQ(ek_fault_of(der, pinned(other.root_der()), {other.intermediate_der()}),
            Fault::ek_certificate_foreign);
  EXPECT_EQ(ek_fault_of(der, PinnedRoots{}, between), Fault::ek_certificate_foreign);
  EXPECT_EQ(ek_fault_of(der, pinned(vendor().root_der()), {}), Fault::ek_certificate_foreign)
      << "the intermediate is missing";
  // The twins: the intermediate pinned, with and without its root; strange company.
  EXPECT_EQ(ek_fault_of(der, pinned(vendor().intermediate_der()), {}), std::nullopt);
  PinnedRoots many = pinned(other.root_der());
  ASSERT_TRUE(many.add(view(vendor().root_pem() + other.root_pem())).has_value());
  EXPECT_EQ(many.size(), 3u);
  EXPECT_EQ(ek_fault_of(der, many, {other.intermediate_der(), Bytes{1, 2, 3}, between[0]}),
            std::nullopt);
}

TEST(EkCertificate, AFileOfRootsIsPinnedWholeOrNotAtAll) {
  const std::string good = vendor().root_pem(), other = EkVendor("Other").root_pem();
  const std::string begin = "-----BEGIN CERTIFICATE-----\n", end = "-----END CERTIFICATE-----\n";
  const std::pair<const char*, std::string> garbled[] = {
      {"no base64", begin + "%%%%\n" + end},
      {"no certificate", begin + "AAAA\n" + end},
      {"no end", begin + "AAAA\n"},
      {"encrypted", begin + "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
                            "000102030405060708090A0B0C0D0E0F\n\nAAAA\n" + end}};
  for (const auto& [what, text] : garbled) {
    PinnedRoots roots;
    const auto added = roots.add(view(good + text + other));
    ASSERT_FALSE(added.has_value()) << what;
    EXPECT_EQ(added.error().fault, Fault::value_out_of_range) << what;
    EXPECT_EQ(roots.size(), 0u) << what;
  }
  EXPECT_FALSE(PinnedRoots().add({}).has_value()) << "an empty file";
  PinnedRoots roots;
  const std::string text = "A maker's\n" + good + "\nand another's\n" + other + "the end\n";
  const auto added = roots.add(view(text));
  ASSERT_TRUE(added.has_value()) << "words between them are no certificates";
  EXPECT_EQ(*added, 2u);
}

TEST(EkCertificate, NoMoreRootsArePinnedThanTheLimitInWhateverForm) {
  const std::string pem = vendor().root_pem();
  std::string many;
  for (std::size_t i = 0; i < kMaxPinned; ++i) many += pem;
  PinnedRoots roots;
  ASSERT_TRUE(roots.add(view(many)).has_value());
  EXPECT_FALSE(roots.add(view(pem)).has_value());
  EXPECT_FALSE(roots.add(vendor().root_der()).has_value());
  EXPECT_EQ(roots.size(), kMaxPinned);
  EXPECT_FALSE(PinnedRoots().add(view(many + pem)).has_value());
}

TEST(EkCertificate, AnotherKeyIsNotTheOneVouchedFor) {
  const auto one = EkCertificate::parse(vendor().issue());
  const auto other = EkCertificate::parse(vendor().issue());
  ASSERT_TRUE(one.has_value() && other.has_value());
  EXPECT_TRUE(one->verify_holds(one->key()).has_value());
  const auto held = one->verify_holds(other->key());
  ASSERT_FALSE(held.has_value());
  EXPECT_EQ(held.error().fault, Fault::ek_mismatch);
}

TEST(EkCertificate, AnyBitAndAnyLengthIsRefusedOrFoundForged) {
  const Bytes der = vendor().issue();
  const PinnedRoots roots = pinned(vendor().intermediate_der());
  ASSERT_EQ(ek_fault_of(der, roots, {}), std::nullopt);
  for (std::size_t at = 0; at < der.size(); ++at) {
    Bytes bent = der;
    bent[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
    EXPECT_TRUE(ek_fault_of(bent, roots, {}).has_value()) << "byte " << at;
  }
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_EQ(
        ek_fault_of({der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size)}, roots, {}),
        Fault::ek_certificate_malformed);
  }
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_EQ(ek_fault_of(longer, roots, {}), Fault::ek_certificate_malformed);
  EXPECT_EQ(Bytes(without_padding(longer).begin(), without_padding(longer).end()), der);
  longer.resize(2000, 0xff);
  EXPECT_EQ(without_padding(longer).size(), der.size());
}

TEST(EkCertificate, AChainInOnePieceIsTakenApart) {
  Bytes chain = vendor().intermediate_der();
  const Bytes root = vendor().root_der();
  const std::size_t first = chain.size();
  chain.insert(chain.end(), root.begin(), root.end());
  chain.resize(chain.size() + 100, 0);
  const auto parts = split_certificates(chain);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].size(), first);
  EXPECT_EQ(parts[1], root);
  EXPECT_TRUE(split_certificates(Bytes(50, 0xff)).empty());
}

// Every root and intermediate of real makers can be pinned; none of them is an EK's certificate.
TEST(EkCertificateVectors, EveryMakersAuthorityIsPinnedAndNoneIsTakenForAnEndorsementKeys) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/ek-ca-roots/keylime");
  PinnedRoots roots;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string pem = test::read_file(entry.path());
    EXPECT_TRUE(roots.add(view(pem)).has_value()) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 51u);
  EXPECT_GE(roots.size(), count);
  // A certificate that names a pinned authority as its own, but that it did not sign.
  EXPECT_EQ(ek_fault_of(vendor().issue(), roots, {vendor().intermediate_der()}),
            Fault::ek_certificate_foreign);
  test::used_vectors("tpm/ek-ca-roots", count);
}

// Each maker's certificate is foreign to every other maker's authorities, 51 times.
TEST(EkCertificateVectors, OneMakersTpmIsForeignToEachOfTheOthers) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/ek-ca-roots/keylime");
  const Bytes der = vendor().issue();
  test::Tally tally;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    PinnedRoots one;
    const std::string pem = test::read_file(entry.path());
    ASSERT_TRUE(one.add(view(pem)).has_value()) << entry.path();
    const auto alone = ek_fault_of(der, one, {vendor().intermediate_der()});
    EXPECT_EQ(alone, Fault::ek_certificate_foreign) << entry.path();
    EXPECT_TRUE(one.add(vendor().root_der()).has_value());
    const auto beside = ek_fault_of(der, one, {vendor().intermediate_der()});
    EXPECT_EQ(beside, std::nullopt) << "beside it";
    tally.injected += 2;
    tally.missed += !alone;
    tally.false_alarms += beside.has_value();
    ++count;
  }
  tally.report(39, "a TPM's certificate under each of the other makers' authorities, and its own beside them");
  test::used_vectors("tpm/ek-ca-roots", count);
}

Bytes der_of_file(const std::filesystem::path& path) {
  const std::string text = test::read_file(path);
  if (!text.starts_with("-----")) return {text.begin(), text.end()};
  const test::Scratch scratch;
  const std::string command =
      "openssl x509 -in '" + path.string() + "' -outform DER -out " + (scratch / "der");
  EXPECT_EQ(std::system(command.c_str()), 0);
  const std::string der = test::read_file(scratch / "der");
  return {der.begin(), der.end()};
}

// Google's: the older certificates are the profile's, the newer name no TPM at all; those for
// signing keys carry an endorsement key's usage too, and are told apart by the key presented.
TEST(EkCertificateVectors, GooglesChainsAreBelievedOrRefusedAsNamed) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/gce-ek-ak-certs");
  PinnedRoots roots;
  for (const char* file : {"tpm_ek_root_1.cer", "gcp_ek_ak_ca_root.crt"}) {
    const std::string bytes = test::read_file(folder / file);
    ASSERT_TRUE(roots.add(view(bytes)).has_value()) << file;
  }
  std::vector<Bytes> between;
  for (const char* file : {"tpm_ek_intermediate_2.crt", "tpm_ek_intermediate_3.crt",
                           "gcp_ek_ak_ca_intermediate_v3.crt"}) {
    between.push_back(der_of_file(folder / file));
    EXPECT_EQ(ek_fault_of(between.back(), roots, {}), Fault::ek_certificate_unfit)
        << "an authority's";
  }
  constexpr std::int64_t kIn2023 = 1'690'000'000;
  for (const char* file : {"uca_tpm_ecc_enc_cert.pem", "uca_tpm_rsa_enc_cert.pem"}) {
    const Bytes der = der_of_file(folder / file);
    EXPECT_EQ(ek_fault_of(der, roots, between, kIn2023), std::nullopt) << file;
    EXPECT_EQ(ek_fault_of(der, roots, {}, kIn2023), Fault::ek_certificate_foreign) << file;
    EXPECT_EQ(ek_fault_of(der, roots, between, 1'500'000'000), Fault::ek_certificate_expired)
        << file;
    const auto certificate = EkCertificate::parse(der);
    ASSERT_TRUE(certificate.has_value());
    EXPECT_EQ(certificate->manufacturer(), "GOOG");
    EXPECT_EQ(certificate->model(), "vTPM");
    EXPECT_EQ(certificate->kind(), TpmKind::virtual_);
  }
  for (const char* file : {"pca_tpm_ecc_enc_cert.pem", "pca_tpm_rsa_enc_cert.pem",
                           "pca_tpm_ecc_sign_cert.pem", "pca_tpm_rsa_sign_cert.pem"}) {
    EXPECT_EQ(ek_fault_of(der_of_file(folder / file), roots, between, kIn2023),
              Fault::ek_certificate_unfit)
        << file;
  }
  test::used_vectors("tpm/gce-ek-ak-certs", 11);
}

// Attribute certificates of boards, and the key that signs them: not one is an EK's.
TEST(EkCertificateVectors, PlatformCertificatesAreNone) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/platform-certs");
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".cer") continue;
    const std::string bytes = test::read_file(entry.path());
    const auto certificate = EkCertificate::parse(view(bytes));
    ASSERT_FALSE(certificate.has_value()) << entry.path();
    EXPECT_EQ(certificate.error().fault,
              entry.path().filename() == "IntelSigningKey_20April2017.cer"
                  ? Fault::ek_certificate_unfit
                  : Fault::ek_certificate_malformed)
        << entry.path();
    ++count;
  }
  EXPECT_GT(count, 10u);
  test::used_vectors("tpm/platform-certs", count);
}

}  // namespace
}  // namespace stele::attest
