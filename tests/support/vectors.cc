#include "tests/support/vectors.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

namespace stele::test {

std::optional<std::filesystem::path> vectors(const std::string& group) {
  const char* root = std::getenv("STELE_VECTORS");
  if (root == nullptr || *root == '\0') return std::nullopt;
  std::filesystem::path path = std::filesystem::path(root) / group;
  if (!std::filesystem::exists(path)) {
    throw std::runtime_error("STELE_VECTORS is set, but there is no " + path.string());
  }
  return path;
}

void used_vectors(const std::string& group, std::size_t cases) {
  std::cout << "vectors: " << cases << " cases of " << group << std::endl;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace stele::test
