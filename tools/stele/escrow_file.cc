#include "tools/stele/escrow_file.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <stdexcept>

#include "storage/file_system.h"
#include "tools/stele/command.h"
#include "tools/stele/log_directory.h"

namespace stele::tools {
namespace {

constexpr std::string_view kBegin = "-----BEGIN CMS-----";

// The digits at `key`, as exactly that many bytes.
template <std::size_t N>
std::array<std::uint8_t, N> field(const boost::json::object& object, std::string_view key) {
  const auto bytes = attest::from_hex(std::string(object.at(key).as_string()));
  if (!bytes || bytes->size() != N) throw std::invalid_argument("a value has the wrong length");
  std::array<std::uint8_t, N> value;
  std::copy(bytes->begin(), bytes->end(), value.begin());
  return value;
}

}  // namespace

Secret read_secret(const std::string& path) {
  std::string text = read_text_file(path);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  const auto secret = attest::hash_from_hex(text);
  if (!secret) throw CommandError(kMalformed, path + " must hold 64 hex digits, and nothing else");
  return secret->bytes;
}

attest::Escrow read_plain_escrow(const std::string& path) {
  try {
    const boost::json::value value = boost::json::parse(read_text_file(path));
    const boost::json::object& object = value.as_object();
    if (object.at("schema").as_string() != "stele.escrow/1")
      throw std::invalid_argument("another schema");
    attest::Escrow escrow;
    escrow.origin = object.at("origin").as_string();
    escrow.log_id.bytes = field<32>(object, "log_id");
    escrow.ak_name = field<34>(object, "ak_name");
    escrow.owner_auth = field<32>(object, "owner_auth");
    escrow.lockout_auth = field<32>(object, "lockout_auth");
    return escrow;
  } catch (const CommandError&) {
    throw;
  } catch (const std::exception&) {
    throw CommandError(
        kMalformed, path +
                        " is no decrypted escrow file: openssl cms -decrypt -inform PEM -in FILE "
                        "-inkey key.pem gives one");
  }
}

void require_escrow_place(const std::string& path, bool may_replace) {
  if (storage::posix().exists(path) &&
      (!may_replace || !read_text_file(path).starts_with(kBegin))) {
    throw CommandError(kCannotCreate,
                       path + " exists, and may hold another log's secrets: name another file");
  }
}

std::string seal_escrow(const attest::Escrow& escrow, const std::string& certificate_pem) {
  try {
    return attest::encrypt_escrow(escrow, certificate_pem);
  } catch (const std::invalid_argument& error) {
    throw CommandError(kMalformed, error.what());
  }
}

}  // namespace stele::tools
