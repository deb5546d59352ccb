#include "attest/trust.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "attest/check.h"
#include "attest/checkpoint.h"
#include "attest/decimal.h"
#include "attest/trust_limits.h"
#include "attest/trust_lines.h"
#include "attest/utf8.h"

namespace stele::attest {
namespace {

// Which of them a file begins with follows from what it holds: there is no older form.
constexpr std::string_view kTrustFirstLine = "stele-trust 1";
constexpr std::string_view kFirstLineWithMore = "stele-trust 2";
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

bool read_hex(std::string_view text, Hash& out) {
  return read_hex(text, out.bytes);
}
bool read_hex(std::string_view text, Bytes& out) {
  return read_hex(text, out, 512);
}

// A Name is of an object with SHA-256.
bool read_name_text(std::string_view text, Name& out) {
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
template <class Part>
struct LineOf {
  std::string_view key;
  std::string (*write)(const Part&);
  bool (*read)(std::string_view, Part&);
};
using Line = LineOf<TrustPins>;
using EndLine = LineOf<EarlierEra>;

template <class Part, class Value>
Part part_of(Value Part::*);
// The struct that a pointer to member belongs to.
template <auto kMember>
using PartOf = decltype(part_of(kMember));

template <auto kMember, class Part = PartOf<kMember>>
constexpr LineOf<Part> hex(std::string_view key) {
  return {key, [](const Part& t) { return to_hex(t.*kMember); },
          [](std::string_view v, Part& t) { return read_hex(v, t.*kMember); }};
}

template <auto kMember>
constexpr Line index_name(std::string_view key) {
  return {key, [](const TrustPins& t) { return to_hex(t.*kMember); },
          [](std::string_view v, TrustPins& t) { return read_name_text(v, t.*kMember); }};
}

template <auto kMember>
constexpr Line text(std::string_view key) {
  return {key, [](const TrustPins& t) { return t.*kMember; },
          [](std::string_view v, TrustPins& t) {
            t.*kMember = v;
            return is_trust_text(v);
          }};
}

template <auto kMember, std::uint64_t kMin, std::uint64_t kMax, class Part = PartOf<kMember>>
constexpr LineOf<Part> number(std::string_view key) {
  return {key, [](const Part& t) { return std::to_string(t.*kMember); },
          [](std::string_view v, Part& t) {
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
    {"origin", [](const TrustPins& t) { return t.origin; },
     [](std::string_view v, TrustPins& t) {
       t.origin = v;
       return is_origin(v);
     }},
    hex<&TrustPins::log_id>("log_id"),
    number<&TrustPins::era, 0, kMaxEra>("era"),
    {"mode", [](const TrustPins& t) { return std::string(1, static_cast<char>(t.mode)); },
     [](std::string_view v, TrustPins& t) {
       t.mode = v == "a" ? Mode::a : Mode::b;
       return v == "a" || v == "b";
     }},
    hex<&TrustPins::ak>("ak"),
    index_name<&TrustPins::counter_name>("counter_name"),
    index_name<&TrustPins::extend_name>("extend_name"),
    {"pcr", [](const TrustPins& t) { return std::to_string(t.pcr); },
     [](std::string_view v, TrustPins& t) {
       const auto pcr = parse_decimal(v);
       if (!pcr || *pcr > 23) return false;
       t.pcr = static_cast<std::uint8_t>(*pcr);
       return is_anchor_pcr(t.pcr);
     }},
    number<&TrustPins::first_counter, 0, kMax64>("first_counter"),
    hex<&TrustPins::first_extend>("first_extend"),
    number<&TrustPins::base_reset, 0, kMax32>("base_reset"),
    number<&TrustPins::base_restart, 0, kMax32>("base_restart"),
    {"base_firmware", [](const TrustPins& t) { return to_hex(big_endian(t.base_firmware)); },
     [](std::string_view v, TrustPins& t) {
       std::array<std::uint8_t, 8> bytes{};
       if (!read_hex(v, bytes)) return false;
       t.base_firmware = 0;
       for (const std::uint8_t byte : bytes) t.base_firmware = t.base_firmware << 8 | byte;
       return true;
     }},
    number<&TrustPins::quote_interval_ms, 1, kDayMs>("quote_interval_ms"),
    number<&TrustPins::max_quote_gap, 1, 10'000>("max_quote_gap"),
    number<&TrustPins::heartbeat_s, 1, 366 * kDayMs / 1000>("heartbeat_s"),
    number<&TrustPins::slack_ms, 0, kDayMs>("slack_ms"),
    number<&TrustPins::clock_update_ms, 0, kDayMs>("clock_update_ms"),
    {"tpm_kind", [](const TrustPins& t) { return std::string(name(t.tpm_kind)); },
     [](std::string_view v, TrustPins& t) {
       const auto* found = std::find_if(std::begin(kTpmKinds), std::end(kTpmKinds),
                                        [v](TpmKind kind) { return name(kind) == v; });
       if (found == std::end(kTpmKinds)) return false;
       t.tpm_kind = *found;
       return true;
     }},
    text<&TrustPins::tpm_manufacturer>("tpm_manufacturer"),
    text<&TrustPins::tpm_model>("tpm_model"),
};

// How an era ended: between the file of the one that followed and its own.
constexpr EndLine kEndLines[] = {
    number<&EarlierEra::seq, 0, kMax64>("previous_seq"),
    hex<&EarlierEra::extend>("previous_extend"),
    number<&EarlierEra::size, 0, kMax64>("previous_size"),
    number<&EarlierEra::lost, 0, kMax32>("previous_lost"),
};

// What to tell a person whose line does not hold the key that belongs there.
template <std::size_t N, class Part>
Defect wrong_key(const LineOf<Part> (&lines)[N], std::size_t first, std::size_t number,
                 std::string_view found, std::string_view expected) {
  const auto* known = std::find_if(std::begin(lines), std::end(lines),
                                   [found](const LineOf<Part>& line) { return line.key == found; });
  const auto place = static_cast<std::size_t>(known - std::begin(lines)) + first;
  std::string why;
  if (known == std::end(lines)) {
    why = "unknown key";
  } else {
    why = place < number ? "a key that was there before" : "a key too early";
  }
  return malformed(number, why + "; expected \"" + std::string(expected) + " VALUE\"");
}

template <std::size_t N, class Part>
Result<void> parse_part(const LineOf<Part> (&expected)[N], Lines& lines, Part& part) {
  std::string_view found;
  const std::size_t first = lines.number + 1;
  for (const LineOf<Part>& line : expected) {
    const std::string key(line.key);
    ++lines.number;
    if (!take_line(lines.rest, found)) {
      return malformed(lines.number,
                       lines.rest.empty() ? "missing: " + key : "the line does not end");
    }
    const std::size_t space = found.find(' ');
    if (found.substr(0, space) != key) {
      return wrong_key(expected, first, lines.number, found.substr(0, space), key);
    }
    if (space == found.npos) return malformed(lines.number, key + " without a value");
    if (!line.read(found.substr(space + 1), part)) {
      return malformed(lines.number, "not a value of " + key);
    }
  }
  return ok();
}

Result<void> parse_pins(Lines& lines, TrustPins& pins) {
  std::string_view found;
  ++lines.number;
  const bool whole = take_line(lines.rest, found);
  const bool with_more = whole && found == kFirstLineWithMore;
  if (!with_more && (!whole || found != kTrustFirstLine)) {
    return malformed(lines.number, "a trust file begins with the line \"" +
                                       std::string(kTrustFirstLine) + "\" or \"" +
                                       std::string(kFirstLineWithMore) + "\"");
  }
  if (auto read = parse_part(kLines, lines, pins); !read || !with_more) return read;
  if (auto read = parse_auditor_lines(lines, pins); !read) return read;
  if (!pins.says_what_only_an_auditor_can()) {
    return malformed(lines.number + 1, "version 2 without a line of its own");
  }
  return ok();
}

Result<TrustFile> parse_lines(std::string_view text) {
  TrustFile trust;
  Lines lines{text};
  if (auto read = parse_pins(lines, trust); !read) return read.error();
  // Bounded: each era is one below the one that followed, and the first read is at most kMaxEra.
  for (std::uint32_t era = trust.era; era > 0; --era) {
    EarlierEra earlier;
    if (auto read = parse_part(kEndLines, lines, earlier); !read) return read.error();
    const std::size_t begin = lines.number + 1;
    if (auto read = parse_pins(lines, earlier.pins); !read) return read.error();
    if (earlier.pins.era != era - 1) {
      return malformed(begin, "era " + std::to_string(era) + " follows era " +
                                  std::to_string(era - 1) + ", not " +
                                  std::to_string(earlier.pins.era));
    }
    if (earlier.pins.origin != trust.origin) {
      return malformed(begin, "an earlier era of another log");
    }
    trust.earlier.push_back(std::move(earlier));
  }
  if (!lines.rest.empty()) return malformed(lines.number + 1, "a line after the last key");
  return trust;
}

template <std::size_t N, class Part>
void write_part(const LineOf<Part> (&lines)[N], const Part& part, std::string& out) {
  for (const LineOf<Part>& line : lines) {
    out.append(line.key).append(" ").append(line.write(part)).append("\n");
  }
}

void write_pins(const TrustPins& pins, std::string& out) {
  ENSURE(is_origin(pins.origin) && is_trust_text(pins.tpm_manufacturer) &&
         is_trust_text(pins.tpm_model));
  out.append(pins.says_what_only_an_auditor_can() ? kFirstLineWithMore : kTrustFirstLine)
      .append("\n");
  write_part(kLines, pins, out);
  out += auditor_lines(pins);
}

}  // namespace

std::string_view name(TpmKind kind) {
  switch (kind) {
    case TpmKind::discrete:
      return "discrete";
    case TpmKind::firmware:
      return "firmware";
    case TpmKind::virtual_:
      return "virtual";
    case TpmKind::simulator:
      return "simulator";
    case TpmKind::unknown:
      return "unknown";
  }
  return "unknown";
}

bool is_trust_text(std::string_view text) {
  return text.size() <= 255 && is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

Result<TpmIdentity> TrustPins::identity() const {
  auto key = AttestationPublic::parse(ak);
  if (!key) return key.error();
  return TpmIdentity{*std::move(key), counter_name, extend_name, pcr};
}

std::string to_text(const TrustFile& trust) {
  ENSURE(trust.earlier.size() == trust.era);
  std::string out;
  write_pins(trust, out);
  for (const EarlierEra& earlier : trust.earlier) {
    write_part(kEndLines, earlier, out);
    write_pins(earlier.pins, out);
  }
  return out;
}

Result<TrustFile> parse_trust(std::string_view text, std::string_view auditor_key) {
  if (text.size() > kMaxTrustFileBytes) {
    return malformed(1, "a trust file has at most " + std::to_string(kMaxTrustFileBytes) +
                            " bytes: leave out the boot policies of eras that have ended");
  }
  // Lines alone hold no empty line; a note always does.
  const bool is_note = text.find("\n\n") != text.npos;
  if (!is_note) {
    if (!auditor_key.empty())
      return Defect(Fault::trust_signature, {}, "the trust file is not signed");
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
