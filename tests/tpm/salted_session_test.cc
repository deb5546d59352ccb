// Goal: a session's salt is encrypted to the very key that was judged, whatever a host answers.
// Method: a real TPM's endorsement key of each template, relayed; a host that shows ESYS another
// key first, with the genuine one's bytes in its modulus; the same host, honest.
#include "tpm/salted_session.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "attest/codec.h"
#include "tests/tpm/provisioned.h"
#include "tpm/endorsement_key.h"
#include "tpm/outside_lock.h"
#include "tpm/relay_tcti.h"

namespace stele::tpm {
namespace {

using attest::Bytes;
using attest::ByteView;

std::uint32_t code_of(ByteView command) {
  attest::Reader reader(command);
  reader.u16();
  reader.u32();
  return reader.u32();
}

// An RSA-4096 key whose modulus holds these bytes. The rest of the modulus is free: a host looks
// for a prime, and then has the private key.
TPMT_PUBLIC key_around(const Bytes& genuine) {
  TPMT_PUBLIC area = find_ek_template(0x01c00002)->area().publicArea;
  area.parameters.rsaDetail.keyBits = 4096;
  TPM2B_PUBLIC_KEY_RSA& modulus = area.unique.rsa;
  modulus = {};
  modulus.size = 512;
  modulus.buffer[0] = 0xc1;
  modulus.buffer[511] = 0x01;
  std::copy(genuine.begin(), genuine.end(), modulus.buffer + 16);
  return area;
}

Bytes read_public_response(const Bytes& area) {
  Bytes name;
  attest::Writer(name).u16(TPM2_ALG_SHA256).bytes(attest::hash(ByteView(area)).bytes);
  Bytes body, out;
  attest::Writer(body).sized16(area).sized16(name).sized16(name);
  attest::Writer(out).u16(TPM2_ST_NO_SESSIONS).u32(static_cast<std::uint32_t>(10 + body.size()));
  attest::Writer(out).u32(TPM2_RC_SUCCESS).bytes(body);
  return out;
}

// A host with a TPM, and one endorsement key loaded in it.
struct Host {
  Host(Device& device, const Credentials& credentials, const EkTemplate& known)
      : tpm(device), key(make_endorsement_key(device, credentials, known)) {
    Esys_TR_GetTpmHandle(device.esys(), key.object.get(), &handle);
    genuine = marshal(key.area);
  }
  Bytes answer(ByteView command) {
    sent.push_back(code_of(command));
    if (sent.back() == TPM2_CC_ReadPublic && lies > 0) {
      --lies;
      return read_public_response(marshal(key_around(genuine)));
    }
    return pass_on(tpm, command);
  }
  bool was_sent(std::uint32_t code) const {
    return std::find(sent.begin(), sent.end(), code) != sent.end();
  }

  Device& tpm;
  Primary key;
  TPM2_HANDLE handle = 0;
  Bytes genuine;
  int lies = 0;
  std::vector<std::uint32_t> sent;
};

TEST(SaltedSession, OnlyTheJudgedKeyGetsTheSaltWhateverItIsWrappedIn) {
  test::Provisioned log;
  for (const EkTemplate& known : ek_templates()) {
    SCOPED_TRACE(known.certificate_index);
    Host host(*log.device, log.credentials(), known);
    const auto judge = [&](ByteView shown) {
      if (!std::ranges::equal(shown, host.genuine)) throw LockRefused("not the key");
    };
    const auto visit = [&] {
      RelayTcti tcti([&](ByteView command) { return host.answer(command); });
      Device auditor(tcti.get());
      SaltedSession session(auditor, host.handle, judge);
      return session.hierarchies();
    };
    host.lies = 1;
    EXPECT_THROW(visit(), LockRefused);
    EXPECT_FALSE(host.was_sent(TPM2_CC_StartAuthSession)) << "a salt went to the host's key";
    // Its honest twin: the TPM opens the salt, or its answer's HMAC would not verify.
    EXPECT_TRUE(visit().endorsement_set);
    EXPECT_TRUE(host.was_sent(TPM2_CC_StartAuthSession));
  }
}

}  // namespace
}  // namespace stele::tpm
