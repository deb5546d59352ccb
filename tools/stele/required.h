// required(): the value of a file that the operator named, or the end of the command with what is
// wrong in it.
//
// Thread safety: pure. Errors: CommandError 65.
#pragma once

#include <string>
#include <utility>

#include "attest/result.h"
#include "tools/stele/command.h"

namespace stele::tools {

template <class T>
T required(attest::Result<T> result, const std::string& what) {
  if (result) return *std::move(result);
  throw CommandError(kMalformed, what + ": " + std::string(name(result.error().fault)) + ": " +
                                     result.error().detail);
}

}  // namespace stele::tools
