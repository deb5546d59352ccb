// IMA templates: which fields an entry's template data has, and what the digest and the path are.
//
// Private to the two readers of lists. Thread safety: pure. Errors: a reason for a person; the
// readers make the Defect, which knows the place. Trust: the bytes may come from anyone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/boot/measurement_list.h"

namespace stele::attest::boot {

constexpr std::string_view kOldTemplate =
    "ima";  // fixed form: digest 20 · path, padded to 256 bytes
constexpr std::size_t kOldDigestBytes = 20;
constexpr std::size_t kOldPathBytes = 256;

// The field identifiers of a template ("d-ng", "n-ng"), of a kernel's own or of one that is named
// by its fields ("d-ng|n-ng"). Empty: an unknown template.
std::vector<std::string_view> fields_of(std::string_view template_name);

// The size of the digests of a hash as the kernel names it ("sha256"); 0: unknown.
std::size_t file_digest_bytes(std::string_view hash_name);

// digest 20 · path, with zeros up to 256 bytes.
Bytes old_template_data(ByteView digest, std::string_view path);

// Fills file_hash, file_digest and path from the template data; what is wrong with it, if anything.
std::optional<std::string> read_template_data(Measurement& measurement);

// What is wrong with the entry as a whole: the digest must be the data's, and the data be as its
// template says; neither is asked of a violation.
std::optional<Defect> judge(Measurement& measurement, Algorithm algorithm, Place place);

}  // namespace stele::attest::boot
