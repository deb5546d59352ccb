// Damage: what opening or reading our own store found that no crash explains.
//
// Thread safety: a value. Errors: it is one: thrown, because a daemon that meets it can only stop.
#pragma once

#include <stdexcept>
#include <string>

#include "attest/result.h"

namespace stele::storage {

// The message says what and where; the defect says it to a program.
class Damage : public std::runtime_error {
 public:
  explicit Damage(attest::Defect defect);
  Damage(attest::Fault fault, attest::Place at, std::string detail)
      : Damage(attest::Defect(fault, at, std::move(detail))) {}
  const attest::Defect& defect() const { return defect_; }

 private:
  attest::Defect defect_;
};

}  // namespace stele::storage
