// Where the outside cases are: the folder that STELE_VECTORS names.
//
// Set but missing is a failure; not set is a visible skip. Each test counts the cases that it used:
// the line "vectors: N cases of GROUP" is summed up by tools/test.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace stele::test {

// The folder of a group ("merkle/transparency-dev"), or nothing when STELE_VECTORS is not set.
// Throws when it is set and the group is not there.
std::optional<std::filesystem::path> vectors(const std::string& group);
void used_vectors(const std::string& group, std::size_t cases);
std::string read_file(const std::filesystem::path& path);

}  // namespace stele::test

// For a test that cannot run without vectors.
#define STELE_VECTORS_OR_SKIP(variable, group)                             \
  const auto variable##_found = ::stele::test::vectors(group);             \
  if (!variable##_found) GTEST_SKIP() << "STELE_VECTORS is not set";       \
  const std::filesystem::path variable = *variable##_found
