#include "attest/bundle.h"

#include <algorithm>

#include "attest/codec.h"

namespace stele::attest {
namespace {

constexpr std::string_view kBundleMagic = "STELEBDL";
constexpr std::uint16_t kBundleVersion = 1;
constexpr std::uint16_t kImaPart = 1 << 0;
constexpr std::uint8_t kImaPcr = 10;

}  // namespace

Bytes encode(const Bundle& bundle) {
  Bytes out;
  Writer writer(out);
  writer.bytes(view(kBundleMagic))
      .u16(kBundleVersion)
      .u16(bundle.ima ? kImaPart : 0)
      .bytes(bundle.boot_id)
      .u64(bundle.counter)
      .bytes(bundle.extend)
      .u64(bundle.event_log_bytes)
      .bytes(bundle.event_log_hash)
      .u64(bundle.ima_bytes)
      .bytes(bundle.ima_hash);
  append_quote(out, bundle.quote);
  if (bundle.ima) {
    append_signed(out, bundle.ima->signed_attestation);
    writer.bytes(bundle.ima->pcr10);
  }
  return out;
}

Result<Bundle> decode_bundle(ByteView bytes) {
  Reader reader(bytes);
  const bool magic = reader.expect(view(kBundleMagic));
  if (!magic && bytes.size() >= kBundleMagic.size())
    return Defect(Fault::bad_magic, {}, "boot bundle");
  const std::uint16_t version = reader.u16();
  if (!reader.failed() && version != kBundleVersion) {
    return Defect(Fault::version_unknown, {}, "boot bundle version " + std::to_string(version));
  }
  const std::uint16_t parts = reader.u16();
  if ((parts & ~kImaPart) != 0) {
    return Defect(Fault::value_out_of_range, {}, "boot bundle parts " + std::to_string(parts));
  }
  Bundle bundle;
  const ByteView boot_id = reader.bytes(bundle.boot_id.size());
  std::copy(boot_id.begin(), boot_id.end(), bundle.boot_id.begin());
  bundle.counter = reader.u64();
  bundle.extend = reader.hash();
  bundle.event_log_bytes = reader.u64();
  bundle.event_log_hash = reader.hash();
  bundle.ima_bytes = reader.u64();
  bundle.ima_hash = reader.hash();
  bundle.quote = read_quote(reader);
  if ((parts & kImaPart) != 0) {
    Bundle::ImaQuote ima;
    ima.signed_attestation = read_signed(reader);
    ima.pcr10 = reader.hash();
    bundle.ima = std::move(ima);
  }
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()), "boot bundle");
  if (!reader.done()) return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "boot bundle");
  return bundle;
}

Hash bundle_extra_data(const Bundle& bundle) {
  Bytes counter;
  Writer(counter).u64(bundle.counter);
  return hash({tag("stele/v1/boot"), bundle.extend, counter, bundle.boot_id});
}

Result<VerifiedBundle> verify_bundle(ByteView encoded, const TpmIdentity& identity) {
  const Result<Bundle> bundle = decode_bundle(encoded);
  if (!bundle) return bundle.error();
  const Hash extra_data = bundle_extra_data(*bundle);
  const Result<Attestation> quote = verify_quote(bundle->quote, identity, extra_data);
  if (!quote) return quote.error();
  if (bundle->ima) {
    const Result<Attestation> ima = verify_quote(bundle->ima->signed_attestation, identity.ak,
                                                 1u << kImaPcr, bundle->ima->pcr10, extra_data);
    if (!ima) return ima.error();
    if (ima->run != quote->run)
      return Defect(Fault::bundle_mismatch, {}, "its two quotes lie in different runs");
  }
  VerifiedBundle verified;
  verified.hash_ = hash(encoded);
  verified.boot_id_ = bundle->boot_id;
  verified.run_ = quote->run;
  verified.pcr_ = bundle->quote.pcrs.back();
  verified.clock_ms_ = quote->clock_ms;
  verified.firmware_ = quote->firmware;
  verified.counter_ = bundle->counter;
  verified.extend_ = bundle->extend;
  return verified;
}

}  // namespace stele::attest
