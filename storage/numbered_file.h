// The names of segment and journal files: the file's number as 16 lower-case hex digits.
//
// Anything else in such a directory is not ours and is ignored ("….new": a file not finished).
// Thread safety: functions are. Errors: the OS failing throws std::system_error.
// Trust: names and what lies behind them come from the host under judgement: links are not followed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"

namespace stele::storage {

std::string file_name(std::uint64_t number);
std::optional<std::uint64_t> parse_file_name(std::string_view name);
std::string numbered_path(const std::string& directory, std::uint64_t number);
// The numbers that are there, ascending; none if there is no such directory.
std::vector<std::uint64_t> list_numbers(FileSystem&, const std::string& directory);
// A file to be judged; null if nothing is there, or no regular file (a link, a pipe, a directory).
std::unique_ptr<File> open_evidence(FileSystem&, const std::string& path);

}  // namespace stele::storage
