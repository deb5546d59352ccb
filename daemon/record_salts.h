// Record salts: one for each record that is written, from a generator that the kernel seeds anew
// now and then.
//
// Thread safety: none. Errors: std::system_error where the kernel has no randomness.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attest/salt.h"
#include "storage/store.h"

namespace stele::daemon {

class RecordSalts {
 public:
  RecordSalts();
  // To those that are not committed to yet.
  void give(std::span<storage::NewRecord> records);
  void fill(std::span<attest::Hash> salts);

 private:
  attest::SaltSource source_;
  std::uint64_t given_ = 0;  // since it was seeded
  std::vector<attest::Hash> made_;
};

}  // namespace stele::daemon
