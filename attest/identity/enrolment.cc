#include "attest/identity/enrolment.h"

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/identity/ek_certificate.h"

namespace stele::attest {
namespace {

constexpr std::string_view kRequestMagic = "STELEENQ";
constexpr std::string_view kIdentityMagic = "STELEENI";
constexpr std::uint16_t kEnrolmentVersion = 1;
constexpr std::uint8_t kIdentity = 1, kActivation = 2;

Defect unfit_field(const char* what, const Reader& reader) {
  return {Fault::value_out_of_range, Place::byte(reader.at()), what};
}

// Magic and version, which every message begins with.
Result<void> expect_head(Reader& reader, std::string_view magic) {
  if (!reader.expect(view(magic))) {
    return Defect(Fault::bad_magic, Place::byte(0), "a message of an enrolment");
  }
  const std::uint16_t version = reader.u16();
  if (!reader.failed() && version != kEnrolmentVersion) {
    return Defect(Fault::version_unknown, Place::byte(8), "a message of an enrolment");
  }
  return ok();
}

Result<void> expect_end(const Reader& reader) {
  if (reader.failed()) {
    return Defect(Fault::truncated, Place::byte(reader.at()), "a message of an enrolment");
  }
  if (!reader.done()) {
    return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "a message of an enrolment");
  }
  return ok();
}

Bytes take16(Reader& reader) {
  const ByteView bytes = reader.sized16();
  return {bytes.begin(), bytes.end()};
}

bool is_certificate_size(const Bytes& der) {
  return !der.empty() && der.size() <= kMaxCertificateBytes;
}

// Both lists of certificates; what is wrong with them, or nothing.
const char* read_certificates(Reader& reader, EndorsementEvidence& evidence) {
  const std::size_t count = reader.u8();
  if (count > kMaxEkCertificates) return "more than 16 EK certificates";
  for (std::size_t i = 0; i < count && !reader.failed(); ++i) {
    NvCertificate one;
    one.handle = reader.u32();
    one.der = take16(reader);
    if (!reader.failed() && !is_certificate_size(one.der)) return "an EK certificate's size";
    evidence.certificates.push_back(std::move(one));
  }
  const std::size_t between = reader.u8();
  if (between > kMaxIntermediates) return "more than 32 intermediate certificates";
  for (std::size_t i = 0; i < between && !reader.failed(); ++i) {
    Bytes der = take16(reader);
    if (!reader.failed() && !is_certificate_size(der)) return "an intermediate certificate's size";
    evidence.intermediates.push_back(std::move(der));
  }
  return nullptr;
}

Result<EnrolmentRequest> decode_identity_request(Reader& reader) {
  IdentityRequest request;
  request.nonce = reader.hash();
  request.certificate = reader.u32();
  if (auto end = expect_end(reader); !end) return end.error();
  return EnrolmentRequest(request);
}

Result<EnrolmentRequest> decode_activation_request(Reader& reader) {
  ActivationRequest request;
  request.certificate = reader.u32();
  request.credential.id_object = take16(reader);
  request.credential.encrypted_secret = take16(reader);
  if (request.credential.id_object.size() > kMaxCredentialBytes ||
      request.credential.encrypted_secret.size() > kMaxCredentialBytes) {
    return unfit_field("a credential of more than 512 bytes", reader);
  }
  if (auto end = expect_end(reader); !end) return end.error();
  return EnrolmentRequest(std::move(request));
}

}  // namespace

Bytes encode(const EnrolmentRequest& request) {
  Bytes out;
  Writer writer(out);
  writer.bytes(view(kRequestMagic)).u16(kEnrolmentVersion);
  if (const auto* identity = std::get_if<IdentityRequest>(&request)) {
    writer.u8(kIdentity).bytes(identity->nonce).u32(identity->certificate);
    return out;
  }
  const auto& activation = std::get<ActivationRequest>(request);
  writer.u8(kActivation)
      .u32(activation.certificate)
      .sized16(activation.credential.id_object)
      .sized16(activation.credential.encrypted_secret);
  return out;
}

Result<EnrolmentRequest> decode_enrolment_request(ByteView bytes) {
  Reader reader(bytes);
  if (auto head = expect_head(reader, kRequestMagic); !head) return head.error();
  const std::uint8_t kind = reader.u8();
  if (kind == kIdentity) return decode_identity_request(reader);
  if (kind == kActivation) return decode_activation_request(reader);
  if (reader.failed()) return expect_end(reader).error();
  return unfit_field("a request's kind is 1 (identity) or 2 (activation)", reader);
}

Bytes encode(const HostIdentity& identity) {
  const EndorsementEvidence& evidence = identity.endorsement;
  ENSURE(evidence.certificates.size() <= kMaxEkCertificates &&
         evidence.intermediates.size() <= kMaxIntermediates &&
         identity.trust.size() <= kMaxTrustBytes);
  Bytes out;
  Writer writer(out);
  writer.bytes(view(kIdentityMagic)).u16(kEnrolmentVersion).u32(evidence.certificate);
  writer.u32(identity.indexes.counter).u32(identity.indexes.extend);
  writer.u8(static_cast<std::uint8_t>(evidence.certificates.size()));
  for (const NvCertificate& one : evidence.certificates) writer.u32(one.handle).sized16(one.der);
  writer.u8(static_cast<std::uint8_t>(evidence.intermediates.size()));
  for (const Bytes& der : evidence.intermediates) writer.sized16(der);
  writer.sized16(evidence.ek).sized16(identity.ak).sized16(identity.genesis);
  writer.sized16(identity.genesis_receipt).sized16(identity.answer);
  writer.sized32(view(identity.trust));
  return out;
}

Result<HostIdentity> decode_host_identity(ByteView bytes) {
  Reader reader(bytes);
  if (auto head = expect_head(reader, kIdentityMagic); !head) return head.error();
  HostIdentity identity;
  identity.endorsement.certificate = reader.u32();
  identity.indexes.counter = reader.u32();
  identity.indexes.extend = reader.u32();
  if (const char* wrong = read_certificates(reader, identity.endorsement)) {
    return unfit_field(wrong, reader);
  }
  identity.endorsement.ek = take16(reader);
  identity.ak = take16(reader);
  identity.genesis = take16(reader);
  identity.genesis_receipt = take16(reader);
  identity.answer = take16(reader);
  const ByteView trust = reader.sized32();
  if (trust.size() > kMaxTrustBytes) return unfit_field("a trust file above 256 KiB", reader);
  identity.trust.assign(trust.begin(), trust.end());
  if (auto end = expect_end(reader); !end) return end.error();
  return identity;
}

}  // namespace stele::attest
