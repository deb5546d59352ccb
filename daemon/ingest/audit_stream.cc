#include "daemon/ingest/audit_stream.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "daemon/ingest/audit_record.h"

namespace stele::daemon {
namespace {

std::string_view text_of(const attest::Bytes& bytes, std::size_t offset, std::size_t length) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
      .substr(offset, length);
}

}  // namespace

attest::Result<void> AuditStream::take(attest::ByteView bytes, const OnLine& line) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (format_ == Format::unknown && !buffer_.empty()) {
    format_ = buffer_.front() <= 1 ? Format::binary : Format::string;  // the version's first byte
  }
  std::size_t used = 0;
  if (format_ == Format::string) {
    used = take_lines(line);
  } else {
    const auto taken = take_frames(line);
    if (!taken) return taken.error();
    used = *taken;
  }
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used));
  return attest::ok();
}

std::size_t AuditStream::take_lines(const OnLine& line) {
  std::size_t begin = 0;
  for (;;) {
    const auto from = buffer_.begin() + static_cast<std::ptrdiff_t>(begin + scanned_);
    const auto lf = std::find(from, buffer_.end(), std::uint8_t{'\n'});
    const auto end = static_cast<std::size_t>(lf - buffer_.begin());
    scanned_ = 0;
    if (end - begin > kMaxLineBytes) {
      line(text_of(buffer_, begin, kMaxLineBytes));
      begin += kMaxLineBytes;
      continue;
    }
    if (lf == buffer_.end()) {
      scanned_ = end - begin;
      return begin;
    }
    line(text_of(buffer_, begin, end - begin));
    begin = end + 1;
  }
}

// One frame after another; of the newest, data may be given before its padding has come.
attest::Result<std::size_t> AuditStream::take_frames(const OnLine& line) {
  std::size_t begin = 0;
  while (buffer_.size() - begin >= kHeaderBytes) {
    const Header header = header_at(begin);
    if (!is_header(header)) {
      return attest::Defect(attest::Fault::value_out_of_range, {},
                            "a header of auditd's binary format that is none");
    }
    const std::size_t compact = begin + kHeaderBytes + header.size;
    if (buffer_.size() < compact) break;
    if (given_ == 0) {
      given_ = kHeaderBytes + header.size;
      give(header, text_of(buffer_, begin + kHeaderBytes, header.size), line);
    }
    const std::size_t padded = begin + kHeaderBytes + kPaddedBytes;
    if (padding_ == Padding::unknown) {
      const bool next_is_here = buffer_.size() >= compact + kHeaderBytes;
      if (!next_is_here && header.size < kPaddedBytes) break;
      padding_ = next_is_here && is_header(header_at(compact)) ? Padding::none : Padding::padded;
    }
    const std::size_t end = padding_ == Padding::none ? compact : std::max(compact, padded);
    if (buffer_.size() < end) break;
    given_ = 0;
    begin = end;
  }
  return begin;
}

AuditStream::Header AuditStream::header_at(std::size_t offset) const {
  Header header;
  std::memcpy(&header, buffer_.data() + offset, sizeof header);
  return header;
}

bool AuditStream::is_header(const Header& header) {
  return header.version <= 1 && header.length == kHeaderBytes && header.size <= kMaxLineBytes;
}

void AuditStream::give(const Header& header, std::string_view data, const OnLine& line) {
  while (!data.empty() && (data.back() == '\n' || data.back() == '\0')) data.remove_suffix(1);
  if (header.version == 1) return line(data);
  line("type=" + audit_type_name(header.type) + " msg=" + std::string(data));
}

void AuditStream::finish(const OnLine& line) {
  if (format_ == Format::string && !buffer_.empty()) line(text_of(buffer_, 0, buffer_.size()));
  *this = AuditStream();
}

}  // namespace stele::daemon
