// Goal: KDFa, KDFe, OAEP and the one-pass Diffie-Hellman are those of the TPM specification, and
// a credential has the layout that TPM2_ActivateCredential takes. Method: vectors of somebody else,
// each checked against a TPM there; the layout field by field (that real TPMs take our credentials:
// tests/tpm/endorsement_test.cc).
#include "attest/identity/credential.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "attest/codec.h"
#include "attest/identity/kdf.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

namespace json = boost::json;

json::array cases_of(const std::filesystem::path& folder, const char* file) {
  return json::parse(test::read_file(folder / file)).as_array();
}

Bytes hex_of(const json::value& one, const char* key) {
  const json::value* found = one.as_object().if_contains(key);
  if (found == nullptr) return {};
  const auto& text = found->as_string();
  const auto bytes = from_hex({text.data(), text.size()});
  EXPECT_TRUE(bytes.has_value()) << key;
  return bytes.value_or(Bytes{});
}

std::string credential_text(const json::value& one, const char* key) {
  return std::string(one.at(key).as_string());
}

template <class Derive>
void expect_vectors(const char* file, const Derive& derive) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/kdf-vectors");
  std::size_t count = 0;
  for (const json::value& one : cases_of(folder, file)) {
    const auto algorithm = static_cast<boot::Algorithm>(one.at("HashAlg").to_number<int>());
    EXPECT_EQ(to_hex(derive(algorithm, one)), to_hex(hex_of(one, "Result")))
        << credential_text(one, "Name");
    ++count;
  }
  EXPECT_GT(count, 0u);
  test::used_vectors("tpm/kdf-vectors", count);
}

TEST(Kdf, EveryVectorOfKdfA) {
  expect_vectors("kdfa.json", [](boot::Algorithm algorithm, const json::value& one) {
    return kdf_a(algorithm, hex_of(one, "Key"), credential_text(one, "Label"),
                 hex_of(one, "ContextU"), hex_of(one, "ContextV"),
                 one.at("Bits").to_number<std::size_t>());
  });
}

TEST(Kdf, EveryVectorOfKdfE) {
  expect_vectors("kdfe.json", [](boot::Algorithm algorithm, const json::value& one) {
    return kdf_e(algorithm, hex_of(one, "Z"), credential_text(one, "Label"),
                 hex_of(one, "ContextU"), hex_of(one, "ContextV"),
                 one.at("Bits").to_number<std::size_t>());
  });
}

// A vector's TPMT_PUBLIC, of any attributes: its name algorithm and key.
struct VectorKey {
  boot::Algorithm algorithm{};
  std::optional<PublicKey> key;
};
VectorKey key_of(const Bytes& area) {
  Reader reader(area);
  VectorKey found;
  const bool is_rsa = reader.u16() == 0x0001;
  found.algorithm = static_cast<boot::Algorithm>(reader.u16());
  reader.u32();
  reader.sized16();
  if (reader.u16() != 0x0010) reader.u32();  // symmetric: key bits and mode
  if (reader.u16() != 0x0010) reader.u16();  // scheme: its hash
  const std::uint16_t size = reader.u16();
  const std::uint32_t exponent = is_rsa ? reader.u32() : 0;
  if (!is_rsa && reader.u16() != 0x0010) reader.u16();  // KDF: its hash
  const ByteView first = reader.sized16();
  const ByteView second = is_rsa ? ByteView{} : reader.sized16();
  EXPECT_TRUE(reader.done());
  auto key = is_rsa ? PublicKey::rsa(first, exponent)
                    : PublicKey::ecc(static_cast<Curve>(size), first, second);
  if (key) found.key = *std::move(key);
  return found;
}

TEST(SentSeed, EveryVectorOfEllipticCurves) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/kdf-vectors");
  std::size_t count = 0;
  for (const json::value& one : cases_of(folder, "ecc_labeled_encaps.json")) {
    const VectorKey to = key_of(hex_of(one, "PublicKey"));
    ASSERT_TRUE(to.key.has_value()) << credential_text(one, "Name");
    // agree() takes the ephemeral key as random + 1.
    const Bytes ephemeral = hex_of(one, "EphemeralPrivate");
    CredentialRandom random{};
    std::copy(ephemeral.begin(), ephemeral.end(),
              random.end() - static_cast<std::ptrdiff_t>(ephemeral.size()));
    for (auto byte = random.rbegin(); byte != random.rend() && (*byte)-- == 0; ++byte) {
    }
    const SentSeed sent = send_seed(*to.key, to.algorithm, credential_text(one, "Label"), random);
    EXPECT_EQ(to_hex(sent.seed), to_hex(hex_of(one, "Secret"))) << credential_text(one, "Name");
    EXPECT_EQ(to_hex(sent.encrypted), to_hex(hex_of(one, "Ciphertext")))
        << credential_text(one, "Name");
    ++count;
  }
  EXPECT_GT(count, 0u);
  test::used_vectors("tpm/kdf-vectors", count);
}

TEST(SentSeed, EveryVectorOfRsa) {
  STELE_VECTORS_OR_SKIP(folder, "tpm/kdf-vectors");
  std::size_t count = 0;
  for (const json::value& one : cases_of(folder, "rsa_labeled_encaps.json")) {
    const VectorKey to = key_of(hex_of(one, "PublicKey"));
    ASSERT_TRUE(to.key.has_value()) << credential_text(one, "Name");
    const Bytes secret = hex_of(one, "Secret"), salt = hex_of(one, "OAEPSalt");
    // A key with a scheme uses the scheme's hash; the salt is as long as that.
    const auto* const algorithm = std::find_if(
        std::begin(boot::kAlgorithms), std::end(boot::kAlgorithms),
        [&salt](boot::Algorithm known) { return boot::digest_bytes(known) == salt.size(); });
    EXPECT_EQ(to_hex(to.key->encrypt_oaep(*algorithm, credential_text(one, "Label"), secret, salt)),
              to_hex(hex_of(one, "Ciphertext")))
        << credential_text(one, "Name");
    ++count;
  }
  EXPECT_GT(count, 0u);
  test::used_vectors("tpm/kdf-vectors", count);
}

}  // namespace
}  // namespace stele::attest
