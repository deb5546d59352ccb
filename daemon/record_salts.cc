#include "daemon/record_salts.h"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace stele::daemon {
namespace {

constexpr std::uint64_t kReseedRecords = 1u << 20;

attest::Hash random_seed() {
  attest::Hash seed;
  if (::getrandom(seed.bytes.data(), seed.bytes.size(), 0) !=
      static_cast<ssize_t>(seed.bytes.size())) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  return seed;
}

}  // namespace

RecordSalts::RecordSalts() : source_(random_seed()) {}

void RecordSalts::give(std::span<storage::NewRecord> records) {
  made_.resize(records.size());
  source_.fill(made_);
  for (std::size_t i = 0; i < records.size(); ++i) records[i].salt = made_[i];
  given_ += records.size();
  if (given_ < kReseedRecords) return;
  source_.reseed(random_seed());
  given_ = 0;
}

}  // namespace stele::daemon
