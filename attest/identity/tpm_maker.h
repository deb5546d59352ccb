// What kind of TPM a manufacturer's id and model stand for.
//
// Thread safety: pure. Trust: as good as the words given: of a verified certificate, or of the
// device. See: TCG TPM Vendor ID Registry.
#pragma once

#include <string_view>

#include "attest/trust.h"

namespace stele::attest {

// manufacturer: the id's letters without blanks at the end, "IFX"; or "id:" and its hex digits.
TpmKind kind_of(std::string_view manufacturer, std::string_view model);

}  // namespace stele::attest
