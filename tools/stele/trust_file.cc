#include "tools/stele/trust_file.h"

namespace stele::tools {

StoredTrust read_trust(const Site& site) {
  require_log(site);
  const std::string path = site.config.data + "/trust";
  const auto file = storage::posix().open(path, storage::FileSystem::Open::read_only);
  std::string text(file->size(), '\0');
  text.resize(file->read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
  auto trust = attest::parse_trust(text);
  if (!trust) {
    throw CommandError(
        kMalformed, path + " is not a trust file: " + std::string(name(trust.error().fault)) + " " +
                        trust.error().detail);
  }
  return {std::move(text), std::move(*trust)};
}

std::optional<attest::TrustFile> find_trust(const Site& site) {
  try {
    return read_trust(site).trust;
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

}  // namespace stele::tools
