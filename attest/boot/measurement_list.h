// The IMA measurement list: what a Linux kernel measured into PCR 10 of the files that it read.
//
// Two forms: binary (binary_runtime_measurements) and ASCII, one line an entry. In both an entry is
//   pcr · template digest · template name · template data
// and the template digest is the list's hash over the template data (README.md, "Measured boot"). A
// digest of zeros marks a violation: the kernel could not tell what was read and extended all ones
// in its place; nothing binds the rest of such an entry.
// A list grows while it is read: bytes after the last whole entry are counted, not refused. A list
// of no bytes has no entries.
// Thread safety: pure. Errors: truncated (no entry is whole), value_out_of_range,
// commitment_mismatch (a template digest is not its data's), version_unknown (ASCII: a template
// whose data cannot be made from its text); the place is the byte, or the line, of the entry.
// Trust: the bytes may come from anyone. See: Linux, security/integrity/ima.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attest/boot/bank.h"
#include "attest/result.h"

namespace stele::attest::boot {

// Limits: a host that measures every file for months writes some MiB.
constexpr std::size_t kMaxMeasurementListBytes = 64u << 20;
constexpr std::size_t kMaxMeasurements = 1u << 19;
constexpr std::size_t kMaxTemplateNameBytes = 255;       // the kernel's own
constexpr std::size_t kMaxTemplateDataBytes = 1u << 20;  // carries keys and signatures at most

constexpr std::uint32_t kImaPcr = 10;

struct Measurement {
  std::uint64_t at = 0;  // where it begins: byte (binary), or line from 1 (ASCII)
  std::uint32_t pcr = 0;
  Bytes digest;  // the template digest, of the list's hash
  std::string template_name;
  Bytes template_data;  // what the digest is over
  // Out of the template data, for templates that are known and no violations; else empty.
  std::string file_hash;  // "sha256", "verity:sha256"
  Bytes file_digest;
  std::string path;

  bool violation() const;  // a digest of zeros
};

struct MeasurementList {
  Algorithm algorithm = Algorithm::sha1;  // of the template digests
  std::vector<Measurement> entries;
  std::uint64_t torn_bytes = 0;  // after the last whole entry
};

// algorithm: the hash of the list's template digests; SHA-1 but for the kernel's lists named after
// another bank.
Result<MeasurementList> parse_measurement_list(ByteView bytes,
                                               Algorithm algorithm = Algorithm::sha1);
Result<MeasurementList> parse_ascii_measurement_list(std::string_view text,
                                                     Algorithm algorithm = Algorithm::sha1);

}  // namespace stele::attest::boot
