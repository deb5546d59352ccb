#include "storage/boot_log_parts.h"

#include "attest/bundle.h"
#include "attest/check.h"

namespace stele::storage {

BootLogParts::BootLogParts(FileSystem& files, const std::string& directory,
                           attest::EvidenceAssembler& assembler, const BootLogLimits& limits)
    : files_(files),
      directory_(directory),
      assembler_(assembler),
      limits_(limits),
      left_(limits.all_bytes) {
  ENSURE(limits.log_bytes <= attest::kMaxLogPart);
}

void BootLogParts::give(attest::ByteView encoded_bundle) {
  const auto bundle = attest::decode_bundle(encoded_bundle);
  if (!bundle) return;
  give_log(bundle->event_log_hash, bundle->event_log_bytes);
  give_log(bundle->ima_hash, bundle->ima_bytes);
}

void BootLogParts::give_log(const attest::Hash& hash, std::uint64_t bytes) {
  const std::string path = directory_ + "/boot/" + attest::to_hex(hash);
  if (bytes == 0 || !files_.exists(path)) return;
  if (bytes > limits_.log_bytes || bytes > left_) {
    ++too_long_;
    return;
  }
  const auto file = files_.open(path, FileSystem::Open::read_only);
  attest::Bytes log(static_cast<std::size_t>(bytes));
  if (file->read(0, log) != log.size() || attest::hash(log) != hash) return;
  left_ -= bytes;
  assembler_.log(log);
}

}  // namespace stele::storage
