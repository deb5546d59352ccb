// Goal: a TPM's error is told apart by what must be done about it, and named in words.
// Method: every code of the README's table, with and without the numbers of handle, parameter,
// session.
#include "tpm/error.h"

#include <gtest/gtest.h>

#include <string>

#include "tpm/esys.h"

namespace stele::tpm {
namespace {

using Kind = TpmError::Kind;

// A bit flipped in the response to TPM2_ReadPublic: the TSS reads it, and cannot write it again.
TEST(TpmError, AKeysAreaThatCannotBeWrittenAgainIsALostDeviceNotABug) {
  TPMT_PUBLIC area{};
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.unique.ecc.x.size = sizeof area.unique.ecc.x.buffer + 1;
  try {
    (void)marshal(area);
    FAIL();
  } catch (const TpmError& error) {
    EXPECT_EQ(error.kind(), Kind::lost_device) << error.what();
  }
}

TEST(TpmError, EveryCodeOfTheTableHasItsKind) {
  const std::pair<std::uint32_t, Kind> table[] = {
      {0x922, Kind::busy},          {0x908, Kind::busy},          {0x90A, Kind::busy},
      {0x920, Kind::busy},          {0x923, Kind::busy},          {0xA000A, Kind::lost_device},
      {0xA0008, Kind::lost_device}, {0x70007, Kind::lost_device}, {0x70011, Kind::lost_device},
      {0x7001B, Kind::lost_device}, {0x80011, Kind::lost_device}, {0x90006, Kind::lost_device},
      {0x910, Kind::was_reset},     {0x912, Kind::was_reset},     {0x916, Kind::was_reset},
      {0x918, Kind::was_reset},     {0x121, Kind::not_exclusive}, {0x18B, Kind::missing},
      {0x28B, Kind::missing},       {0x14A, Kind::missing},       {0x9A2, Kind::refused},
      {0x98E, Kind::refused},       {0x185, Kind::refused},       {0x120, Kind::refused},
      {0x921, Kind::refused},       {0x902, Kind::full},          {0x903, Kind::full},
      {0x905, Kind::full},          {0x14B, Kind::full},          {0x100, Kind::other},
      {0x101, Kind::other},         {0x1C4, Kind::other},         {0xC0922, Kind::busy},
      {0x901, Kind::full},          {0x99D, Kind::refused},       {0x909, Kind::other},
      {0x130, Kind::other},         {0x12D, Kind::other},         {0x148, Kind::refused},
      {0x153, Kind::other},
  };
  for (const auto& [rc, kind] : table) {
    EXPECT_EQ(TpmError(rc, "TPM2_X").kind(), kind) << std::hex << rc;
  }
}

TEST(TpmError, SaysCommandCodeAndWhatToDo) {
  const TpmError error(0x921, "TPM2_NV_Increment");
  const std::string what = error.what();
  EXPECT_TRUE(what.starts_with("TPM2_NV_Increment: tpm:")) << what;
  EXPECT_NE(what.find("(0x921)"), std::string::npos) << what;
  EXPECT_NE(what.find("lockout"), std::string::npos) << what;
  EXPECT_EQ(error.rc(), 0x921u);
  EXPECT_STREQ(error.code().category().name(), "tpm");
  const TpmError copy = error;
  EXPECT_EQ(copy.what(), what);
}

}  // namespace
}  // namespace stele::tpm
