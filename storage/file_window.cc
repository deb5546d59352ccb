#include "storage/file_window.h"

#include <algorithm>
#include <string_view>

#include "attest/check.h"

namespace stele::storage {

ByteView FileWindow::peek(std::uint64_t offset, std::size_t count) {
  ENSURE(count <= kBufferBytes);
  if (offset >= limit_) return {};
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, limit_ - offset));
  if (offset < start_ || offset - start_ + count > buffer_.size()) {
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBufferBytes, limit_ - offset)));
    buffer_.resize(file_->read(offset, buffer_));
    start_ = offset;
  }
  const ByteView from = ByteView(buffer_).subspan(static_cast<std::size_t>(offset - start_));
  return from.first(std::min(count, from.size()));
}

bool FileWindow::read(std::uint64_t offset, std::span<std::uint8_t> out) {
  if (offset > limit_ || out.size() > limit_ - offset) return false;
  std::size_t done = 0;
  if (offset >= start_ && offset - start_ < buffer_.size()) {
    const ByteView buffered = ByteView(buffer_).subspan(static_cast<std::size_t>(offset - start_));
    done = std::min(buffered.size(), out.size());
    std::copy_n(buffered.begin(), done, out.begin());
  }
  return done == out.size() ||
         file_->read(offset + done, out.subspan(done)) == out.size() - done;
}

bool FileWindow::may_be_torn(const Marker& marker, std::uint64_t offset,
                             std::uint64_t longest_unit) {
  return limit_ - offset <= longest_unit && !holds(marker, offset + 1);
}

bool FileWindow::holds(const Marker& marker, std::uint64_t begin) {
  const std::string_view wanted(reinterpret_cast<const char*>(marker.data()), marker.size());
  for (std::uint64_t at = begin; at < limit_;) {
    const ByteView bytes = peek(at, kBufferBytes);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.find(wanted) != std::string_view::npos) return true;
    if (bytes.size() < marker.size()) return false;
    at += bytes.size() - (marker.size() - 1);  // a marker may lie across two reads
  }
  return false;
}

}  // namespace stele::storage
