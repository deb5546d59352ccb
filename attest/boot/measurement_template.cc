#include "attest/boot/measurement_template.h"

#include <algorithm>

#include "attest/boot/little_reader.h"

namespace stele::attest::boot {
namespace {

struct Template {
  std::string_view name, fields;
};
constexpr Template kTemplates[] = {
    {"ima", "d|n"},
    {"ima-ng", "d-ng|n-ng"},
    {"ima-sig", "d-ng|n-ng|sig"},
    {"ima-ngv2", "d-ngv2|n-ng"},
    {"ima-sigv2", "d-ngv2|n-ng|sig"},
    {"ima-buf", "d-ng|n-ng|buf"},
    {"ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig"},
    {"evm-sig", "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode"}};
constexpr std::string_view kFields[] = {
    "d",      "d-ng",   "d-ngv2", "n",    "n-ng",  "sig",        "buf",          "d-modsig",
    "modsig", "evmsig", "iuid",   "igid", "imode", "xattrnames", "xattrlengths", "xattrvalues"};

struct HashSize {
  std::string_view name;
  std::size_t bytes;
};
constexpr HashSize kHashes[] = {
    {"md4", 16},      {"md5", 16},      {"sha1", 20},     {"rmd128", 16},      {"rmd160", 20},
    {"rmd256", 32},   {"rmd320", 40},   {"sha224", 28},   {"sha256", 32},      {"sha384", 48},
    {"sha512", 64},   {"sm3", 32},      {"sm3-256", 32},  {"sm3_256", 32},     {"tgr128", 16},
    {"tgr160", 20},   {"tgr192", 24},   {"wp256", 32},    {"wp384", 48},       {"wp512", 64},
    {"sha3-256", 32}, {"sha3-384", 48}, {"sha3-512", 64}, {"streebog256", 32}, {"streebog512", 64}};

std::vector<std::string_view> split_fields(std::string_view text) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t bar = text.find('|');
    const std::string_view field = text.substr(0, bar);
    if (std::find(std::begin(kFields), std::end(kFields), field) == std::end(kFields)) return {};
    out.push_back(field);
    if (bar == std::string_view::npos) return out;
    text.remove_prefix(bar + 1);
  }
}

std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "sha256:" NUL digest, or with a type in front, "verity:sha256:".
std::optional<std::string> read_named_digest(ByteView field, Measurement& out) {
  const std::string_view text = text_of(field);
  const std::size_t nul = text.find('\0');
  if (nul == std::string_view::npos || nul == 0 || text[nul - 1] != ':')
    return "a digest without its hash's name";
  const std::string_view prefix = text.substr(0, nul - 1);
  const std::size_t colon = prefix.rfind(':');
  const std::string_view hash = colon == std::string_view::npos ? prefix : prefix.substr(colon + 1);
  const ByteView digest = field.subspan(nul + 1);
  if (file_digest_bytes(hash) == 0) return "a file digest of a hash that is not known";
  if (digest.size() != file_digest_bytes(hash))
    return "a file digest of another size than its hash has";
  out.file_hash = prefix;
  out.file_digest.assign(digest.begin(), digest.end());
  return std::nullopt;
}

std::optional<std::string> read_path(ByteView field, bool terminated, Measurement& out) {
  std::string_view text = text_of(field);
  if (terminated) {
    if (text.empty() || text.back() != '\0') return "a path that does not end with NUL";
    text.remove_suffix(1);
  }
  if (text.find('\0') != std::string_view::npos) return "a path with NUL in it";
  out.path = text;
  return std::nullopt;
}

std::optional<std::string> read_field(std::string_view id, ByteView field, Measurement& out) {
  if (id == "d-ng" || id == "d-ngv2") return read_named_digest(field, out);
  if (id == "n-ng") return read_path(field, true, out);
  if (id == "n") return read_path(field, false, out);
  if (id == "d") {
    out.file_hash = "sha1";  // or MD5, padded: the template does not tell
    out.file_digest.assign(field.begin(), field.end());
  }
  return std::nullopt;
}

std::optional<std::string> read_old(Measurement& measurement) {
  const ByteView data = measurement.template_data;
  const ByteView path = data.subspan(kOldDigestBytes);
  const auto end = std::find(path.begin(), path.end(), 0);
  if (auto wrong = read_field("d", data.first(kOldDigestBytes), measurement)) return wrong;
  return read_path(path.first(static_cast<std::size_t>(end - path.begin())), false, measurement);
}

}  // namespace

std::vector<std::string_view> fields_of(std::string_view template_name) {
  for (const Template& one : kTemplates) {
    if (one.name == template_name) return split_fields(one.fields);
  }
  return split_fields(template_name);
}

std::size_t file_digest_bytes(std::string_view hash_name) {
  for (const HashSize& one : kHashes) {
    if (one.name == hash_name) return one.bytes;
  }
  return 0;
}

Bytes old_template_data(ByteView digest, std::string_view path) {
  Bytes out(digest.begin(), digest.end());
  out.insert(out.end(), path.begin(), path.end());
  out.resize(kOldDigestBytes + kOldPathBytes, 0);
  return out;
}

std::optional<std::string> read_template_data(Measurement& measurement) {
  if (measurement.template_name == kOldTemplate) return read_old(measurement);
  LittleReader in(measurement.template_data);
  std::vector<ByteView> fields;
  while (in.left() > 0 && !in.failed()) fields.push_back(in.bytes(in.u32()));
  if (in.failed()) return "template data that is not a row of fields";
  const auto ids = fields_of(measurement.template_name);
  if (ids.empty()) return std::nullopt;  // another kernel's template: only its digest counts
  if (ids.size() != fields.size())
    return "template data with more or fewer fields than its template has";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (auto wrong = read_field(ids[i], fields[i], measurement)) return wrong;
  }
  return std::nullopt;
}

std::optional<Defect> judge(Measurement& measurement, Algorithm algorithm, Place place) {
  if (measurement.pcr >= kPcrs) {
    return Defect(Fault::value_out_of_range, place,
                  "a measurement into PCR " + std::to_string(measurement.pcr));
  }
  if (measurement.violation()) return std::nullopt;
  const auto computed = digest(algorithm, {measurement.template_data});
  if (computed && *computed != measurement.digest) {
    return Defect(Fault::commitment_mismatch, place, "a template digest that is not its data's");
  }
  if (const auto wrong = read_template_data(measurement))
    return Defect(Fault::value_out_of_range, place, *wrong);
  return std::nullopt;
}

}  // namespace stele::attest::boot
