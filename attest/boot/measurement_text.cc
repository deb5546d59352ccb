// The ASCII form of the list: "10 <template digest> <template name> <field> <field>…" a line.
//
// The kernel writes one space before each field, also before an empty one; spaces in a path it has
// made underscores. The template data is put together again from the text, and the template digest
// tells whether that is right.
#include <algorithm>

#include "attest/boot/measurement_template.h"
#include "attest/decimal.h"

namespace stele::attest::boot {
namespace {

// A line of text that is no entry: why.
struct Wrong {
  Fault fault;
  std::string detail;
};

void little32(Bytes& out, std::size_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::optional<Bytes> named_digest(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto digest = from_hex(text.substr(colon + 1));
  if (!digest) return std::nullopt;
  Bytes out(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon) + 1);
  out.push_back(0);
  out.insert(out.end(), digest->begin(), digest->end());
  return out;
}

// The bytes of a field that is written as this text. Nothing: it is not written so.
std::optional<Bytes> field_bytes(std::string_view id, std::string_view text) {
  if (id == "n-ng") {
    Bytes out(text.begin(), text.end());
    out.push_back(0);
    return out;
  }
  if (id == "n") return Bytes(text.begin(), text.end());
  if (text.empty()) return Bytes{};
  if (id == "d-ng" || id == "d-ngv2" || id == "d-modsig") return named_digest(text);
  return from_hex(text);
}

// Fields of which the text gives the bytes without doubt.
bool has_sure_bytes(std::string_view id) {
  constexpr std::string_view kSure[] = {"d",   "d-ng", "d-ngv2",   "n",     "n-ng",
                                        "sig", "buf",  "d-modsig", "modsig"};
  return std::find(std::begin(kSure), std::end(kSure), id) != std::end(kSure);
}

std::optional<Wrong> put_together(const std::vector<std::string_view>& texts, Measurement& out) {
  const auto ids = fields_of(out.template_name);
  if (ids.empty() || !std::all_of(ids.begin(), ids.end(), has_sure_bytes)) {
    return Wrong{Fault::version_unknown,
                 "a template whose data its text does not give: read the binary list"};
  }
  if (texts.size() > ids.size())
    return Wrong{Fault::value_out_of_range, "more fields than the template has"};
  std::vector<Bytes> fields;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto bytes = field_bytes(ids[i], i < texts.size() ? texts[i] : std::string_view());
    if (!bytes)
      return Wrong{Fault::value_out_of_range, "a field that is not written as its template says"};
    fields.push_back(std::move(*bytes));
  }
  if (out.template_name == kOldTemplate) {
    if (fields[0].size() != kOldDigestBytes || fields[1].size() >= kOldPathBytes) {
      return Wrong{Fault::value_out_of_range,
                   "a digest or a path of another size than the template has"};
    }
    out.template_data = old_template_data(
        fields[0], {reinterpret_cast<const char*>(fields[1].data()), fields[1].size()});
    return std::nullopt;
  }
  for (const Bytes& field : fields) {
    little32(out.template_data, field.size());
    out.template_data.insert(out.template_data.end(), field.begin(), field.end());
  }
  return std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  for (std::size_t space; (space = line.find(' ', begin)) != std::string_view::npos;
       begin = space + 1) {
    out.push_back(line.substr(begin, space - begin));
  }
  out.push_back(line.substr(begin));
  return out;
}

std::optional<Wrong> read_line(std::string_view line, Algorithm algorithm, Measurement& out) {
  std::vector<std::string_view> words = words_of(line);
  const auto pcr = parse_decimal(words[0]);
  const auto digest = words.size() < 4 ? std::nullopt : from_hex(words[1]);
  if (!pcr || *pcr >= kPcrs || !digest || digest->size() != digest_bytes(algorithm)) {
    return Wrong{Fault::value_out_of_range,
                 "not a line of PCR, template digest of the list's hash, template name, fields"};
  }
  if (words[2].empty() || words[2].size() > kMaxTemplateNameBytes ||
      line.size() > kMaxTemplateDataBytes) {
    return Wrong{Fault::value_out_of_range, "a template name or a line beyond its limit"};
  }
  out.pcr = static_cast<std::uint32_t>(*pcr);
  out.digest = *digest;
  out.template_name = words[2];
  if (out.violation()) return std::nullopt;  // nothing binds its fields
  words.erase(words.begin(), words.begin() + 3);
  return put_together(words, out);
}

}  // namespace

Result<MeasurementList> parse_ascii_measurement_list(std::string_view text, Algorithm algorithm) {
  if (text.size() > kMaxMeasurementListBytes || digest_bytes(algorithm) == 0) {
    return Defect(Fault::value_out_of_range, Place::line(1),
                  "a measurement list that is too long, or of an unknown hash");
  }
  MeasurementList list;
  list.algorithm = algorithm;
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const bool ended = end != std::string_view::npos;
    const Place place = Place::line(number);
    Measurement entry;
    entry.at = number;
    std::optional<Defect> defect;
    if (const auto wrong = read_line(text.substr(0, end), algorithm, entry)) {
      defect = Defect(wrong->fault, place, wrong->detail);
    } else if (list.entries.size() == kMaxMeasurements) {
      return Defect(Fault::value_out_of_range, place,
                    "more than " + std::to_string(kMaxMeasurements) + " measurements");
    } else {
      defect = judge(entry, algorithm, place);
    }
    if (defect && ended) return *defect;
    if (defect) {
      list.torn_bytes = text.size();
    } else {
      list.entries.push_back(std::move(entry));
    }
    text.remove_prefix(ended ? end + 1 : text.size());
  }
  if (list.entries.empty() && list.torn_bytes > 0) {
    return Defect(Fault::truncated, Place::line(1), "a measurement list without one whole entry");
  }
  return list;
}

}  // namespace stele::attest::boot
