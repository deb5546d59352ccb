// EkCertificate: a TPM maker's word that an endorsement key is in one of its TPMs, judged up to the
// roots that the auditor pins.
//
// The rules: X.509 v3, DER; extended key usage 2.23.133.8.1; a critical subjectAltName with the
// TPM's manufacturer, model and version; no authority itself; a chain to a pinned certificate, all
// of it in force at the time given (a notAfter of 9999-12-31 is for ever). Revocation is not asked:
// that needs the network. Every pinned certificate is trusted by itself, so an intermediate pinned
// needs no root.
// Thread safety: values; const members from any thread. Errors: parse: ek_certificate_malformed,
// ek_certificate_unfit; verify_chain: ek_certificate_foreign, ek_certificate_expired;
// verify_holds: ek_mismatch. Trust: certificates come from the host under judgement, roots from the
// auditor. See: TCG EK Credential Profile 2.5, 3; README.md, "Enrolment".
#pragma once

#include <span>
#include <string>
#include <vector>

#include "attest/identity/endorsement_public.h"
#include "attest/trust.h"

namespace stele::attest {

constexpr std::size_t kMaxCertificateBytes = 16u << 10;
constexpr std::size_t kMaxPinned = 4096;  // certificates in the auditor's folder

// The certificates that an auditor pins: of TPM makers, roots and intermediates.
class PinnedRoots {
 public:
  PinnedRoots();
  // One file's: PEM, any number of them, or one in DER. value_out_of_range if there is none.
  Result<std::size_t> add(ByteView file);
  std::size_t size() const { return size_; }

 private:
  friend class EkCertificate;
  std::shared_ptr<void> store_;  // X509_STORE
  std::size_t size_ = 0;
};

class EkCertificate {
 public:
  static Result<EkCertificate> parse(ByteView der);
  // intermediates: DER, from anywhere; what cannot be read among them is passed over.
  Result<void> verify_chain(std::span<const Bytes> intermediates, const PinnedRoots& roots,
                            std::int64_t now_s) const;
  Result<void> verify_holds(const PublicKey& ek) const;

  const std::string& manufacturer() const { return manufacturer_; }  // "IFX"; else "id:00001014"
  const std::string& model() const { return model_; }
  const std::string& version() const { return version_; }
  TpmKind kind() const;
  const PublicKey& key() const { return *key_; }
  const std::string& issuer() const { return issuer_; }  // for people

 private:
  EkCertificate() = default;
  Result<void> read_names(void* certificate);
  std::shared_ptr<void> certificate_;  // X509
  std::optional<PublicKey> key_;
  std::string manufacturer_, model_, version_, issuer_;
};

// What an NV index holds without the zeros or ones behind it: the DER value at the front, all of it
// if there is none.
ByteView without_padding(ByteView bytes);
// The DER certificates that lie one behind another, as TPMs keep a chain; nothing from the first on
// that cannot be read.
std::vector<Bytes> split_certificates(ByteView bytes);

}  // namespace stele::attest
