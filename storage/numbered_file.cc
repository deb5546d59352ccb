#include "storage/numbered_file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace stele::storage {

namespace {

constexpr std::size_t kDigits = 16;
constexpr std::string_view kHex = "0123456789abcdef";

}  // namespace

std::string file_name(std::uint64_t number) {
  std::string name(kDigits, '0');
  for (std::size_t i = kDigits; i-- > 0; number >>= 4) name[i] = kHex[number & 0xf];
  return name;
}

std::optional<std::uint64_t> parse_file_name(std::string_view name) {
  if (name.size() != kDigits) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : name) {
    const std::size_t digit = kHex.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    number = number << 4 | digit;
  }
  return number;
}

std::string numbered_path(const std::string& directory, std::uint64_t number) {
  return directory + "/" + file_name(number);
}

std::vector<std::uint64_t> list_numbers(FileSystem& files, const std::string& directory) {
  std::vector<std::uint64_t> numbers;
  if (!files.exists(directory)) return numbers;
  std::vector<std::string> names;
  try {
    names = files.list(directory);
  } catch (const std::system_error& error) {
    // Something else of that name, or removed since: no files of ours either way.
    if (error.code() != std::errc::not_a_directory &&
        error.code() != std::errc::no_such_file_or_directory) {
      throw;
    }
  }
  for (const std::string& name : names) {
    if (const auto number = parse_file_name(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::unique_ptr<File> open_evidence(FileSystem& files, const std::string& path) {
  try {
    return files.open(path, FileSystem::Open::read_only);
  } catch (const std::system_error& error) {
    for (const std::errc refused :
         {std::errc::no_such_file_or_directory, std::errc::not_a_directory,
          std::errc::too_many_symbolic_link_levels, std::errc::invalid_argument,
          std::errc::no_such_device_or_address, std::errc::is_a_directory}) {
      if (error.code() == refused) return nullptr;
    }
    throw;
  }
}

}  // namespace stele::storage
