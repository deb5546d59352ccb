#include "tools/stele/pinned_roots.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "tools/stele/command.h"
#include "tools/stele/log_directory.h"

namespace stele::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{4} << 20;

std::vector<fs::path> files_of(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw CommandError(kNoInput, folder + " is no folder of certificates");
  }
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const bool hidden = entry.path().filename().string().starts_with('.');
    if (!hidden && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

attest::PinnedRoots read_pinned_roots(const std::string& folder) {
  attest::PinnedRoots roots;
  for (const fs::path& path : files_of(folder)) {
    if (fs::file_size(path) > kMaxFileBytes) {
      throw CommandError(kMalformed, path.string() + " is larger than any certificate");
    }
    const auto added = roots.add(attest::view(read_text_file(path.string())));
    if (!added) throw CommandError(kMalformed, path.string() + ": " + added.error().detail);
  }
  if (roots.size() == 0) {
    throw CommandError(kNoInput, folder +
                                     " holds no certificate: put there the roots (and "
                                     "intermediates) of the TPM makers that you trust");
  }
  return roots;
}

}  // namespace stele::tools
