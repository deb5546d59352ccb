// Quotes: over {0-7, P}, over the IMA list's PCR, and the bundle that carries both.
#include <algorithm>

#include "attest/bundle.h"
#include "tpm/anchor_session.h"

namespace stele::tpm {
namespace {

constexpr std::uint8_t kImaPcr = 10;
constexpr int kQuoteTries = 3;

TPML_PCR_SELECTION select(const std::vector<std::uint8_t>& pcrs) {
  TPML_PCR_SELECTION selection{};
  selection.count = 1;
  selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
  selection.pcrSelections[0].sizeofSelect = 3;
  for (const std::uint8_t pcr : pcrs) {
    BYTE& byte = selection.pcrSelections[0].pcrSelect[pcr / 8];
    byte = static_cast<BYTE>(byte | 1u << (pcr % 8));
  }
  return selection;
}

// The values, in the order of pcrs (ascending). One TPM2_PCR_Read gives at most eight.
std::vector<attest::Hash> read_pcrs(Device& device, std::vector<std::uint8_t> pcrs) {
  std::vector<attest::Hash> values;
  while (!pcrs.empty()) {
    const TPML_PCR_SELECTION wanted = select(pcrs);
    EsysPtr<TPML_PCR_SELECTION> read;
    EsysPtr<TPML_DIGEST> digests;
    execute(device, "TPM2_PCR_Read", [&] {
      return Esys_PCR_Read(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted,
                           nullptr, out(read), out(digests));
    });
    if (digests->count == 0 || digests->count > pcrs.size()) {
      throw TpmError(TPM2_RC_PCR, "TPM2_PCR_Read",
                     "the TPM has no SHA-256 PCR bank: enable it in the firmware's set-up (or "
                     "tpm2_pcrallocate)");
    }
    for (std::uint32_t i = 0; i < digests->count; ++i) {
      if (digests->digests[i].size != 32)
        throw TpmError(TSS2_ESYS_RC_MALFORMED_RESPONSE, "TPM2_PCR_Read");
      attest::Hash value;
      std::copy_n(digests->digests[i].buffer, value.bytes.size(), value.bytes.begin());
      values.push_back(value);
    }
    pcrs.erase(pcrs.begin(), pcrs.begin() + static_cast<std::ptrdiff_t>(digests->count));
  }
  return values;
}

attest::SignedAttestation sign(Device& device, const Object& ak,
                               const std::vector<std::uint8_t>& pcrs,
                               const attest::Hash& extra_data) {
  const TPML_PCR_SELECTION selection = select(pcrs);
  const TPM2B_DATA qualifying_data = to_qualifying_data(extra_data);
  const TPMT_SIG_SCHEME scheme_of_key{.scheme = TPM2_ALG_NULL, .details = {}};
  EsysPtr<TPM2B_ATTEST> attest;
  EsysPtr<TPMT_SIGNATURE> signature;
  execute(device, "TPM2_Quote", [&] {
    return Esys_Quote(device.esys(), ak.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                      &qualifying_data, &scheme_of_key, &selection, out(attest), out(signature));
  });
  return to_signed(*attest, *signature);
}

struct Quoted {
  attest::SignedAttestation signed_attestation;
  std::vector<attest::Hash> values;
};

// Reads, quotes and compares: the reads are not atomic, only the quote's digest is.
Quoted read_and_quote(Device& device, const Credentials& credentials,
                      const std::vector<std::uint8_t>& pcrs, const attest::Hash& extra_data) {
  const Object ak = find_ak(device, credentials);
  for (int attempt = 0; attempt < kQuoteTries; ++attempt) {
    Quoted quoted;
    quoted.values = read_pcrs(device, pcrs);
    quoted.signed_attestation = sign(device, ak, pcrs, extra_data);
    attest::Hasher hasher;
    for (const attest::Hash& value : quoted.values) hasher.update(value);
    const attest::Hash expected = hasher.finish();
    const auto parsed = attest::parse_attestation(quoted.signed_attestation.attest);
    if (parsed && std::ranges::equal(parsed->pcr_digest, expected.bytes)) return quoted;
  }
  throw TpmError(
      TPM2_RC_PCR_CHANGED, "TPM2_Quote",
      "the PCRs changed between reading and quoting, three times running: something keeps "
      "extending PCR 0-7 or the log's PCR");
}

}  // namespace

attest::Hash read_pcr(Device& device, std::uint8_t pcr) {
  return read_pcrs(device, {pcr}).front();
}

attest::QuotePart quote(Device& device, const Credentials& credentials,
                        const attest::Hash& extra_data) {
  std::vector<std::uint8_t> pcrs = {0, 1, 2, 3, 4, 5, 6, 7};
  pcrs.push_back(credentials.identity.pcr);  // P is above 7: ascending
  const Quoted quoted = read_and_quote(device, credentials, pcrs, extra_data);
  attest::QuotePart part;
  part.signed_attestation = quoted.signed_attestation;
  std::copy_n(quoted.values.begin(), part.pcrs.size(), part.pcrs.begin());
  return part;
}

attest::Bundle make_bundle(Device& device, const Credentials& credentials,
                           const std::array<std::uint8_t, 16>& boot_id,
                           const IndexState& before_recovery, attest::ByteView event_log,
                           attest::ByteView ima_log) {
  attest::Bundle bundle;
  bundle.boot_id = boot_id;
  bundle.counter = before_recovery.counter;
  bundle.extend = before_recovery.extend;
  bundle.event_log_bytes = event_log.size();
  bundle.event_log_hash = attest::hash(event_log);
  bundle.ima_bytes = ima_log.size();
  bundle.ima_hash = attest::hash(ima_log);
  const attest::Hash extra_data = attest::bundle_extra_data(bundle);
  bundle.quote = quote(device, credentials, extra_data);
  if (!ima_log.empty()) {
    try {
      const Quoted ima = read_and_quote(device, credentials, {kImaPcr}, extra_data);
      bundle.ima = attest::Bundle::ImaQuote{ima.signed_attestation, ima.values.front()};
    } catch (const TpmError& error) {
      // Best effort: a busy host measures files faster than its TPM quotes.
      if (error.rc() != TPM2_RC_PCR_CHANGED) throw;
    }
  }
  return bundle;
}

}  // namespace stele::tpm
