#include "attest/trust.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "attest/check.h"
#include "attest/checkpoint.h"
#include "attest/decimal.h"
#include "attest/utf8.h"

namespace stele::attest {
namespace {

constexpr std::string_view kFirstLine = "stele-trust 1";
constexpr std::uint64_t kDayMs = 86'400'000;

bool read_hex(std::string_view text, Bytes& out, std::size_t max_bytes) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->empty() || bytes->size() > max_bytes || to_hex(*bytes) != text) return false;
  out = *bytes;
  return true;
}

template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) {
  Bytes bytes;
  if (!read_hex(text, bytes, N) || bytes.size() != N) return false;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return true;
}

bool read_hex(std::string_view text, Hash& out) { return read_hex(text, out.bytes); }
bool read_hex(std::string_view text, Bytes& out) { return read_hex(text, out, 512); }

// A Name is of an object with SHA-256.
bool read_name(std::string_view text, Name& out) {
  return read_hex(text, out) && out[0] == 0x00 && out[1] == 0x0b;
}

std::array<std::uint8_t, 8> big_endian(std::uint64_t value) {
  std::array<std::uint8_t, 8> out;
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return out;
}

constexpr TpmKind kTpmKinds[] = {TpmKind::discrete, TpmKind::firmware, TpmKind::virtual_,
                                 TpmKind::simulator, TpmKind::unknown};

// One line of the file: how its value is written, and read back (false: not such a value).
struct Line {
  std::string_view key;
  std::string (*write)(const TrustFile&);
  bool (*read)(std::string_view, TrustFile&);
};

template <auto kMember>
constexpr Line hex(std::string_view key) {
  return {key, [](const TrustFile& t) { return to_hex(t.*kMember); },
          [](std::string_view v, TrustFile& t) { return read_hex(v, t.*kMember); }};
}

template <auto kMember>
constexpr Line index_name(std::string_view key) {
  return {key, [](const TrustFile& t) { return to_hex(t.*kMember); },
          [](std::string_view v, TrustFile& t) { return read_name(v, t.*kMember); }};
}

template <auto kMember>
constexpr Line text(std::string_view key) {
  return {key, [](const TrustFile& t) { return t.*kMember; },
          [](std::string_view v, TrustFile& t) {
            t.*kMember = v;
            return is_trust_text(v);
          }};
}

template <auto kMember, std::uint64_t kMin, std::uint64_t kMax>
constexpr Line number(std::string_view key) {
  return {key, [](const TrustFile& t) { return std::to_string(t.*kMember); },
          [](std::string_view v, TrustFile& t) {
            const auto value = parse_decimal(v);
            if (!value || *value < kMin || *value > kMax) return false;
            t.*kMember = static_cast<std::remove_reference_t<decltype(t.*kMember)>>(*value);
            return true;
          }};
}

constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();

// The bounds keep every time, and max_quote_gap quote intervals, within 64 bits of nanoseconds.
constexpr Line kLines[] = {
    {"origin", [](const TrustFile& t) { return t.origin; },
     [](std::string_view v, TrustFile& t) {
       t.origin = v;
       return is_origin(v);
     }},
    hex<&TrustFile::log_id>("log_id"),
    number<&TrustFile::era, 0, kMax32>("era"),
    {"mode", [](const TrustFile& t) { return std::string(1, static_cast<char>(t.mode)); },
     [](std::string_view v, TrustFile& t) {
       t.mode = v == "a" ? Mode::a : Mode::b;
       return v == "a" || v == "b";
     }},
    hex<&TrustFile::ak>("ak"),
    index_name<&TrustFile::counter_name>("counter_name"),
    index_name<&TrustFile::extend_name>("extend_name"),
    {"pcr", [](const TrustFile& t) { return std::to_string(t.pcr); },
     [](std::string_view v, TrustFile& t) {
       const auto pcr = parse_decimal(v);
       if (!pcr || *pcr > 23) return false;
       t.pcr = static_cast<std::uint8_t>(*pcr);
       return is_anchor_pcr(t.pcr);
     }},
    number<&TrustFile::first_counter, 0, kMax64>("first_counter"),
    hex<&TrustFile::first_extend>("first_extend"),
    number<&TrustFile::base_reset, 0, kMax32>("base_reset"),
    number<&TrustFile::base_restart, 0, kMax32>("base_restart"),
    {"base_firmware", [](const TrustFile& t) { return to_hex(big_endian(t.base_firmware)); },
     [](std::string_view v, TrustFile& t) {
       std::array<std::uint8_t, 8> bytes{};
       if (!read_hex(v, bytes)) return false;
       t.base_firmware = 0;
       for (const std::uint8_t byte : bytes) t.base_firmware = t.base_firmware << 8 | byte;
       return true;
     }},
    number<&TrustFile::quote_interval_ms, 1, kDayMs>("quote_interval_ms"),
    number<&TrustFile::max_quote_gap, 1, 10'000>("max_quote_gap"),
    number<&TrustFile::heartbeat_s, 1, 366 * kDayMs / 1000>("heartbeat_s"),
    number<&TrustFile::slack_ms, 0, kDayMs>("slack_ms"),
    number<&TrustFile::clock_update_ms, 0, kDayMs>("clock_update_ms"),
    {"tpm_kind", [](const TrustFile& t) { return std::string(name(t.tpm_kind)); },
     [](std::string_view v, TrustFile& t) {
       const auto* found = std::find_if(std::begin(kTpmKinds), std::end(kTpmKinds),
                                        [v](TpmKind kind) { return name(kind) == v; });
       if (found == std::end(kTpmKinds)) return false;
       t.tpm_kind = *found;
       return true;
     }},
    text<&TrustFile::tpm_manufacturer>("tpm_manufacturer"),
    text<&TrustFile::tpm_model>("tpm_model"),
};

Defect malformed(std::size_t line, std::string why) {
  return Defect(Fault::trust_malformed, Place::line(line), std::move(why));
}

// What to tell a person whose line does not hold the key that belongs there.
Defect wrong_key(std::size_t number, std::string_view found, std::string_view expected) {
  const auto* known = std::find_if(std::begin(kLines), std::end(kLines),
                                   [found](const Line& line) { return line.key == found; });
  const auto place = static_cast<std::size_t>(known - std::begin(kLines)) + 2;
  std::string why;
  if (known == std::end(kLines)) {
    why = "unknown key";
  } else {
    why = place < number ? "a key that was there before" : "a key too early";
  }
  return malformed(number, why + "; expected \"" + std::string(expected) + " VALUE\"");
}

// Takes one line off the text; false if no newline ends it.
bool take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.find('\n');
  if (end == rest.npos) return false;
  line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

Result<TrustFile> parse_lines(std::string_view rest) {
  TrustFile trust;
  std::string_view found;
  if (!take_line(rest, found) || found != kFirstLine) {
    return malformed(1, "a trust file begins with the line \"" + std::string(kFirstLine) + "\"");
  }
  std::size_t number = 1;
  for (const Line& line : kLines) {
    const std::string key(line.key);
    ++number;
    if (!take_line(rest, found)) {
      return malformed(number, rest.empty() ? "missing: " + key : "the line does not end");
    }
    const std::size_t space = found.find(' ');
    if (found.substr(0, space) != key) return wrong_key(number, found.substr(0, space), key);
    if (space == found.npos) return malformed(number, key + " without a value");
    if (!line.read(found.substr(space + 1), trust)) return malformed(number, "not a value of " + key);
  }
  if (!rest.empty()) return malformed(number + 1, "a line after the last key");
  return trust;
}

}  // namespace

std::string_view name(TpmKind kind) {
  switch (kind) {
    case TpmKind::discrete: return "discrete";
    case TpmKind::firmware: return "firmware";
    case TpmKind::virtual_: return "virtual";
    case TpmKind::simulator: return "simulator";
    case TpmKind::unknown: return "unknown";
  }
  return "unknown";
}

bool is_trust_text(std::string_view text) {
  return text.size() <= 255 && is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

Result<TpmIdentity> TrustFile::identity() const {
  auto key = AttestationPublic::parse(ak);
  if (!key) return key.error();
  return TpmIdentity{*std::move(key), counter_name, extend_name, pcr};
}

std::string to_text(const TrustFile& trust) {
  ENSURE(is_origin(trust.origin) && is_trust_text(trust.tpm_manufacturer) &&
         is_trust_text(trust.tpm_model));
  std::string out(kFirstLine);
  out += '\n';
  for (const Line& line : kLines) out.append(line.key).append(" ").append(line.write(trust)).append("\n");
  return out;
}

Result<TrustFile> parse_trust(std::string_view text, std::string_view auditor_key) {
  // Lines alone hold no empty line; a note always does.
  const bool is_note = text.find("\n\n") != text.npos;
  if (!is_note) {
    if (!auditor_key.empty()) return Defect(Fault::trust_signature, {}, "the trust file is not signed");
    return parse_lines(text);
  }
  const auto note = parse_note(text);
  if (!note) return Defect(Fault::trust_malformed, note.error().at, note.error().detail);
  if (!auditor_key.empty()) {
    const auto key = parse_note_key(auditor_key);
    if (!key) return Defect(Fault::trust_signature, {}, "the auditor's key: " + key.error().detail);
    if (auto verified = verify_note(*note, *key); !verified) {
      return Defect(Fault::trust_signature, {}, verified.error().detail);
    }
  }
  return parse_lines(note->text);
}

}  // namespace stele::attest
