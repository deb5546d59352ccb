#include "attest/identity/index_names.h"

#include "attest/codec.h"

namespace stele::attest {
namespace {

constexpr std::uint16_t kNameSha256 = 0x000b;
// AUTHREAD, AUTHWRITE, OWNERREAD, NO_DA, WRITTEN; bits 4 to 7 are the type.
constexpr std::uint32_t kWrittenCounter = 0x22060014, kWrittenExtend = 0x22060044;

Name name_at(std::uint32_t handle, std::uint32_t attributes, std::uint16_t size_bytes) {
  Bytes area;  // TPMS_NV_PUBLIC
  Writer(area).u32(handle).u16(kNameSha256).u32(attributes).sized16({}).u16(size_bytes);
  return make_name(area);
}

Defect unfit_index(const char* which, std::uint32_t handle) {
  Bytes digits;
  Writer(digits).u32(handle);
  return {Fault::index_unfit,
          {},
          std::string("the genesis does not name ") + which + " at NV index 0x" + to_hex(digits) +
              ", but an index of another kind, which may be set back at will: provision this host "
              "anew"};
}

}  // namespace

Name counter_name_at(std::uint32_t handle) { return name_at(handle, kWrittenCounter, 8); }
Name extend_name_at(std::uint32_t handle) { return name_at(handle, kWrittenExtend, 32); }

Result<void> verify_index_names(const IndexHandles& at, const Name& counter, const Name& extend) {
  if (counter != counter_name_at(at.counter)) return unfit_index("a counter", at.counter);
  if (extend != extend_name_at(at.extend)) return unfit_index("an extend index", at.extend);
  return ok();
}

}  // namespace stele::attest
