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
  std::size_t without = 0;
  for (const storage::NewRecord& record : records) without += record.commitment == nullptr;
  const std::span<attest::Hash> salts(made_.data(), without);
  fill(salts);
  auto salt = salts.begin();
  for (storage::NewRecord& record : records) {
    if (record.commitment == nullptr) record.salt = *salt++;
  }
}

void RecordSalts::fill(std::span<attest::Hash> salts) {
  source_.fill(salts);
  given_ += salts.size();
  if (given_ < kReseedRecords) return;
  source_.reseed(random_seed());
  given_ = 0;
}

}  // namespace stele::daemon
