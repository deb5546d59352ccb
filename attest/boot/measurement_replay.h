// Replaying an IMA list, and finding how much of it a quoted PCR value covers.
//
// A list is read after the quote, or while it grows, so the value is that of a first part of it.
// What `explain` says: the template data of those entries, in this order, gives the value; a
// violation in it says only that the kernel measured something there that it could not name. Thread
// safety: pure. Errors: none; what does not fit is nothing. Trust: the list may come from anyone;
// the value from a quote that verified.
#pragma once

#include <optional>

#include "attest/boot/measurement_list.h"

namespace stele::attest::boot {

// What a kernel extends into a bank.
enum class ImaForm : std::uint8_t {
  own_digest,   // the bank's own hash of the template data: Linux from 5.8
  padded_sha1,  // the SHA-1 digest, with zeros to the bank's size: Linux before
};

struct MeasuredPart {
  std::size_t entries = 0;     // of the list, from its first
  std::size_t violations = 0;  // among those of this PCR
  ImaForm form = ImaForm::own_digest;
  bool operator==(const MeasuredPart&) const = default;
};

// What an entry extends. Nothing: the hash cannot be computed, or padded_sha1 of a list that is not
// SHA-1's.
std::optional<Bytes> extended_by(const Measurement&, const MeasurementList&, Algorithm bank,
                                 ImaForm);

// The value after the whole list; entries of other PCRs are passed over.
std::optional<Bytes> replay(const MeasurementList&, Algorithm bank, ImaForm,
                            std::uint32_t pcr = kImaPcr);

// The shortest first part of the list that gives the value: none of it, if the value is zeros.
std::optional<MeasuredPart> explain(const MeasurementList&, Algorithm bank, const Bytes& quoted,
                                    std::uint32_t pcr = kImaPcr);

}  // namespace stele::attest::boot
