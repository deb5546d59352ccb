// The text of a trust file, taken line by line; and the lines that only an auditor's own may hold.
//
// Inside of trust.h only. Thread safety: functions. Errors: trust_malformed with the line.
#pragma once

#include "attest/trust.h"

namespace stele::attest {

Defect malformed(std::size_t line, std::string why);
// Takes one line off the text; false if no newline ends it.
bool take_line(std::string_view& rest, std::string_view& line);

// The lines of a file, or of one part of it, taken from the front.
struct Lines {
  std::string_view rest;
  std::size_t number = 0;  // of the line taken last
};

// What stands behind tpm_model, as far as it is there: identity, locked_from, acknowledged_extend,
// the boot policy. Leaves what begins otherwise.
Result<void> parse_auditor_lines(Lines& lines, TrustPins& pins);
std::string auditor_lines(const TrustPins& pins);

}  // namespace stele::attest
