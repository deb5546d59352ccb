// A TCTI whose TPM is elsewhere: command bytes go to a function, and what it returns is the
// response.
//
// Internal to tpm/. Thread safety: none, but for what a Device does: each call comes from a thread
// of its own, one at a time. Blocks: as long as the function does. Errors: what the function
// throws is kept for failure(), and ESYS hears an I/O error, from then on to every command.
#pragma once

#include <exception>
#include <functional>

#include "attest/hash.h"
#include "tpm/own_tcti.h"

namespace stele::tpm {

class RelayTcti {
 public:
  using Transport = std::function<attest::Bytes(attest::ByteView command)>;
  explicit RelayTcti(Transport transport);
  RelayTcti(const RelayTcti&) = delete;
  RelayTcti& operator=(const RelayTcti&) = delete;
  TSS2_TCTI_CONTEXT* get() { return context_.get(); }
  // What the function threw: more than ESYS can say of it.
  std::exception_ptr failure() const { return failure_; }

 private:
  friend class OwnTcti<RelayTcti>;
  TSS2_RC transmit(std::size_t size, const std::uint8_t* command);
  TSS2_RC receive(std::size_t* size, std::uint8_t* response);

  Transport transport_;
  OwnTcti<RelayTcti> context_{*this};
  attest::Bytes response_;
  std::exception_ptr failure_;
};

}  // namespace stele::tpm
