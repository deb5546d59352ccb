// The auditor's own files: read whole, replaced whole.
//
// Thread safety: functions. Blocks: replace_file() syncs. Errors: std::system_error naming the file.
// Durability: when replace_file() returns the new contents are durable; before, the old ones are.
#pragma once

#include <string>
#include <string_view>

namespace stele::tools {

constexpr std::size_t kMaxFileBytes = 256u << 20;

// Follows links and reads pipes: these files are the caller's. Longer than the limit: EFBIG.
std::string read_whole(const std::string& path, std::size_t limit = kMaxFileBytes);
// Writes a file beside it, syncs, renames it over, syncs the directory.
void replace_file(const std::string& path, std::string_view contents);

}  // namespace stele::tools
