// The auditor's folder of TPM makers' certificates, read: each file in it, PEM or DER.
//
// Hidden files and folders are passed over; what is no certificate is refused by its name, so that
// nobody believes a root pinned that is not. Thread safety: none. Errors: CommandError 66 (no such
// folder, or an empty one), 65 (a file that holds no certificate, or is larger than 4 MiB).
// Trust: this IS the trust of an enrolment: the auditor puts there what he believes.
#pragma once

#include <string>

#include "attest/identity/ek_certificate.h"

namespace stele::tools {

attest::PinnedRoots read_pinned_roots(const std::string& folder);

}  // namespace stele::tools
