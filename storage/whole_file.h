// Small files that are read and replaced whole: keys, positions, what was agreed with others.
//
// Thread safety: one writer a path. Blocks: each call. Errors: throws std::system_error.
// Durability: replace_whole() returns when the new contents are durable; a crash leaves the old
// ones or the new ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/file_system.h"

namespace stele::storage {

// Nothing: there is no such file. EFBIG: it is longer than max_bytes.
std::optional<std::string> read_whole(FileSystem& files, const std::string& path,
                                      std::size_t max_bytes);
// Written as PATH.new, synced, renamed, its directory synced.
void replace_whole(FileSystem& files, const std::string& path, std::string_view contents);

}  // namespace stele::storage
