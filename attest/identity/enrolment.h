// What an auditor and a host say to each other when the host is enrolled: two questions, two
// answers.
//
//   identity request    magic "STELEENQ" · version u16 = 1 · kind u8 = 1 · nonce 32 ·
//                       certificate u32
//   activation request  magic "STELEENQ" · version u16 = 1 · kind u8 = 2 · certificate u32 ·
//                       sized16 id_object · sized16 encrypted_secret
//   identity            magic "STELEENI" · version u16 = 1 · certificate u32 · C u32 · E u32 ·
//                       count u8 of {handle u32 · sized16 DER} · count u8 of {sized16 DER} ·
//                       sized16 ek (TPMT_PUBLIC) · sized16 ak (TPMT_PUBLIC) · sized16 genesis ·
//                       sized16 genesis receipt · sized16 answer · sized32 trust
//   activation reply    the secret, bare
//
// certificate: the NV index of the EK certificate that is meant, 0: the host chooses; in the reply,
// whose key `ek` is, 0: there is none. C, E: their NV indexes. The second list: the maker's
// intermediates.
// answer: live, for the nonce. trust: the host's own trust file: claims.
// Thread safety: values. Errors: decode_*: truncated, trailing_bytes, bad_magic, version_unknown,
// value_out_of_range. Limits: below. Trust: requests come from whoever asks, replies from the host
// under judgement. See: README.md, "Enrolment".
#pragma once

#include <variant>
#include <vector>

#include "attest/identity/credential.h"
#include "attest/identity/index_names.h"

namespace stele::attest {

constexpr std::size_t kMaxEkCertificates =
    16;                                        // one for each template that the TCG knows, and more
constexpr std::size_t kMaxIntermediates = 32;  // what the NV indexes for a chain can hold
constexpr std::size_t kMaxCredentialBytes = 512;    // of each half: an RSA key of 4096 bits
constexpr std::size_t kMaxTrustBytes = 256u << 10;  // every era that a trust file lists

struct IdentityRequest {
  Hash nonce;
  std::uint32_t certificate = 0;
  bool operator==(const IdentityRequest&) const = default;
};
struct ActivationRequest {
  std::uint32_t certificate = 0;
  Credential credential;
  bool operator==(const ActivationRequest&) const = default;
};
using EnrolmentRequest = std::variant<IdentityRequest, ActivationRequest>;
Bytes encode(const EnrolmentRequest& request);
Result<EnrolmentRequest> decode_enrolment_request(ByteView bytes);

struct NvCertificate {
  std::uint32_t handle = 0;
  Bytes der;
  bool operator==(const NvCertificate&) const = default;
};
// What a TPM has of its maker, and the endorsement key made from its template.
struct EndorsementEvidence {
  std::uint32_t certificate = 0;
  std::vector<NvCertificate> certificates;
  std::vector<Bytes> intermediates;
  Bytes ek;
  bool operator==(const EndorsementEvidence&) const = default;
};
struct HostIdentity {
  EndorsementEvidence endorsement;
  IndexHandles indexes;
  Bytes ak, genesis, genesis_receipt, answer;
  std::string trust;
  bool operator==(const HostIdentity&) const = default;
};
Bytes encode(const HostIdentity& identity);
Result<HostIdentity> decode_host_identity(ByteView bytes);

}  // namespace stele::attest
