// Numbered files: how the segments and the journal name their files, found and opened as evidence.
//
// A name is the number in 16 lower-case hex digits; anything else in the directory is not ours.
// Thread safety: functions. Errors: the OS failing throws std::system_error.
// Trust: names and what lies behind them are from the host under judgement: links are not followed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"

namespace stele::storage {

std::string numbered_name(std::uint64_t number);
std::optional<std::uint64_t> parse_numbered_name(std::string_view name);

// The numbers in a directory, ascending; none if there is no such directory.
std::vector<std::uint64_t> numbered_files(FileSystem&, const std::string& directory);

// A file to be judged; null if nothing is there, or no regular file (a link, a pipe, a directory).
std::unique_ptr<File> open_evidence(FileSystem&, const std::string& path);

}  // namespace stele::storage
