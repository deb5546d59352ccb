// The bytes of auditd's af_unix plugin, format=string or format=binary, as lines.
//
//   string   LINE LF …
//   binary   header: version u32, header length u32 = 16, type u32, size u32 (the host's byte
//   order)
//            then size bytes; version 1: a whole line; version 0: what follows "msg=" in one
//            auditd 3.0 always sends 8,970 bytes after the header, whatever size says; later ones
//            send size bytes. Which one, is seen from where the next header stands.
//
// The format is seen from the first byte. A line of more than kMaxLineBytes is given in pieces.
// Thread safety: a value. Errors: a binary header that is none: take() says so, and the stream
// cannot be gone on with. Trust: see audit_record.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::daemon {

class AuditStream {
 public:
  static constexpr std::size_t kMaxLineBytes = 64u << 10;
  static constexpr std::size_t kPaddedBytes = 8970;  // MAX_AUDIT_MESSAGE_LENGTH
  using OnLine = std::function<void(std::string_view)>;

  // Gives each line that is complete now, without its LF.
  attest::Result<void> take(attest::ByteView bytes, const OnLine& line);
  // The stream is over: what is left is a line, if it has any byte.
  void finish(const OnLine& line);

 private:
  enum class Format { unknown, string, binary };
  enum class Padding { unknown, none, padded };
  struct Header {
    std::uint32_t version = 0;
    std::uint32_t length = 0;
    std::uint32_t type = 0;
    std::uint32_t size = 0;
  };
  static constexpr std::size_t kHeaderBytes = 16;

  std::size_t take_lines(const OnLine& line);
  attest::Result<std::size_t> take_frames(const OnLine& line);
  Header header_at(std::size_t offset) const;
  static bool is_header(const Header& header);
  static void give(const Header& header, std::string_view data, const OnLine& line);

  Format format_ = Format::unknown;
  Padding padding_ = Padding::unknown;
  attest::Bytes buffer_;
  std::size_t scanned_ = 0;  // of a line that is not complete: known to hold no LF
  std::size_t given_ = 0;    // bytes of buffer_ that were given as a line; then comes the padding
};

}  // namespace stele::daemon
