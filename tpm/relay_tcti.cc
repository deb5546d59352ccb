#include "tpm/relay_tcti.h"

#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <utility>

namespace stele::tpm {

RelayTcti::RelayTcti(Transport transport) : transport_(std::move(transport)) {}

TSS2_RC RelayTcti::transmit(std::size_t size, const std::uint8_t* command) {
  if (failure_) return TSS2_TCTI_RC_IO_ERROR;
  // No exception may pass through the TSS, which is C.
  try {
    response_ = transport_({command, size});
    return TSS2_RC_SUCCESS;
  } catch (...) {
    failure_ = std::current_exception();
    return TSS2_TCTI_RC_IO_ERROR;
  }
}

TSS2_RC RelayTcti::receive(std::size_t* size, std::uint8_t* response) {
  if (response == nullptr) {
    *size = TPM2_MAX_RESPONSE_SIZE;
    return TSS2_RC_SUCCESS;
  }
  const attest::Bytes bytes = std::exchange(response_, {});
  if (bytes.empty()) return TSS2_TCTI_RC_IO_ERROR;
  if (*size < bytes.size()) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
  std::copy(bytes.begin(), bytes.end(), response);
  *size = bytes.size();
  return TSS2_RC_SUCCESS;
}

}  // namespace stele::tpm
