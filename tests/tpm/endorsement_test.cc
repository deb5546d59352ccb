// Goal: what a TPM holds of its maker is found, its endorsement keys are those of the TCG's
// templates, and a credential opens in the TPM with both keys and nowhere else. Method: swtpm with
// certificates, chains, nonces and templates put into NV as a maker does; tpm2-tools as another
// hand at keys and credentials, both ways.
#include "tpm/endorsement.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "attest/codec.h"
#include "attest/identity/credential.h"
#include "tests/support/ek_vendor.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/tpm/provisioned.h"

namespace stele::tpm {
namespace {

using attest::Bytes;
using attest::EndorsementPublic;

constexpr std::uint32_t kCertificates[] = {0x01c0000a, 0x01c00014, 0x01c00016, 0x01c00002,
                                           0x01c00012};

// A provisioned TPM, and a maker's hands: tpm2-tools while our own connection is closed.
struct Chip {
  Chip() { log.device.reset(); }

  void tool(const std::string& command) {
    const std::string line = "cd " + scratch.path().string() +
                             " && TPM2TOOLS_TCTI=" + log.swtpm.tcti() + " tpm2_" + command +
                             " > log 2>&1";
    ASSERT_EQ(std::system(line.c_str()), 0) << command << '\n' << test::read_file(scratch / "log");
  }
  void put(std::uint32_t index, const Bytes& bytes) {
    std::ofstream(scratch / "nv", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    char handle[16];
    std::snprintf(handle, sizeof handle, "0x%08x", index);
    tool(std::string("nvdefine ") + handle + " -C p -s " + std::to_string(bytes.size()) +
         " -a 'ppwrite|ppread|ownerread|authread|no_da|platformcreate'");
    tool(std::string("nvwrite ") + handle + " -C p -i nv");
  }
  template <class Work>
  auto with_device(Work work) {
    Device device(log.swtpm.tcti());
    return work(device);
  }
  attest::EndorsementEvidence read(std::uint32_t certificate) {
    return with_device(
        [&](Device& d) { return read_endorsement(d, log.credentials(), certificate); });
  }
  Activation activate(std::uint32_t certificate, const attest::Credential& credential) {
    return with_device([&](Device& d) {
      return activate_credential(d, log.credentials(), certificate, credential);
    });
  }
  std::string endorsement_auth() const {
    return "hex:" + attest::to_hex(log.credentials().endorsement_auth);
  }
  std::string file(const std::string& name) { return test::read_file(scratch / name); }

  test::Provisioned log;
  test::Scratch scratch;
};

attest::CredentialRandom random_of(std::uint8_t seed) {
  attest::CredentialRandom random;
  for (std::size_t i = 0; i < random.size(); ++i) {
    random[i] = static_cast<std::uint8_t>(seed + 37 * i);
  }
  return random;
}

TEST(Endorsement, EveryTemplatesKeyOpensWhatWasMadeForItAndNothingElse) {
  Chip chip;
  test::EkVendor vendor;
  const Bytes der = vendor.issue();
  for (const std::uint32_t index : kCertificates) chip.put(index, der);
  const attest::Name name = chip.log.identity().ak.name();
  attest::Name other_name = name;
  other_name[33] ^= 1;
  const Bytes secret(32, 0x5e);
  std::optional<attest::Credential> others;
  for (const std::uint32_t index : kCertificates) {
    const auto evidence = chip.read(index);
    EXPECT_EQ(evidence.certificate, index);
    EXPECT_EQ(evidence.certificates.size(), std::size(kCertificates));
    EXPECT_EQ(evidence.certificates[0].der, der);
    const auto ek = EndorsementPublic::parse(evidence.ek);
    ASSERT_TRUE(ek.has_value()) << std::hex << index << ' ' << ek.error().detail;
    const auto credential = make_credential(*ek, name, secret, random_of(3));
    const Activation opened = chip.activate(index, credential);
    EXPECT_EQ(opened.secret, secret) << std::hex << index << ' ' << opened.refusal;
    const Activation of_another_ak =
        chip.activate(index, make_credential(*ek, other_name, secret, random_of(4)));
    EXPECT_FALSE(of_another_ak.secret.has_value());
    EXPECT_NE(of_another_ak.refusal.find("refuses the credential"), std::string::npos);
    if (others) {
      EXPECT_FALSE(chip.activate(index, *others).secret.has_value()) << "another key's";
    }
    others = credential;
  }
  EXPECT_FALSE(chip.activate(0x01c00099, *others).secret.has_value());
  EXPECT_FALSE(chip.activate(kCertificates[0], {Bytes(600, 1), Bytes(600, 1)}).secret.has_value());
  EXPECT_EQ(chip.read(0).certificate, kCertificates[0]) << "the host's own choice";
  EXPECT_EQ(chip.read(0x01c00099).certificate, 0u);
  EXPECT_TRUE(chip.read(0x01c00099).ek.empty());
  // Refusals leave nothing behind, and the log's own objects untouched.
  const IndexState state =
      chip.with_device([&](Device& d) { return read_indexes(d, chip.log.credentials()); });
  EXPECT_EQ(state.counter_presence, IndexState::Presence::written);
}

TEST(Endorsement, ASecondTpmOpensNothingThatWasMadeForTheFirst) {
  Chip chip, second;
  test::EkVendor vendor;
  const Bytes der = vendor.issue();
  for (const std::uint32_t index : {kCertificates[0], kCertificates[3]}) {
    chip.put(index, der);
    second.put(index, der);
    const auto ek = EndorsementPublic::parse(chip.read(index).ek);
    ASSERT_TRUE(ek.has_value());
    const auto credential =
        make_credential(*ek, second.log.identity().ak.name(), Bytes(32, 7), random_of(9));
    const Activation refused = second.activate(index, credential);
    EXPECT_FALSE(refused.secret.has_value());
    EXPECT_FALSE(refused.refusal.empty());
  }
}

TEST(Endorsement, KeysAndCredentialsAgreeWithTpm2Tools) {
  Chip chip;
  test::EkVendor vendor;
  chip.put(0x01c0000a, vendor.issue());
  chip.put(0x01c00002, vendor.issue());
  const std::pair<std::uint32_t, const char*> kinds[] = {{0x01c0000a, "ecc"}, {0x01c00002, "rsa"}};
  for (const auto& [index, kind] : kinds) {
    const auto ek = EndorsementPublic::parse(chip.read(index).ek);
    ASSERT_TRUE(ek.has_value());
    chip.tool(std::string("createek -c ek.ctx -u ek.pub -G ") + kind + " -P " +
              chip.endorsement_auth());
    chip.tool("flushcontext -t");  // a key made stays, where there is no resource manager
    const std::string theirs = chip.file("ek.pub");  // TPM2B_PUBLIC
    EXPECT_EQ(theirs.substr(2), std::string(ek->encoded().begin(), ek->encoded().end())) << kind;

    // Theirs, opened by us: "BADCC0DE", version, then both halves with their sizes.
    std::ofstream(chip.scratch / "secret") << "a secret of theirs";
    chip.tool("makecredential -u ek.pub -s secret -n " +
              attest::to_hex(chip.log.identity().ak.name()) + " -o theirs");
    const std::string made = chip.file("theirs");
    attest::Reader reader(attest::view(made));
    reader.bytes(8);
    const auto id_object = reader.sized16(), encrypted = reader.sized16();
    ASSERT_TRUE(reader.done());
    const Activation opened = chip.activate(index, {Bytes(id_object.begin(), id_object.end()),
                                                    Bytes(encrypted.begin(), encrypted.end())});
    ASSERT_TRUE(opened.secret.has_value()) << kind << ' ' << opened.refusal;
    EXPECT_EQ(std::string(opened.secret->begin(), opened.secret->end()), "a secret of theirs");

    // Ours, opened by them.
    const auto credential =
        make_credential(*ek, chip.log.identity().ak.name(), Bytes(32, 0x42), random_of(1));
    Bytes ours{0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1};
    attest::Writer(ours).sized16(credential.id_object).sized16(credential.encrypted_secret);
    std::ofstream(chip.scratch / "ours", std::ios::binary)
        .write(reinterpret_cast<const char*>(ours.data()),
               static_cast<std::streamsize>(ours.size()));
    chip.tool("flushcontext -t");
    chip.tool("startauthsession --policy-session -S session");
    chip.tool("policysecret -S session -c e " + chip.endorsement_auth());
    chip.tool("activatecredential -c 0x81005354 -p hex:" +
              attest::to_hex(chip.log.credentials().ak_auth) +
              " -C ek.ctx -P session:session -i ours -o opened");
    EXPECT_EQ(chip.file("opened"), std::string(32, 0x42)) << kind;
    chip.tool("flushcontext session");
    chip.tool("flushcontext -t");
  }
}

TEST(Endorsement, TheMakersNonceAndTemplateAreUsed) {
  Chip chip;
  test::EkVendor vendor;
  chip.put(0x01c0000a, vendor.issue());
  const Bytes plain = chip.read(0).ek;
  chip.put(0x01c0000b, Bytes(32, 0x11));
  const Bytes with_nonce = chip.read(0).ek;
  EXPECT_NE(with_nonce, plain);
  EXPECT_TRUE(EndorsementPublic::parse(with_nonce).has_value());
  // A template under which the policy guards nothing: made as the maker says, refused by who
  // judges.
  Bytes loose = plain;
  loose[7] = 0x72;  // userWithAuth in the place of adminWithPolicy
  chip.put(0x01c0000c, loose);
  const auto refused = EndorsementPublic::parse(chip.read(0).ek);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().fault, attest::Fault::ek_unfit);
}

TEST(Endorsement, ATemplateThatTheTpmRefusesLeavesNoKeyAndDoesNoHarm) {
  Chip chip;
  test::EkVendor vendor;
  chip.put(0x01c0000a, vendor.issue());
  Bytes wrong = chip.read(0).ek;
  wrong[5] = 0x02;  // not restricted, which goes with no symmetric algorithm only
  chip.put(0x01c0000c, wrong);
  const auto evidence = chip.read(0);
  EXPECT_EQ(evidence.certificates.size(), 1u);
  EXPECT_EQ(evidence.certificate, 0u);
  EXPECT_TRUE(evidence.ek.empty());
  EXPECT_FALSE(chip.activate(0x01c0000a, {Bytes(66, 1), Bytes(68, 1)}).secret.has_value());
  // Another certificate's key does, unless only the first is asked for.
  chip.put(0x01c00002, vendor.issue());
  EXPECT_EQ(chip.read(0).certificate, 0x01c00002u);
  EXPECT_FALSE(chip.read(0).ek.empty());
  EXPECT_TRUE(chip.read(0x01c0000a).ek.empty());
}

TEST(Endorsement, AChainLaidOverSeveralIndexesIsReadWhole) {
  Chip chip;
  test::EkVendor vendor;
  chip.put(0x01c0000a, vendor.issue());
  Bytes chain = vendor.intermediate_der();
  const Bytes root = vendor.root_der();
  chain.insert(chain.end(), root.begin(), root.end());
  const auto middle = chain.begin() + 300;
  chip.put(0x01c00100, {chain.begin(), middle});
  Bytes rest(middle, chain.end());
  rest.resize(rest.size() + 40, 0xff);  // as an index larger than what it holds
  chip.put(0x01c00101, rest);
  const auto evidence = chip.read(0);
  ASSERT_EQ(evidence.intermediates.size(), 2u);
  EXPECT_EQ(evidence.intermediates[0], vendor.intermediate_der());
  EXPECT_EQ(evidence.intermediates[1], root);
}

TEST(Endorsement, ATpmWithoutCertificatesHasNothingToShow) {
  Chip chip;
  const auto evidence = chip.read(0);
  EXPECT_EQ(evidence, attest::EndorsementEvidence{});
}

}  // namespace
}  // namespace stele::tpm
