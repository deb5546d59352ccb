// A boot on paper: firmware event logs and IMA lists written as firmware and kernel write them.
//
// The digests are those of the data given, so that a test can compute what the PCRs must be.
// Thread safety: values.
#pragma once

#include <string_view>
#include <vector>

#include "attest/boot/bank.h"

namespace stele::test {

void little16(attest::Bytes& out, std::uint16_t value);
void little32(attest::Bytes& out, std::uint32_t value);

class PaperEventLog {
 public:
  // Crypto-agile in these banks; with none, the SHA-1 form.
  explicit PaperEventLog(std::vector<attest::boot::Algorithm> banks);
  // An event whose digests are those of `measured`.
  PaperEventLog& event(std::uint32_t pcr, std::uint32_t type, std::string_view measured,
                       std::string_view data);
  PaperEventLog& startup_locality(std::uint8_t locality);
  const attest::Bytes& bytes() const { return bytes_; }
  // Where each event begins, the Spec ID event included, and the end.
  const std::vector<std::size_t>& ends() const { return ends_; }

 private:
  std::vector<attest::boot::Algorithm> banks_;
  attest::Bytes bytes_;
  std::vector<std::size_t> ends_{0};
};

// One entry of a binary list: digests of the list's algorithm over the template data.
attest::Bytes ima_ng(std::string_view file_hash, attest::ByteView file_digest,
                     std::string_view path);
attest::Bytes ima_ng_data(std::string_view file_hash, attest::ByteView file_digest,
                          std::string_view path);
// An entry of any template, its digest as given.
attest::Bytes ima_entry(std::uint32_t pcr, attest::ByteView digest, std::string_view name,
                        attest::ByteView data);

}  // namespace stele::test
