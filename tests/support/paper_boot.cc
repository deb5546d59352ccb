#include "tests/support/paper_boot.h"

namespace stele::test {

using attest::Bytes;
using attest::ByteView;
using attest::boot::Algorithm;

namespace {

void text(Bytes& out, std::string_view bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

void little16(Bytes& out, std::uint16_t value) {
  for (int shift = 0; shift < 16; shift += 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void little32(Bytes& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

PaperEventLog::PaperEventLog(std::vector<Algorithm> banks) : banks_(std::move(banks)) {
  if (banks_.empty()) return;
  Bytes spec;
  text(spec, {"Spec ID Event03\0\0\0\0\0\0\2\0\2", 24});
  little32(spec, static_cast<std::uint32_t>(banks_.size()));
  for (const Algorithm bank : banks_) {
    little16(spec, static_cast<std::uint16_t>(bank));
    little16(spec, static_cast<std::uint16_t>(attest::boot::digest_bytes(bank)));
  }
  spec.push_back(0);  // no vendor information
  little32(bytes_, 0);
  little32(bytes_, 3);
  bytes_.insert(bytes_.end(), 20, 0);
  little32(bytes_, static_cast<std::uint32_t>(spec.size()));
  append(bytes_, spec);
  ends_.push_back(bytes_.size());
}

PaperEventLog& PaperEventLog::event(std::uint32_t pcr, std::uint32_t type,
                                    std::string_view measured, std::string_view data) {
  little32(bytes_, pcr);
  little32(bytes_, type);
  if (banks_.empty()) {
    append(bytes_, *attest::boot::digest(Algorithm::sha1, {attest::view(measured)}));
  } else {
    little32(bytes_, static_cast<std::uint32_t>(banks_.size()));
  }
  for (const Algorithm bank : banks_) {
    little16(bytes_, static_cast<std::uint16_t>(bank));
    append(bytes_, attest::boot::digest(bank, {attest::view(measured)}).value());
  }
  little32(bytes_, static_cast<std::uint32_t>(data.size()));
  text(bytes_, data);
  ends_.push_back(bytes_.size());
  return *this;
}

PaperEventLog& PaperEventLog::startup_locality(std::uint8_t locality) {
  std::string data("StartupLocality\0", 16);
  data.push_back(static_cast<char>(locality));
  return event(0, 3, "not extended", data);
}

Bytes ima_ng_data(std::string_view file_hash, ByteView file_digest, std::string_view path) {
  Bytes data;
  little32(data, static_cast<std::uint32_t>(file_hash.size() + 2 + file_digest.size()));
  text(data, file_hash);
  text(data, {":\0", 2});
  append(data, file_digest);
  little32(data, static_cast<std::uint32_t>(path.size() + 1));
  text(data, path);
  data.push_back(0);
  return data;
}

Bytes ima_entry(std::uint32_t pcr, ByteView digest, std::string_view name, ByteView data) {
  Bytes out;
  little32(out, pcr);
  append(out, digest);
  little32(out, static_cast<std::uint32_t>(name.size()));
  text(out, name);
  if (name != "ima") little32(out, static_cast<std::uint32_t>(data.size()));
  append(out, data);
  return out;
}

Bytes ima_ng(std::string_view file_hash, ByteView file_digest, std::string_view path) {
  const Bytes data = ima_ng_data(file_hash, file_digest, path);
  return ima_entry(10, *attest::boot::digest(Algorithm::sha1, {data}), "ima-ng", data);
}

}  // namespace stele::test
