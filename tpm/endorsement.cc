#include "tpm/endorsement.h"

#include <tss2/tss2_mu.h>

#include <algorithm>

#include "attest/identity/ek_certificate.h"
#include "tpm/anchor_session.h"
#include "tpm/ek_templates.h"
#include "tpm/endorsement_key.h"
#include "tpm/hierarchies.h"

namespace stele::tpm {
namespace {

// What every TPM can give in one TPM2_NV_Read (PC Client Platform TPM Profile: at least this).
constexpr std::uint16_t kReadBytes = 512;
constexpr TPM2_HANDLE kFirstChainIndex = 0x01c00100, kLastChainIndex = 0x01c001ff;

// An index that anybody may read; nothing if there is none such.
std::optional<attest::Bytes> read_nv(Device& device, TPM2_HANDLE handle) {
  const Object index = find_object(device, handle);
  if (!index) return std::nullopt;
  EsysPtr<TPM2B_NV_PUBLIC> area;
  EsysPtr<TPM2B_NAME> name;
  execute(device, "TPM2_NV_ReadPublic", [&] {
    return Esys_NV_ReadPublic(device.esys(), index.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              out(area), out(name));
  });
  constexpr TPMA_NV kReadable = TPMA_NV_AUTHREAD | TPMA_NV_WRITTEN;
  if ((area->nvPublic.attributes & kReadable) != kReadable ||
      area->nvPublic.dataSize > attest::kMaxCertificateBytes) {
    return std::nullopt;
  }
  attest::Bytes bytes;
  try {
    while (bytes.size() < area->nvPublic.dataSize) {
      const auto at = static_cast<std::uint16_t>(bytes.size());
      const auto size = std::min<std::uint16_t>(
          kReadBytes, static_cast<std::uint16_t>(area->nvPublic.dataSize - at));
      EsysPtr<TPM2B_MAX_NV_BUFFER> value;
      execute(device, "TPM2_NV_Read", [&] {
        return Esys_NV_Read(device.esys(), index.get(), index.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                            ESYS_TR_NONE, size, at, out(value));
      });
      if (value->size != size) throw TpmError(TSS2_ESYS_RC_MALFORMED_RESPONSE, "TPM2_NV_Read");
      bytes.insert(bytes.end(), value->buffer, value->buffer + value->size);
    }
  } catch (const TpmError& error) {
    if (error.kind() == TpmError::Kind::refused) return std::nullopt;  // it has an authValue
    throw;
  }
  return bytes;
}

std::vector<TPM2_HANDLE> chain_indexes(Device& device) {
  EsysPtr<TPMS_CAPABILITY_DATA> found;
  execute(device, "TPM2_GetCapability", [&] {
    return Esys_GetCapability(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              TPM2_CAP_HANDLES, kFirstChainIndex, TPM2_MAX_CAP_HANDLES, nullptr,
                              out(found));
  });
  const TPML_HANDLE& list = found->data.handles;
  std::vector<TPM2_HANDLE> indexes(list.handle, list.handle + list.count);
  std::erase_if(indexes, [](TPM2_HANDLE h) { return h < kFirstChainIndex || h > kLastChainIndex; });
  return indexes;
}

// A chain is one string of certificates, laid over as many indexes as it needs.
std::vector<attest::Bytes> read_chain(Device& device) {
  attest::Bytes bytes;
  for (const TPM2_HANDLE handle : chain_indexes(device)) {
    const auto part = read_nv(device, handle);
    if (!part) break;
    bytes.insert(bytes.end(), part->begin(), part->end());
  }
  std::vector<attest::Bytes> chain = attest::split_certificates(bytes);
  chain.resize(std::min(chain.size(), attest::kMaxIntermediates));
  return chain;
}

// The template of a certificate: the maker's own where it left one in NV, with its nonce.
TPM2B_PUBLIC template_for(Device& device, const EkTemplate& known) {
  TPM2B_PUBLIC area = known.area();
  if (known.template_index != 0) {
    if (const auto bytes = read_nv(device, known.template_index)) {
      std::size_t at = 0;
      TPMT_PUBLIC own{};
      if (Tss2_MU_TPMT_PUBLIC_Unmarshal(bytes->data(), bytes->size(), &at, &own) ==
          TSS2_RC_SUCCESS) {
        area.publicArea = own;
      }
    }
  }
  if (known.nonce_index != 0) {
    if (const auto nonce = read_nv(device, known.nonce_index)) put_nonce(area, *nonce);
  }
  return area;
}

// Whether the TPM refuses what it was given, and goes on: a credential (0x1DF: for another AK;
// 0x101 on libtpms 0.9, or TPM_RC_VALUE: for another TPM's key), or a template that somebody left
// in NV.
bool refuses_input(const TpmError& error) {
  switch (error.kind()) {
    case TpmError::Kind::busy:
    case TpmError::Kind::lost_device:
    case TpmError::Kind::was_reset:
    case TpmError::Kind::full:
      return false;
    default:
      return true;
  }
}

}  // namespace

Primary make_endorsement_key(Device& device, const Credentials& credentials,
                             const EkTemplate& known) {
  use_auth(device, ESYS_TR_RH_ENDORSEMENT, true, credentials.endorsement_auth);
  return create_primary(device, ESYS_TR_RH_ENDORSEMENT, template_for(device, known));
}

namespace {

// A session that satisfies the key's policy: the endorsement hierarchy's authValue, and where the
// policy leaves a choice of that or another, the choice.
Object start_policy(Device& device, const TPMT_PUBLIC& key) {
  const TPMT_SYM_DEF no_encryption{.algorithm = TPM2_ALG_NULL, .keyBits = {}, .mode = {}};
  ESYS_TR reference = ESYS_TR_NONE;
  execute(device, "TPM2_StartAuthSession", [&] {
    return Esys_StartAuthSession(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                 ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_POLICY,
                                 &no_encryption, key.nameAlg, &reference);
  });
  Object session(device, reference, Object::End::flush);
  execute(device, "TPM2_PolicySecret", [&] {
    return Esys_PolicySecret(device.esys(), ESYS_TR_RH_ENDORSEMENT, session.get(), ESYS_TR_PASSWORD,
                             ESYS_TR_NONE, ESYS_TR_NONE, nullptr, nullptr, nullptr, 0, nullptr,
                             nullptr);
  });
  if (const auto choice = policy_choice(key.authPolicy)) {
    execute(device, "TPM2_PolicyOR", [&] {
      return Esys_PolicyOR(device.esys(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                           &*choice);
    });
  }
  return session;
}

template <class Sized>
bool fits(attest::ByteView bytes, Sized& to) {
  auto* const begin = reinterpret_cast<std::uint8_t*>(&to) + sizeof to.size;
  if (bytes.size() > sizeof to - sizeof to.size) return false;
  std::copy(bytes.begin(), bytes.end(), begin);
  to.size = static_cast<UINT16>(bytes.size());
  return true;
}

}  // namespace

attest::EndorsementEvidence read_endorsement(Device& device, const Credentials& credentials,
                                             std::uint32_t certificate) {
  attest::EndorsementEvidence evidence;
  std::vector<const EkTemplate*> wanted;
  for (const EkTemplate& known : ek_templates()) {
    const auto bytes = read_nv(device, known.certificate_index);
    if (!bytes || bytes->empty()) continue;
    const attest::ByteView der = attest::without_padding(*bytes);
    evidence.certificates.push_back(
        {known.certificate_index, attest::Bytes(der.begin(), der.end())});
    if (certificate == 0 || certificate == known.certificate_index) wanted.push_back(&known);
  }
  evidence.intermediates = read_chain(device);
  for (const EkTemplate* each : wanted) {
    try {
      evidence.ek = marshal(make_endorsement_key(device, credentials, *each).area);
      evidence.certificate = each->certificate_index;
      break;
    } catch (const TpmError& error) {
      if (!refuses_input(error)) throw;
    }
  }
  return evidence;
}

Activation activate_credential(Device& device, const Credentials& credentials,
                               std::uint32_t certificate, const attest::Credential& credential) {
  const EkTemplate* known = find_ek_template(certificate);
  if (known == nullptr) return {std::nullopt, "no endorsement key of this TPM is meant"};
  TPM2B_ID_OBJECT id_object{};
  TPM2B_ENCRYPTED_SECRET encrypted{};
  if (!fits(credential.id_object, id_object) || !fits(credential.encrypted_secret, encrypted)) {
    return {std::nullopt, "the credential is longer than any"};
  }
  const Object ak = find_ak(device, credentials);
  EsysPtr<TPM2B_DIGEST> secret;
  try {
    const Primary ek = make_endorsement_key(device, credentials, *known);
    const Object session = start_policy(device, ek.area);
    execute(device, "TPM2_ActivateCredential", [&] {
      return Esys_ActivateCredential(device.esys(), ak.get(), ek.object.get(), ESYS_TR_PASSWORD,
                                     session.get(), ESYS_TR_NONE, &id_object, &encrypted,
                                     out(secret));
    });
  } catch (const TpmError& error) {
    if (!refuses_input(error)) throw;
    return {std::nullopt, std::string("the TPM refuses the credential: ") + error.what()};
  }
  return {attest::Bytes(secret->buffer, secret->buffer + secret->size), ""};
}

}  // namespace stele::tpm
