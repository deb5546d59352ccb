// What the TSS sees of a TCTI that is ours: its calls lead to the owner's transmit() and receive().
//
// Owner has TSS2_RC transmit(std::size_t, const std::uint8_t*) and receive(std::size_t*,
// std::uint8_t*), neither throws: the TSS is C. Internal to tpm/. Thread safety: the owner's.
#pragma once

#include <tss2/tss2_tcti.h>

#include <cstddef>
#include <cstdint>

namespace stele::tpm {

template <class Owner>
class OwnTcti {
 public:
  explicit OwnTcti(Owner& owner) {
    fields_.owner = &owner;
    fields_.common.magic = 0x5354454c45544350;  // any number of our own
    fields_.common.version = 1;
    fields_.common.transmit = [](TSS2_TCTI_CONTEXT* context, std::size_t size,
                                 const std::uint8_t* command) {
      return reinterpret_cast<Fields*>(context)->owner->transmit(size, command);
    };
    fields_.common.receive = [](TSS2_TCTI_CONTEXT* context, std::size_t* size,
                                std::uint8_t* response, std::int32_t) {
      return reinterpret_cast<Fields*>(context)->owner->receive(size, response);
    };
  }
  OwnTcti(const OwnTcti&) = delete;
  OwnTcti& operator=(const OwnTcti&) = delete;
  TSS2_TCTI_CONTEXT* get() { return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&fields_); }

 private:
  // The common fields first, as the TSS demands of every TCTI.
  struct Fields {
    TSS2_TCTI_CONTEXT_COMMON_V1 common{};
    Owner* owner = nullptr;
  };
  Fields fields_;
};

}  // namespace stele::tpm
