#include "storage/boot_log_reader.h"

#include <algorithm>

#include "storage/numbered_file.h"

namespace stele::storage {

std::optional<ByteView> BootLogReader::read(Log& log, const attest::Hash& named,
                                            std::uint64_t stated) {
  if (stated == 0) return std::nullopt;
  if (log.named != named || log.stated != stated) {
    log = {named, stated, false, {}};
    const auto file = stated <= kMaxBootLogBytes
                          ? open_evidence(files_, folder_ + "/" + attest::to_hex(named))
                          : nullptr;
    // One byte more than stated shows that there are more.
    const std::uint64_t wanted = file ? std::min(file->size(), stated + 1) : 0;
    if (file && wanted <= left_) {
      log.bytes.resize(static_cast<std::size_t>(wanted));
      log.bytes.resize(file->read(0, log.bytes));
      log.there = true;
    }
  }
  if (!log.there || log.bytes.size() > left_) return std::nullopt;
  left_ -= log.bytes.size();
  return ByteView(log.bytes);
}

attest::BootLogs BootLogReader::read(ByteView bundle) {
  const auto decoded = attest::decode_bundle(bundle);
  if (!decoded) return {};
  return {read(event_log_, decoded->event_log_hash, decoded->event_log_bytes),
          read(measurements_, decoded->ima_hash, decoded->ima_bytes)};
}

}  // namespace stele::storage
