// Goal: families 32 and 33 of faults: signatures at the edges of their algebra, and of another
// algorithm than must be, are judged by a rule that is written down (README.md, "Attestations" and
// "Notes"), and by no other.
// Method: keys of OpenSSL's making; r and s at every edge, the DER of each; S of Ed25519 beyond the
// group's order; every hash, scheme, curve and structure in the place of the one that belongs there.
// Each case beside its twin, which verifies. Last line: injected / lost / false alarms / missed.
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <memory>

#include "attest/codec.h"
#include "attest/receipt.h"
#include "attest/witness/cosignature.h"
#include "tests/support/paper_tpm.h"
#include "tests/support/paper_witnesses.h"
#include "tests/support/tally.h"

namespace stele::attest {
namespace {

using Number = std::array<std::uint8_t, 32>;  // big-endian
using test::PaperTpm;
using test::Tally;

constexpr Number kOrder = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                           0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                           0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
// Of Ed25519's group, little-endian: 2^252 + 27742317777372353535851937790883648493.
constexpr Number kEdwardsOrder = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                  0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                  0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

Number small(std::uint8_t value) {
  Number number{};
  number.back() = value;
  return number;
}

Number minus(const Number& a, const Number& b) {
  Number out{};
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const int difference = a[i] - b[i] - borrow;
    borrow = difference < 0;
    out[i] = static_cast<std::uint8_t>(difference & 0xff);
  }
  return out;
}

// A P-256 key, and what it signs with any hash.
class Signer {
 public:
  Signer() : key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {}
  Bytes public_area() const {
    std::array<unsigned char, 65> point{};
    std::size_t length = 0;
    EXPECT_EQ(EVP_PKEY_get_octet_string_param(key_.get(), "pub", point.data(), point.size(), &length), 1);
    Bytes area;
    Writer(area).u16(0x0023).u16(0x000b).u32(0x00050472).u16(0).u16(0x0010).u16(0x0018);
    Writer(area).u16(0x000b).u16(0x0003).u16(0x0010);
    Writer(area).sized16(ByteView(point).subspan(1, 32)).sized16(ByteView(point).subspan(33, 32));
    return area;
  }
  SignedAttestation sign(Bytes message, const EVP_MD* md) const {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    Bytes der(96);
    std::size_t length = der.size();
    EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, md, nullptr, key_.get()), 1);
    EXPECT_EQ(EVP_DigestSign(context.get(), der.data(), &length, message.data(), message.size()), 1);
    const unsigned char* at = der.data();
    const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> taken(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(length)), ECDSA_SIG_free);
    SignedAttestation out{std::move(message), {}, {}};
    EXPECT_EQ(BN_bn2binpad(ECDSA_SIG_get0_r(taken.get()), out.r.data(), 32), 32);
    EXPECT_EQ(BN_bn2binpad(ECDSA_SIG_get0_s(taken.get()), out.s.data(), 32), 32);
    return out;
  }

 private:
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

// One case: must be refused, or must verify.
struct Judge {
  Tally tally;
  void refused(bool verified, const std::string& what) {
    ++tally.injected;
    if (!verified) return;
    if (++tally.missed <= 5) ADD_FAILURE() << "accepted: " << what;
  }
  void accepted(bool verified, const std::string& what) {
    ++tally.injected;
    if (verified) return;
    if (++tally.false_alarms <= 5) ADD_FAILURE() << "refused: " << what;
  }
};

TEST(Family32, EcdsaAtTheEdgesOfItsNumbersIsAsTheFormatPageSays) {
  const Signer signer;
  const AttestationPublic ak = AttestationPublic::parse(signer.public_area()).value();
  Judge judge;
  bool padded_r = false, padded_s = false, high_s = false, low_s = false;
  for (std::uint32_t i = 0; i < 1500; ++i) {
    Bytes message;
    Writer(message).u32(i);
    const SignedAttestation good = signer.sign(message, EVP_sha256());
    judge.accepted(ak.verify(good).has_value(), "its own");
    SignedAttestation twin = good;
    twin.s = minus(kOrder, good.s);
    judge.accepted(ak.verify(twin).has_value(), "(r, n - s), which a TPM may give as well");
    (good.s > twin.s ? high_s : low_s) = true;
    for (auto half : {&SignedAttestation::r, &SignedAttestation::s}) {
      if ((good.*half)[0] != 0) continue;
      (half == &SignedAttestation::r ? padded_r : padded_s) = true;
      SignedAttestation bent = good;  // padded on the right
      std::rotate((bent.*half).begin(), (bent.*half).begin() + 1, (bent.*half).end());
      judge.refused(ak.verify(bent).has_value(), "padded on the wrong side");
    }
    if (i >= 40) continue;
    for (auto half : {&SignedAttestation::r, &SignedAttestation::s}) {
      Number all_ones;
      all_ones.fill(0xff);
      for (const Number& edge : {Number{}, small(1), small(2), kOrder, minus(kOrder, small(1)),
                                 all_ones, minus(all_ones, kOrder)}) {
        SignedAttestation bent = good;
        bent.*half = edge;
        judge.refused(ak.verify(bent).has_value(), "an edge");
      }
      for (const std::size_t bit : {0u, 7u, 100u, 255u}) {
        SignedAttestation bent = good;
        (bent.*half)[bit / 8] = static_cast<std::uint8_t>((bent.*half)[bit / 8] ^ (1u << bit % 8));
        judge.refused(ak.verify(bent).has_value(), "a bit");
      }
    }
    SignedAttestation bent = good;
    std::swap(bent.r, bent.s);
    judge.refused(ak.verify(bent).has_value(), "r and s exchanged");
    bent = good;
    bent.r = minus(kOrder, good.r);
    judge.refused(ak.verify(bent).has_value(), "(n - r, s)");
    bent.r = bent.s = {};
    judge.refused(ak.verify(bent).has_value(), "nothing");
    bent.r = bent.s = small(1);
    judge.refused(ak.verify(bent).has_value(), "one and one");
  }
  EXPECT_TRUE(padded_r && padded_s && high_s && low_s);
  judge.tally.report(32, "ECDSA P-256: edges of r and s, both forms of s, padding");
}

// A receipt has r and s of 32 bytes and no DER; what leaves for openssl has one form.
TEST(Family32, TheDerThatIsExportedIsTheOneFormThatOpensslTakes) {
  const Signer signer;
  const AttestationPublic ak = AttestationPublic::parse(signer.public_area()).value();
  Judge judge;
  for (std::uint32_t i = 0; i < 600; ++i) {
    Bytes message;
    Writer(message).u32(i);
    const Bytes der = ak.signature_der(signer.sign(message, EVP_sha256()));
    const unsigned char* at = der.data();
    const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> read(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
    unsigned char* again = nullptr;
    const int length = read ? i2d_ECDSA_SIG(read.get(), &again) : -1;
    judge.accepted(length == static_cast<int>(der.size()) && std::equal(der.begin(), der.end(), again),
                   "not the shortest form");
    OPENSSL_free(again);
  }
  judge.tally.report(32, "ECDSA in DER, as exported: with and without leading zeros");
}

TEST(Family32, Ed25519OfNotesAndWitnessesHasOneFormOfS) {
  const NoteSigner signer = test::signer_of(3, "log.example/a");
  const NoteKey key = signer.key(), witness = cosigner_key(signer);
  Judge judge;
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::string text = "log.example/a\n" + std::to_string(i) + "\n";
    const Note note = signer.sign(text);
    judge.accepted(verify_note(note, key).has_value(), "a note");
    const NoteSignature line = cosign(signer, text, 1'700'000'000 + i);
    judge.accepted(verify_cosignature(text, line, witness).has_value(), "a cosignature");
    // The 64 bytes R ‖ S stand at the end of both.
    const auto bent = [&](const auto& bend, const char* what) {
      Note other = note;
      auto& signature = other.signatures[0].signature;
      bend(signature.end() - 64);
      judge.refused(verify_note(other, key).has_value(), what);
      NoteSignature other_line = line;
      bend(other_line.signature.end() - 64);
      judge.refused(verify_cosignature(text, other_line, witness).has_value(), what);
    };
    // S + n·L is the same number of the group, and another signature.
    for (int times = 1; times <= 15; ++times) {
      bent(
          [times](auto at) {
            for (int time = 0; time < times; ++time) {
              unsigned carry = 0;
              for (int byte = 0; byte < 32; ++byte) {
                carry += at[32 + byte] + kEdwardsOrder[static_cast<std::size_t>(byte)];
                at[32 + byte] = static_cast<std::uint8_t>(carry);
                carry >>= 8;
              }
            }
          },
          "S beyond the order");
    }
    bent([](auto at) { std::copy(kEdwardsOrder.begin(), kEdwardsOrder.end(), at + 32); }, "S = L");
    bent([](auto at) { std::fill(at + 32, at + 64, std::uint8_t{0}); }, "S = 0");
    bent([](auto at) { std::fill(at + 32, at + 64, std::uint8_t{0xff}); }, "S all ones");
    bent([](auto at) { at[63] = static_cast<std::uint8_t>(at[63] | 0xe0); }, "S above 2^253");
    bent([](auto at) { std::fill(at, at + 32, std::uint8_t{0}); }, "R = 0");
    bent([](auto at) { std::fill(at, at + 64, std::uint8_t{0}), at[0] = 1; }, "R neutral, S = 0");
    bent([](auto at) { at[31] = static_cast<std::uint8_t>(at[31] ^ 0x80); }, "the sign of R");
    bent([](auto at) { std::swap_ranges(at, at + 32, at + 32); }, "R and S exchanged");
  }
  judge.tally.report(32, "Ed25519 of notes and cosignatures: S beyond the order, R and S at edges");
}

// A quote whose parts are of other algorithms, signed by the very key.
TEST(Family33, AnAttestationOfAnotherAlgorithmIsRefusedAsNamed) {
  PaperTpm tpm;
  Judge judge;
  const Hash extra = hash(view("d"));
  const QuotePart good = tpm.quote(extra);
  const Bytes attest = good.signed_attestation.attest;
  const std::size_t selection = attest.size() - 34 - 6;  // algorithm u16, size u8, bitmap 3
  const auto fault = [&](const Bytes& bytes) {
    QuotePart part = good;
    part.signed_attestation = tpm.sign(bytes);
    const auto verified = verify_quote(part, tpm.identity(), extra);
    return verified ? std::string("accepted") : std::string(name(verified.error().fault));
  };
  const auto refused = [&](const Bytes& bytes, const std::string& as, const std::string& what) {
    EXPECT_EQ(fault(bytes), as) << what;
    judge.refused(fault(bytes) == "accepted", what);
  };
  judge.accepted(fault(attest) == "accepted", "the twin");
  // PCR banks: SHA-1, SHA-384, SHA-512, SM3, SHA3-256, none, HMAC.
  for (const unsigned bank : {0x0004u, 0x000cu, 0x000du, 0x0012u, 0x0027u, 0x0010u, 0x0005u}) {
    Bytes bent = attest;
    bent[selection] = static_cast<std::uint8_t>(bank >> 8);
    bent[selection + 1] = static_cast<std::uint8_t>(bank);
    refused(bent, "pcr_selection", "bank " + std::to_string(bank));
  }
  // The digest over the values by another hash, which has another length, or the same.
  Bytes values;
  for (const Hash& value : good.pcrs) Writer(values).bytes(value);
  for (const EVP_MD* md : {EVP_sha1(), EVP_sha224(), EVP_sha384(), EVP_sha512(), EVP_sha3_256(),
                           EVP_sha512_256(), EVP_blake2s256(), EVP_sm3()}) {
    Bytes digest(static_cast<std::size_t>(EVP_MD_get_size(md)));
    EXPECT_EQ(EVP_Digest(values.data(), values.size(), digest.data(), nullptr, md, nullptr), 1);
    Bytes bent(attest.begin(), attest.end() - 34);
    Writer(bent).sized16(digest);
    refused(bent, "pcr_digest", std::string("PCR digest by ") + EVP_MD_get0_name(md));
  }
  // The signer's Name by another hash: 0004 and 20 bytes; 000c and 48; the right bytes, named SHA-1.
  for (const auto& [algorithm, length] : {std::pair{0x0004, 20}, {0x000c, 48}, {0x0004, 32}}) {
    Bytes bent(attest.begin(), attest.begin() + 6);
    Bytes signer{0, static_cast<std::uint8_t>(algorithm)};
    signer.resize(2 + static_cast<std::size_t>(length), 0x5a);
    if (length == 32) std::copy_n(attest.begin() + 10, 32, signer.begin() + 2);
    Writer(bent).sized16(signer);
    bent.insert(bent.end(), attest.begin() + 6 + 2 + 34, attest.end());
    refused(bent, "signer_mismatch", "a Name of algorithm " + std::to_string(algorithm));
  }
  // Other structures that the same key signs: NV, command audit, session audit, certify, creation,
  // time, NV digest.
  for (const unsigned type : {0x8014u, 0x8015u, 0x8016u, 0x8017u, 0x8019u, 0x801au, 0x801cu}) {
    Bytes bent = attest;
    bent[4] = static_cast<std::uint8_t>(type >> 8);
    bent[5] = static_cast<std::uint8_t>(type);
    judge.refused(fault(bent) == "accepted", "type " + std::to_string(type));
  }
  judge.tally.report(33, "quotes of other banks, hashes, Names and types, signed by the AK");
}

TEST(Family33, ASignatureByAnotherHashIsNone) {
  const Signer signer;
  const AttestationPublic ak = AttestationPublic::parse(signer.public_area()).value();
  PaperTpm tpm;
  Judge judge;
  for (std::uint8_t i = 0; i < 5; ++i) {
    const Bytes attest = tpm.attest_quote(0x10ff, Hash{}, Bytes{i});
    judge.accepted(ak.verify(signer.sign(attest, EVP_sha256())).has_value(), "SHA-256");
    for (const EVP_MD* md : {EVP_sha1(), EVP_sha224(), EVP_sha384(), EVP_sha512(), EVP_sha3_256(),
                             EVP_sha512_256()}) {
      judge.refused(ak.verify(signer.sign(attest, md)).has_value(), EVP_MD_get0_name(md));
    }
    // Over the digest in the place of the bytes: hashed twice, and the other way round.
    const Hash once = hash(attest);
    SignedAttestation twice = signer.sign(Bytes(once.bytes.begin(), once.bytes.end()), EVP_sha256());
    twice.attest = attest;
    judge.refused(ak.verify(twice).has_value(), "hashed twice");
    SignedAttestation bare = signer.sign(attest, EVP_sha256());
    bare.attest.assign(once.bytes.begin(), once.bytes.end());
    judge.refused(ak.verify(bare).has_value(), "the digest for the bytes");
  }
  judge.tally.report(33, "ECDSA over other hashes of an attestation");
}

// RSASSA, RSAPSS, RSAES, ECDAA, SM2, EC-Schnorr, ECDH: nothing but ECDSA by SHA-256 over P-256 is an AK.
TEST(Family33, AKeyOfAnotherAlgorithmIsUnfit) {
  const PaperTpm tpm;
  Judge judge;
  const auto fit = [&](const test::AkTemplate& wanted) {
    return AttestationPublic::parse(tpm.public_area(wanted)).has_value();
  };
  judge.accepted(fit({}), "the twin");
  const auto each = [&](std::uint16_t test::AkTemplate::*field,
                        std::initializer_list<std::uint16_t> values, const char* what) {
    for (const std::uint16_t value : values) {
      test::AkTemplate bent;
      bent.*field = value;
      judge.refused(fit(bent), std::string(what) + ' ' + std::to_string(value));
    }
  };
  each(&test::AkTemplate::type, {0x0001, 0x0008, 0x0025, 0x0000}, "type");
  each(&test::AkTemplate::name_algorithm, {0x0004, 0x000c, 0x000d, 0x0012, 0x0027, 0x0010}, "Name");
  each(&test::AkTemplate::scheme,
       {0x0014, 0x0015, 0x0016, 0x0017, 0x0019, 0x001a, 0x001b, 0x001c, 0x001d, 0x0010}, "scheme");
  each(&test::AkTemplate::scheme_hash, {0x0004, 0x000c, 0x000d, 0x0012, 0x0027, 0x0010}, "its hash");
  each(&test::AkTemplate::curve, {0x0001, 0x0002, 0x0004, 0x0005, 0x0010, 0x0011, 0x0020}, "curve");
  judge.tally.report(33, "attestation keys of other types, schemes, hashes and curves");
}

// A log's key signs notes, a witness's cosignatures: neither passes for the other, of the same bytes.
TEST(Family33, ANoteIsNoCosignatureAndACosignatureNoNote) {
  Judge judge;
  for (std::uint8_t seed = 1; seed <= 20; ++seed) {
    const NoteSigner signer = test::signer_of(seed, "w.example/" + std::to_string(seed));
    const NoteKey key = signer.key(), witness = cosigner_key(signer);
    EXPECT_NE(key.key_hash, witness.key_hash);
    const std::string text = "log.example/a\n7\n";
    Note note = signer.sign(text);
    NoteSignature line = cosign(signer, text, 5);
    judge.accepted(verify_note(note, key).has_value(), "a note");
    judge.accepted(verify_cosignature(text, line, witness).has_value(), "a cosignature");
    // Renamed to the other's key hash, with the bytes that it would need.
    NoteSignature as_cosignature = note.signatures[0];
    as_cosignature.key_hash = witness.key_hash;
    judge.refused(verify_cosignature(text, as_cosignature, witness).has_value(), "too short");
    as_cosignature.signature.insert(as_cosignature.signature.begin(), 8, 0);
    judge.refused(verify_cosignature(text, as_cosignature, witness).has_value(), "at time 0");
    NoteSignature as_note = line;
    as_note.key_hash = key.key_hash;
    note.signatures = {as_note};
    judge.refused(verify_note(note, key).has_value(), "too long");
    note.signatures[0].signature.erase(note.signatures[0].signature.begin(),
                                       note.signatures[0].signature.begin() + 8);
    judge.refused(verify_note(note, key).has_value(), "without its time");
    // A verifier key of the other type, and of ML-DSA-44 (6): another key hash, or none.
    judge.refused(parse_note_key(to_text(key), NoteKeyType::cosignature).has_value(), "type 1 as 4");
    judge.refused(parse_note_key(to_text(witness), NoteKeyType::note).has_value(), "type 4 as 1");
  }
  judge.tally.report(33, "notes as cosignatures, cosignatures as notes, keys of the other type");
}

}  // namespace
}  // namespace stele::attest
