// Goal: the messages of an enrolment are read or refused, and of what a host says only that is
// pinned which its TPM signed under a maker's certificate. Method: a TPM on paper with a maker's
// certificate for its endorsement key; a whole identity, then each of its parts exchanged alone.
#include "attest/identity/enrolment_appraisal.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "attest/codec.h"
#include "attest/identity/claimed_intervals.h"
#include "tests/support/ek_vendor.h"
#include "tests/support/examples.h"
#include "tests/support/paper_tpm.h"

namespace stele::attest {
namespace {

using test::filled;
using test::PaperTpm;

constexpr std::int64_t kNow = 1'795'000'000;  // November 2026
constexpr std::uint32_t kHandle = 0x01c0000a;

// The public area of template L-2 with the P-256 point of a certificate's key.
Bytes ek_of(const Bytes& der) {
  const Bytes head = *from_hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004");
  const auto found = std::search(der.begin(), der.end(), head.begin(), head.end());
  EXPECT_NE(found, der.end());
  const Bytes point(found + static_cast<std::ptrdiff_t>(head.size()),
                    found + static_cast<std::ptrdiff_t>(head.size() + 64));
  Bytes area = test::example_ek();
  area.resize(area.size() - 68);
  Writer(area).sized16(ByteView(point).first(32)).sized16(ByteView(point).last(32));
  return area;
}

struct Maker {
  test::EkVendor vendor{"Maker"};
  Bytes certificate = vendor.issue();
  Bytes other_certificate = vendor.issue();
  Bytes simulator =
      vendor.issue({.manufacturer = "id:00001014", .model = "swtpm", .version = "id:20191023"});
  PinnedRoots roots;
  Maker() { EXPECT_TRUE(roots.add(vendor.root_der()).has_value()); }
};
Maker& maker() {
  static Maker made;
  return made;
}

// A host whose every word is true, taken apart into what it sends.
struct Host {
  PaperTpm tpm;
  Genesis genesis = test::example_genesis();
  HostIdentity identity;
  Hash nonce = filled(0x66);
  bool allow_simulator = false;

  explicit Host(PaperTpm made = PaperTpm()) : tpm(std::move(made)) {
    genesis.ak_name = tpm.identity().ak.name();
    genesis.counter_name = tpm.identity().counter_name;
    genesis.extend_name = tpm.identity().extend_name;
    identity.endorsement = {kHandle,
                            {{kHandle, maker().certificate}},
                            {maker().vendor.intermediate_der()},
                            ek_of(maker().certificate)};
    identity.indexes = {0x01805354, 0x01805355};
    identity.genesis = encode(genesis);
    tpm.provision(identity.genesis, 41);
    identity.ak = tpm.public_area();
    identity.genesis_receipt = encode(tpm.genesis_receipt(identity.genesis));
    tpm.increment();
    tpm.increment();
    answer([](Answer&) {});
    claim([](TrustFile&) {});
  }
  void answer(const std::function<void(Answer&)>& change) {
    Answer answer;
    answer.nonce = nonce;
    answer.log_id = log_id(identity.genesis);
    answer.seq = 2;
    answer.tree_size = 17;
    change(answer);
    tpm.answer(answer);
    identity.answer = encode(answer);
  }
  void claim(const std::function<void(TrustFile&)>& change) {
    TrustFile trust = test::example_trust();
    trust.log_id = log_id(identity.genesis);
    change(trust);
    identity.trust = to_text(trust);
  }
  Result<EnrolledHost> appraise() const {
    return appraise_identity(identity, {maker().roots, kNow, nonce, allow_simulator});
  }
  std::optional<Fault> fault() const {
    const auto host = appraise();
    if (host) return std::nullopt;
    EXPECT_FALSE(host.error().detail.empty());
    return host.error().fault;
  }
};

TEST(Enrolment, WhatTheTpmSignedIsPinnedAndTheMakersWordsForIt) {
  const Host host;
  const auto enrolled = host.appraise();
  ASSERT_TRUE(enrolled.has_value()) << enrolled.error().detail;
  const TrustFile& trust = enrolled->trust;
  EXPECT_EQ(trust.origin, host.genesis.origin);
  EXPECT_EQ(trust.log_id, log_id(host.identity.genesis));
  EXPECT_EQ(trust.mode, Mode::a);
  EXPECT_EQ(trust.ak, host.identity.ak);
  EXPECT_EQ(trust.counter_name, host.tpm.identity().counter_name);
  EXPECT_EQ(trust.extend_name, host.tpm.identity().extend_name);
  EXPECT_EQ(trust.first_counter, 41u);
  EXPECT_EQ(trust.first_extend, first_extend(host.identity.genesis));
  EXPECT_EQ(trust.base_firmware, host.tpm.firmware);
  EXPECT_EQ(trust.base_reset, host.tpm.run.reset);
  EXPECT_EQ(trust.tpm_kind, TpmKind::discrete);
  EXPECT_EQ(trust.tpm_manufacturer, "IFX");
  EXPECT_EQ(trust.tpm_model, "SLB9672");
  EXPECT_EQ(enrolled->anchors, 2u);
  EXPECT_EQ(enrolled->tree_size, 17u);
  EXPECT_TRUE(enrolled->bounded.empty());
  EXPECT_EQ(*parse_trust(to_text(trust)), trust);
}

TEST(Enrolment, ADeviceThatLiesAboutItsMakerIsNotAsked) {
  Host host;
  host.claim([](TrustFile& trust) {
    trust.tpm_kind = TpmKind::virtual_;
    trust.tpm_manufacturer = "nobody";
    trust.base_firmware = 1;
    trust.first_counter = 0;
  });
  const auto enrolled = host.appraise();
  ASSERT_TRUE(enrolled.has_value());
  EXPECT_EQ(enrolled->trust.tpm_manufacturer, "IFX");
  EXPECT_EQ(enrolled->trust.first_counter, 41u);
}

TEST(Enrolment, ClaimsBeyondTheBoundsAreCutAndSaid) {
  Host host;
  host.claim([](TrustFile& trust) {
    trust.quote_interval_ms = 86'400'000;
    trust.max_quote_gap = 10'000;
    trust.heartbeat_s = 31'622'400;
    trust.slack_ms = trust.clock_update_ms = 86'400'000;
  });
  const auto enrolled = host.appraise();
  ASSERT_TRUE(enrolled.has_value());
  EXPECT_EQ(enrolled->bounded.size(), 5u);
  EXPECT_EQ(enrolled->trust.quote_interval_ms, kMaxClaimedQuoteMs);
  EXPECT_EQ(enrolled->trust.max_quote_gap, kMaxClaimedQuoteGap);
  EXPECT_EQ(enrolled->trust.heartbeat_s, kMaxClaimedHeartbeatS);
  EXPECT_EQ(enrolled->trust.slack_ms, kMaxClaimedSlackMs);
  EXPECT_EQ(enrolled->trust.clock_update_ms, kMaxClaimedClockMs);
}

TEST(Enrolment, AnotherEndorsementThanTheCertificatesIsRefused) {
  Host host;
  host.identity.endorsement.ek = ek_of(maker().other_certificate);
  EXPECT_EQ(host.fault(), Fault::ek_mismatch);
  host = Host();
  host.identity.endorsement.certificate = kHandle + 1;
  EXPECT_EQ(host.fault(), Fault::ek_mismatch);
  host = Host();
  host.identity.endorsement.ek[7] = 0x32;  // without adminWithPolicy
  EXPECT_EQ(host.fault(), Fault::ek_unfit);
  host = Host();
  host.identity.endorsement.intermediates.clear();
  EXPECT_EQ(host.fault(), Fault::ek_certificate_foreign);
}

TEST(Enrolment, ASimulatorIsBelievedOnlyWhenAskedFor) {
  Host host;
  host.identity.endorsement.certificates[0].der = maker().simulator;
  host.identity.endorsement.ek = ek_of(maker().simulator);
  EXPECT_EQ(host.fault(), Fault::simulator_refused);
  host.allow_simulator = true;
  ASSERT_EQ(host.fault(), std::nullopt);
  EXPECT_EQ(host.appraise()->trust.tpm_kind, TpmKind::simulator);
  EXPECT_EQ(host.appraise()->trust.tpm_manufacturer, "id:00001014");
}

// Attack 16.
TEST(Enrolment, AnAttestationKeyThatIsNotRestrictedFixedOrOfThisCurveIsRefused) {
  const std::pair<const char*, test::AkTemplate> keys[] = {
      {"not restricted", {.attributes = 0x00040472}},
      {"not fixedTPM", {.attributes = 0x00050470}},
      {"not fixedParent", {.attributes = 0x00050462}},
      {"imported", {.attributes = 0x00050452}},
      {"not noDA", {.attributes = 0x00050072}},
      {"it decrypts", {.attributes = 0x00070472}},
      {"RSA", {.type = 0x0001}},
      {"SHA-384", {.name_algorithm = 0x000c}},
      {"another scheme", {.scheme = 0x001a}},
      {"SHA-1", {.scheme_hash = 0x0004}},
      {"another curve", {.curve = 0x0004}}};
  for (const auto& [what, key] : keys) {
    Host host;
    host.identity.ak = host.tpm.public_area(key);
    EXPECT_EQ(host.fault(), Fault::ak_unfit) << what;
  }
}

// An ordinary index has a Name and can be read like C and E; but root sets it back at will.
TEST(Enrolment, AnIndexThatIsNoCounterOrNoExtendIndexIsRefusedWhateverTheTpmSigned) {
  const auto named = [](std::uint32_t handle, std::uint32_t attributes, std::uint16_t size) {
    Bytes area;
    Writer(area).u32(handle).u16(0x000b).u32(attributes).u16(0).u16(size);
    return make_name(area);
  };
  const Name counter = PaperTpm().identity().counter_name;
  const Name extend = PaperTpm().identity().extend_name;
  const std::pair<const char*, std::pair<Name, Name>> bent[] = {
      {"C ordinary", {named(0x01805354, 0x22060004, 8), extend}},
      {"E ordinary", {counter, named(0x01805355, 0x22060004, 32)}},
      {"C a bit field", {named(0x01805354, 0x22060024, 8), extend}},
      {"C orderly", {named(0x01805354, 0x26060014, 8), extend}},
      {"C owner's to write", {named(0x01805354, 0x22060016, 8), extend}},
      {"E cleared at a reset", {counter, named(0x01805355, 0xa2060044, 32)}},
      {"exchanged", {extend, counter}}};
  for (const auto& [what, names] : bent) {
    PaperTpm tpm;
    tpm.name_indexes(names.first, names.second);
    EXPECT_EQ(Host(tpm).fault(), Fault::index_unfit) << what;
  }
  Host elsewhere;
  elsewhere.identity.indexes.counter = 0x01805360;
  EXPECT_EQ(elsewhere.fault(), Fault::index_unfit) << "the Name is of another place";
  PaperTpm tpm;
  tpm.name_indexes(named(0x01800001, 0x22060014, 8), named(0x01800002, 0x22060044, 32));
  Host moved(tpm);
  moved.identity.indexes = {0x01800001, 0x01800002};
  EXPECT_EQ(moved.fault(), std::nullopt) << "at other handles they are as good";
}

// Attack 16: such a key survives TPM2_Clear with all counts back at zero.
TEST(Enrolment, AnAttestationKeyOfTheEndorsementHierarchyIsRefused) {
  Host host;
  Receipt receipt = host.tpm.genesis_receipt(host.identity.genesis);
  Bytes attest = receipt.audit->signed_attestation.attest;
  Bytes parent_and_name = *from_hex("4000000b");
  Writer(parent_and_name).bytes(host.tpm.identity().ak.name());
  const Name signer = make_name(parent_and_name);
  std::copy(signer.begin(), signer.end(), attest.begin() + 8);  // magic, type, its size
  receipt.audit->signed_attestation = host.tpm.sign(attest);
  host.identity.genesis_receipt = encode(receipt);
  EXPECT_EQ(host.fault(), Fault::signer_mismatch);
}

TEST(Enrolment, AReceiptOrAnAnswerOfAnotherLogKeyOrTimeIsRefused) {
  Host host;
  const Host other;
  host.identity.genesis_receipt = other.identity.genesis_receipt;
  EXPECT_EQ(host.fault(), Fault::receipt_unexpected);
  PaperTpm another;
  another.provision(host.identity.genesis, 41);
  host.identity.genesis_receipt = encode(another.genesis_receipt(host.identity.genesis));
  EXPECT_EQ(host.fault(), Fault::signer_mismatch) << "another TPM signed it";
  host = Host();
  host.identity.ak = other.identity.ak;
  EXPECT_EQ(host.fault(), Fault::genesis_mismatch);
  host = Host();
  host.genesis.origin = "other.example";
  host.identity.genesis = encode(host.genesis);
  EXPECT_EQ(host.fault(), Fault::receipt_unexpected) << "the receipt is for another genesis";
  host = Host();
  host.nonce = filled(0x67);
  EXPECT_EQ(host.fault(), Fault::nonce_mismatch) << "replayed";
  host = Host();
  host.answer([](Answer& answer) { answer.log_id = filled(1); });
  EXPECT_EQ(host.fault(), Fault::answer_mismatch);
  host = Host();
  host.answer([](Answer& answer) { answer.seq = 3; });
  EXPECT_EQ(host.fault(), Fault::answer_mismatch) << "C shows fewer steps";
  host = Host();
  host.tpm.counter = 40;
  host.answer([](Answer& answer) { answer.seq = ~std::uint64_t{0}; });
  EXPECT_EQ(host.fault(), Fault::answer_mismatch) << "C lies below its first value";
  host = Host();
  host.identity.answer = other.identity.answer;
  EXPECT_EQ(host.fault(), Fault::answer_mismatch);
  host = Host();
  host.identity.genesis_receipt = encode(host.tpm.quote_receipt(filled(1)));
  EXPECT_EQ(host.fault(), Fault::receipt_unexpected);
}

TEST(Enrolment, BeforeTheFirstAnchorEIsWhatTheGenesisMadeIt) {
  Host host;
  host.tpm.counter = 41;
  host.answer([](Answer& answer) { answer.seq = 0; });
  EXPECT_EQ(host.fault(), std::nullopt);
  host.tpm.extend_index(filled(1));
  host.answer([](Answer& answer) { answer.seq = 0; });
  EXPECT_EQ(host.fault(), Fault::answer_mismatch) << "somebody extended it meanwhile";
  host.tpm.increment();
  host.answer([](Answer& answer) { answer.seq = 1; });
  EXPECT_EQ(host.fault(), std::nullopt) << "what the anchors made of it, the log shows";
}

TEST(Enrolment, ATrustFileOfAnotherLogIsNoClaimOfThisOne) {
  Host host;
  host.claim([](TrustFile& trust) { trust.log_id = filled(9); });
  EXPECT_EQ(host.fault(), Fault::trust_malformed);
  host.claim([](TrustFile& trust) { trust.origin = "other.example"; });
  EXPECT_EQ(host.fault(), Fault::trust_malformed);
  host.identity.trust.clear();
  EXPECT_EQ(host.fault(), Fault::trust_malformed);
}

TEST(Enrolment, OfSeveralCertificatesOneThatIsPinnedIsFound) {
  EndorsementEvidence evidence;
  const EnrolmentRules rules{maker().roots, kNow, {}, false};
  EXPECT_EQ(verify_any_certificate(evidence, rules).error().fault, Fault::ek_certificate_foreign);
  evidence.intermediates = {maker().vendor.intermediate_der()};
  evidence.certificates = {{1, Bytes{1, 2}}, {2, maker().simulator}};
  EXPECT_EQ(verify_any_certificate(evidence, rules).error().fault, Fault::simulator_refused)
      << "the most promising one says why";
  evidence.certificates.push_back({3, maker().certificate});
  ASSERT_TRUE(verify_any_certificate(evidence, rules).has_value());
  EXPECT_EQ(*verify_any_certificate(evidence, rules), 3u);
  evidence.certificates.push_back({4, maker().other_certificate});
  for (const auto& [shown, asked] : {std::pair(3u, 3u), {4u, 4u}, {0u, 3u}, {1u, 3u}, {2u, 3u}, {9u, 3u}}) {
    evidence.certificate = shown;
    EXPECT_EQ(*verify_any_certificate(evidence, rules), asked) << "the host shows the key of " << shown;
  }
}

TEST(EnrolmentMessages, AreReadAsWrittenAndEveryOtherLengthRefused) {
  const Bytes messages[] = {
      encode(test::example_identity_request()),
      encode(EnrolmentRequest(ActivationRequest{7, {Bytes(66, 1), Bytes(68, 2)}}))};
  for (const Bytes& bytes : messages) {
    const auto request = decode_enrolment_request(bytes);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(encode(*request), bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_enrolment_request(ByteView(bytes).first(size)).has_value());
    }
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_EQ(decode_enrolment_request(longer).error().fault, Fault::trailing_bytes);
    Bytes other = bytes;
    other[9] = 2;
    EXPECT_EQ(decode_enrolment_request(other).error().fault, Fault::version_unknown);
    other = bytes;
    other[10] = 3;
    EXPECT_EQ(decode_enrolment_request(other).error().fault, Fault::value_out_of_range);
  }
  const Bytes long_half =
      encode(EnrolmentRequest(ActivationRequest{7, {Bytes(513, 1), Bytes(68, 2)}}));
  EXPECT_EQ(decode_enrolment_request(long_half).error().fault, Fault::value_out_of_range);
  const Bytes identity = encode(Host().identity);
  ASSERT_TRUE(decode_host_identity(identity).has_value());
  EXPECT_EQ(encode(*decode_host_identity(identity)), identity);
  for (std::size_t size = 0; size < identity.size(); ++size) {
    EXPECT_FALSE(decode_host_identity(ByteView(identity).first(size)).has_value());
  }
  Bytes many = identity;
  many[22] = 17;
  EXPECT_EQ(decode_host_identity(many).error().fault, Fault::value_out_of_range);
}

}  // namespace
}  // namespace stele::attest
