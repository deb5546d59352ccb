// Goal: folding changes the capital ASCII letters and no other byte, wherever each stands.
// Method: every byte at every place of a text, between neighbours that could carry into it.
#include <gtest/gtest.h>

#include "storage/query.h"

namespace stele::storage {
namespace {

char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

TEST(Fold, ChangesCapitalLettersAndNothingElse) {
  for (const char around : {'\0', 'A', 'Z', '[', '@', '\x7f', '\x80', '\xff'}) {
    for (int byte = 0; byte < 256; ++byte) {
      for (std::size_t at = 0; at < 19; ++at) {
        std::string text(19, around), expected(19, folded(around)), out = "Kept";
        text[at] = static_cast<char>(byte);
        expected[at] = folded(text[at]);
        fold(text, out);
        ASSERT_EQ(out, "Kept" + expected) << "byte " << byte << " at " << at;
      }
    }
  }
}

TEST(Fold, KeepsTheFirstBytesOnly) {
  for (const std::size_t length :
       {kMaxTermBytes - 1, kMaxTermBytes, kMaxTermBytes + 1, 2 * kMaxTermBytes}) {
    std::string out;
    fold(std::string(length, 'X'), out);
    EXPECT_EQ(out, std::string(std::min(length, kMaxTermBytes), 'x'));
  }
}

}  // namespace
}  // namespace stele::storage
