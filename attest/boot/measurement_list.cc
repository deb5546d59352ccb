#include "attest/boot/measurement_list.h"

#include <algorithm>

#include "attest/boot/little_reader.h"
#include "attest/boot/measurement_template.h"

namespace stele::attest::boot {
namespace {

Defect outside_limits(std::size_t at, std::string detail) {
  return {Fault::value_out_of_range, Place::byte(at), std::move(detail)};
}

Defect too_long(std::size_t at, const char* what, std::size_t bytes, std::size_t limit) {
  return outside_limits(at, std::string(what) + " of " + std::to_string(bytes) +
                                " bytes, more than " + std::to_string(limit));
}

Bytes owned(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

// digest 20 · size u32 · path: what the digest is over has the path padded.
Result<void> read_old_data(LittleReader& in, Measurement& out) {
  const ByteView file_digest = in.bytes(kOldDigestBytes);
  const std::uint32_t size = in.u32();
  if (size >= kOldPathBytes) return too_long(out.at, "a path", size, kOldPathBytes - 1);
  const ByteView path = in.bytes(size);
  if (in.failed()) return ok();
  if (std::find(path.begin(), path.end(), 0) != path.end())
    return outside_limits(out.at, "a path with NUL in it");
  out.template_data =
      old_template_data(file_digest, {reinterpret_cast<const char*>(path.data()), path.size()});
  return ok();
}

// An entry; `in` has failed if the bytes end before it does.
Result<Measurement> read_entry(LittleReader& in, Algorithm algorithm) {
  Measurement out;
  out.at = in.at();
  out.pcr = in.u32();
  out.digest = owned(in.bytes(digest_bytes(algorithm)));
  const std::uint32_t name_size = in.u32();
  if (name_size > kMaxTemplateNameBytes || (name_size == 0 && !in.failed())) {
    return too_long(out.at, "a template name", name_size, kMaxTemplateNameBytes);
  }
  const ByteView template_name = in.bytes(name_size);
  out.template_name.assign(template_name.begin(), template_name.end());
  if (in.failed()) return out;
  if (out.template_name == kOldTemplate) {
    if (const auto right = read_old_data(in, out); !right) return right.error();
    return out;
  }
  const std::uint32_t size = in.u32();
  if (size > kMaxTemplateDataBytes)
    return too_long(out.at, "template data", size, kMaxTemplateDataBytes);
  out.template_data = owned(in.bytes(size));
  return out;
}

}  // namespace

bool Measurement::violation() const {
  return std::all_of(digest.begin(), digest.end(), [](std::uint8_t byte) { return byte == 0; });
}

Result<MeasurementList> parse_measurement_list(ByteView bytes, Algorithm algorithm) {
  if (bytes.size() > kMaxMeasurementListBytes) {
    return too_long(kMaxMeasurementListBytes, "a measurement list", bytes.size(),
                    kMaxMeasurementListBytes);
  }
  if (digest_bytes(algorithm) == 0)
    return outside_limits(0, "a measurement list of a hash that is not known");
  MeasurementList list;
  list.algorithm = algorithm;
  LittleReader in(bytes);
  while (in.left() > 0) {
    const std::size_t at = in.at();
    auto entry = read_entry(in, algorithm);
    if (!entry) return entry.error();
    if (in.failed()) {
      list.torn_bytes = bytes.size() - at;
      break;
    }
    if (list.entries.size() == kMaxMeasurements) {
      return outside_limits(at, "more than " + std::to_string(kMaxMeasurements) + " measurements");
    }
    if (auto wrong = judge(*entry, algorithm, Place::byte(at))) return *wrong;
    list.entries.push_back(std::move(*entry));
  }
  if (list.entries.empty() && list.torn_bytes > 0) {
    return Defect(Fault::truncated, Place::byte(0), "a measurement list without one whole entry");
  }
  return list;
}

}  // namespace stele::attest::boot
