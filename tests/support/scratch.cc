#include "tests/support/scratch.h"

#include <cstdlib>
#include <stdexcept>

namespace stele::test {

Scratch::Scratch() {
  std::string pattern = (std::filesystem::temp_directory_path() / "stele-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  path_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace stele::test
