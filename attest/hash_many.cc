#include "attest/hash_many.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "attest/sha256_lanes.h"

namespace stele::attest {
namespace {

constexpr std::size_t kPaddingBytes = 9;  // 0x80, and the length in bits as u64
constexpr std::size_t kMaxBlocks = (HashMany::kLongestBytes + kPaddingBytes) / kSha256BlockBytes;
// Lanes that stand idle cost as much as busy ones: fewer messages than these are faster singly.
constexpr std::size_t kFewestForLanes = 4;

std::size_t blocks_of(std::size_t length) {
  return (length + kPaddingBytes + kSha256BlockBytes - 1) / kSha256BlockBytes;
}

// FIPS 180-4, 5.1.1. `at`: the message's first byte.
void pad(std::uint8_t* at, std::size_t length) {
  std::uint8_t* const end = at + blocks_of(length) * kSha256BlockBytes;
  std::memset(at + length, 0, static_cast<std::size_t>(end - at) - length);
  at[length] = 0x80;
  std::uint64_t bits = std::uint64_t{length} * 8;
  for (int i = 1; i <= 8; ++i, bits >>= 8) end[-i] = static_cast<std::uint8_t>(bits);
}

}  // namespace

HashMany::HashMany(How how) : in_lanes_(how == How::as_fast_as_possible && has_sha256_lanes()) {
  if (!in_lanes_) return;
  bytes_.resize(kBatchBytes + kMaxBlocks * kSha256BlockBytes);
  messages_.reserve(kBatchMessages);
  ordered_.resize(kBatchMessages);
}

void HashMany::add(std::initializer_list<ByteView> parts, Hash& out) {
  std::size_t length = 0;
  for (const ByteView part : parts) length += part.size();
  if (!in_lanes_ || length > kLongestBytes) {
    out = hash(parts);
    return;
  }
  const std::size_t padded = blocks_of(length) * kSha256BlockBytes;
  if (messages_.size() == kBatchMessages || used_ + padded > kBatchBytes) finish();
  std::uint8_t* const begin = bytes_.data() + used_;
  std::uint8_t* at = begin;
  for (const ByteView part : parts) {
    if (!part.empty()) std::memcpy(at, part.data(), part.size());
    at += part.size();
  }
  pad(begin, length);
  messages_.push_back(
      {static_cast<std::uint32_t>(used_), static_cast<std::uint32_t>(length), &out});
  used_ += padded;
}

void HashMany::finish() {
  order_by_blocks();
  std::span<const Message> rest(ordered_.data(), messages_.size());
  while (rest.size() >= kFewestForLanes) {
    const std::size_t count = std::min(rest.size(), kSha256Lanes);
    hash_lanes(rest.first(count));
    rest = rest.subspan(count);
  }
  hash_singly(rest);
  messages_.clear();
  used_ = 0;
}

// Counting sort: lanes that end together waste nothing.
void HashMany::order_by_blocks() {
  std::array<std::uint32_t, kMaxBlocks + 2> first{};
  for (const Message& message : messages_) ++first[blocks_of(message.length) + 1];
  for (std::size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
  for (const Message& message : messages_) ordered_[first[blocks_of(message.length)]++] = message;
}

void HashMany::hash_lanes(std::span<const Message> messages) {
  std::array<Sha256Lane, kSha256Lanes> lanes;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const bool busy = i < messages.size();
    const Message& message = busy ? messages[i] : messages.front();
    lanes[i] = {bytes_.data() + message.offset, blocks_of(message.length),
                busy ? message.out : nullptr};
  }
  sha256_lanes(lanes);
}

void HashMany::hash_singly(std::span<const Message> messages) {
  for (const Message& message : messages) {
    *message.out = hash(ByteView(bytes_).subspan(message.offset, message.length));
  }
}

HashMany& hash_many() {
  thread_local HashMany many;
  return many;
}

}  // namespace stele::attest
