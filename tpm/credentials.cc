#include "tpm/credentials.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "tpm/pcr_choice.h"

namespace stele::tpm {
namespace {

using attest::Bytes;
using attest::Defect;
using attest::Fault;
using attest::Place;
using attest::Result;

std::string handle_digits(std::uint32_t handle) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", handle);
  return text;
}

// Takes the lines off one after another; remembers the first that is not as it must be.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::string_view value(std::string_view key) {
    ++number_;
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return refuse(Fault::truncated, key), std::string_view{};
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    if (line.size() <= key.size() || !line.starts_with(key) || line[key.size()] != ' ') {
      return refuse(number_ == 1 ? Fault::bad_magic : Fault::value_out_of_range, key),
             std::string_view{};
    }
    return line.substr(key.size() + 1);
  }
  Bytes hex(std::string_view key) {
    const auto bytes = attest::from_hex(value(key));
    if (!bytes) refuse(Fault::value_out_of_range, key);
    return bytes.value_or(Bytes{});
  }
  template <std::size_t N>
  void hex(std::string_view key, std::array<std::uint8_t, N>& target) {
    const Bytes bytes = hex(key);
    if (bytes.size() != N) return refuse(Fault::value_out_of_range, key);
    std::copy(bytes.begin(), bytes.end(), target.begin());
  }
  void handle(std::string_view key, std::uint32_t& target) {
    const Bytes bytes = hex(key);
    if (bytes.size() != 4) return refuse(Fault::value_out_of_range, key);
    target = std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
             std::uint32_t{bytes[2]} << 8 | bytes[3];
  }
  void refuse(Fault fault, std::string_view key) {
    if (!defect_)
      defect_ = Defect(fault, Place::line(number_), "secrets: expected '" + std::string(key) + "'");
  }
  bool at_end() const { return rest_.empty(); }
  const std::optional<Defect>& defect() const { return defect_; }

 private:
  std::string_view rest_;
  std::uint64_t number_ = 0;
  std::optional<Defect> defect_;
};

}  // namespace

std::string to_text(const Credentials& c) {
  const auto line = [](std::string_view key, const std::string& value) {
    return std::string(key) + " " + value + "\n";
  };
  return line("stele-secrets", "1") + line("ak_handle", handle_digits(c.ak_handle)) +
         line("counter_handle", handle_digits(c.counter_handle)) +
         line("extend_handle", handle_digits(c.extend_handle)) +
         line("ak_auth", attest::to_hex(c.ak_auth)) +
         line("counter_auth", attest::to_hex(c.counter_auth)) +
         line("extend_auth", attest::to_hex(c.extend_auth)) +
         line("endorsement_auth", attest::to_hex(c.endorsement_auth)) +
         line("ak", attest::to_hex(c.identity.ak.encoded())) +
         line("counter_name", attest::to_hex(c.identity.counter_name)) +
         line("extend_name", attest::to_hex(c.identity.extend_name)) +
         line("pcr", std::to_string(c.identity.pcr));
}

Result<Credentials> parse_credentials(std::string_view text) {
  Lines lines(text);
  if (lines.value("stele-secrets") != "1") lines.refuse(Fault::bad_magic, "stele-secrets 1");
  std::uint32_t ak_handle = 0, counter_handle = 0, extend_handle = 0;
  AuthValue ak_auth{}, counter_auth{}, extend_auth{}, endorsement_auth{};
  attest::Name counter_name{}, extend_name{};
  lines.handle("ak_handle", ak_handle);
  lines.handle("counter_handle", counter_handle);
  lines.handle("extend_handle", extend_handle);
  lines.hex("ak_auth", ak_auth);
  lines.hex("counter_auth", counter_auth);
  lines.hex("extend_auth", extend_auth);
  lines.hex("endorsement_auth", endorsement_auth);
  const Bytes ak_bytes = lines.hex("ak");
  lines.hex("counter_name", counter_name);
  lines.hex("extend_name", extend_name);
  const std::string_view pcr_text = lines.value("pcr");
  unsigned pcr = 0;
  const auto [end, error] =
      std::from_chars(pcr_text.data(), pcr_text.data() + pcr_text.size(), pcr);
  if (error != std::errc{} || end != pcr_text.data() + pcr_text.size() || !may_be_log_pcr(pcr)) {
    lines.refuse(Fault::value_out_of_range, "pcr");
  }
  if (!lines.at_end()) lines.refuse(Fault::trailing_bytes, "the end");
  if (lines.defect()) return *lines.defect();
  auto ak = attest::AttestationPublic::parse(ak_bytes);
  if (!ak) return ak.error();
  Credentials credentials{ak_handle,
                          counter_handle,
                          extend_handle,
                          ak_auth,
                          counter_auth,
                          extend_auth,
                          endorsement_auth,
                          attest::TpmIdentity{*std::move(ak), counter_name, extend_name,
                                              static_cast<std::uint8_t>(pcr)}};
  // One text for one meaning: no upper-case digits, no leading zeros.
  if (to_text(credentials) != text)
    return Defect(Fault::value_out_of_range, {}, "secrets: not in canonical form");
  return credentials;
}

}  // namespace stele::tpm
