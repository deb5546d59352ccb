#include "tpm/anchor.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/failpoint.h"
#include "tpm/anchor_session.h"
#include "tpm/hierarchies.h"
#include "tpm/templates.h"

namespace stele::tpm {
namespace {

// An index as it is now: its presence, and its bytes if it is written and ours.
struct Found {
  IndexState::Presence presence = IndexState::Presence::missing;
  attest::Bytes bytes;
};

TPM2B_NV_PUBLIC read_public(Device& device, const Object& index) {
  EsysPtr<TPM2B_NV_PUBLIC> area;
  EsysPtr<TPM2B_NAME> name;
  execute(device, "TPM2_NV_ReadPublic", [&] {
    return Esys_NV_ReadPublic(device.esys(), index.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              out(area), out(name));
  });
  return *area;
}

Found read_index(Device& device, std::uint32_t handle, const attest::Name& written_name,
                 const AuthValue& auth, std::uint16_t size_bytes) {
  using Presence = IndexState::Presence;
  Object index = find_object(device, handle);
  if (!index) return {Presence::missing, {}};
  TPM2B_NV_PUBLIC area = read_public(device, index);
  const bool written = (area.nvPublic.attributes & TPMA_NV_WRITTEN) != 0;
  area.nvPublic.attributes |= TPMA_NV_WRITTEN;
  if (name_of(area) != written_name) return {Presence::foreign, {}};
  if (!written) return {Presence::unwritten, {}};
  index.set_auth(auth);
  EsysPtr<TPM2B_MAX_NV_BUFFER> value;
  try {
    execute(device, "TPM2_NV_Read", [&] {
      return Esys_NV_Read(device.esys(), index.get(), index.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                          ESYS_TR_NONE, size_bytes, 0, out(value));
    });
  } catch (const TpmError& error) {
    // The authValue is no part of the Name: somebody defined the index again with another one.
    if (is_wrong_auth(error)) return {Presence::foreign, {}};
    throw;
  }
  return {Presence::written, attest::Bytes(value->buffer, value->buffer + value->size)};
}

}  // namespace

Clock read_clock(Device& device) {
  EsysPtr<TPMS_TIME_INFO> time;
  execute(device, "TPM2_ReadClock", [&] {
    return Esys_ReadClock(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, out(time));
  });
  const TPMS_CLOCK_INFO& info = time->clockInfo;
  return {info.clock, {info.resetCount, info.restartCount}, info.safe == TPM2_YES};
}

IndexState read_indexes(Device& device, const Credentials& credentials) {
  const Found counter = read_index(device, credentials.counter_handle,
                                   credentials.identity.counter_name, credentials.counter_auth, 8);
  const Found extend = read_index(device, credentials.extend_handle,
                                  credentials.identity.extend_name, credentials.extend_auth, 32);
  using Presence = IndexState::Presence;
  if (counter.presence == Presence::missing || extend.presence == Presence::missing) {
    require_owner_enabled(device);
  }
  IndexState state;
  state.counter_presence = counter.presence;
  state.extend_presence = extend.presence;
  state.counter = attest::Reader(counter.bytes).u64();
  state.extend = attest::Reader(extend.bytes).hash();
  return state;
}

void extend_pcr(Device& device, std::uint8_t pcr, const attest::Hash& digest) {
  TPML_DIGEST_VALUES values{};
  values.count = 1;
  values.digests[0].hashAlg = TPM2_ALG_SHA256;
  std::copy(digest.bytes.begin(), digest.bytes.end(), values.digests[0].digest.sha256);
  execute(device, "TPM2_PCR_Extend", [&] {
    return Esys_PCR_Extend(device.esys(), ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                           ESYS_TR_NONE, &values);
  });
}

void extend_index(Device& device, const Credentials& credentials, const attest::Hash& digest) {
  AnchorSession(device, credentials).extend(digest);
}

attest::Receipt full_anchor(Device& device, const Credentials& credentials,
                            const attest::Statement& statement) {
  ENSURE(!statement.is_quote());
  attest::Receipt receipt;
  receipt.kind = attest::ReceiptKind::full;
  receipt.digest = attest::statement_digest(attest::encode(statement));
  {
    AnchorSession session(device, credentials);
    session.increment();  // the point of no return: this value of C is spent
    FAILPOINT("anchor.A3");
    session.extend(receipt.digest);
    FAILPOINT("anchor.A4");
    session.read();
    FAILPOINT("anchor.A5");
    receipt.audit = session.sign(receipt.digest);
  }
  receipt.quote = quote(device, credentials, receipt.digest);
  FAILPOINT("anchor.A6");
  return receipt;
}

attest::Receipt read_back(Device& device, const Credentials& credentials,
                          const attest::Hash& digest, const attest::Hash& extra_data,
                          bool with_quote) {
  attest::Receipt receipt;
  receipt.kind = attest::ReceiptKind::read_back;
  receipt.digest = digest;
  {
    AnchorSession session(device, credentials);
    session.read();
    receipt.audit = session.sign(extra_data);
  }
  if (with_quote) receipt.quote = quote(device, credentials, digest);
  return receipt;
}

void answer(Device& device, const Credentials& credentials, attest::Answer& answer) {
  const attest::Hash extra_data = attest::answer_extra_data(answer);
  {
    AnchorSession session(device, credentials);
    session.read();
    answer.audit = session.sign(extra_data);
  }
  answer.quote = quote(device, credentials, extra_data);
}

}  // namespace stele::tpm
