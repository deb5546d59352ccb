// The end of an evidence bundle made right again, as anybody can who changed what stands before it.
//
// Thread safety: pure.
#pragma once

#include "attest/hash.h"

namespace stele::test {

attest::Bytes sealed_again(attest::Bytes bundle);

}  // namespace stele::test
