#include "tpm/pcr_choice.h"

#include <algorithm>
#include <map>

namespace stele::tpm {
namespace {

// The event log is little-endian, unlike all else here.
class LittleReader {
 public:
  explicit LittleReader(attest::ByteView bytes) : rest_(bytes) {}
  std::uint32_t u16() { return number(2); }
  std::uint32_t u32() { return number(4); }
  attest::ByteView bytes(std::size_t count) {
    if (count > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const attest::ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  bool failed() const { return failed_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    const attest::ByteView taken = bytes(size);
    for (std::size_t i = 0; i < taken.size(); ++i) value |= std::uint32_t{taken[i]} << (8 * i);
    return value;
  }
  attest::ByteView rest_;
  bool failed_ = false;
};

constexpr std::size_t kSha1Bytes = 20;
constexpr std::uint8_t kCandidates[] = {12, 13, 15, 14, 9, 8};

// Digest sizes by algorithm, from a "Spec ID Event03" body; empty if it is none (then the log is
// SHA-1 only).
std::map<std::uint32_t, std::size_t> digest_sizes(attest::ByteView body) {
  static constexpr std::string_view kSignature("Spec ID Event03\0", 16);
  LittleReader reader(body);
  if (!std::ranges::equal(reader.bytes(kSignature.size()), attest::view(kSignature))) return {};
  reader.bytes(8);  // platform class, version, errata, uintn size
  std::map<std::uint32_t, std::size_t> sizes;
  for (std::uint32_t left = reader.u32(); left > 0 && !reader.failed(); --left) {
    const std::uint32_t algorithm = reader.u16();
    sizes[algorithm] = reader.u16();
  }
  return sizes;
}

}  // namespace

std::set<std::uint32_t> pcrs_in_event_log(attest::ByteView log) {
  std::set<std::uint32_t> pcrs;
  LittleReader reader(log);
  std::map<std::uint32_t, std::size_t> sizes;
  for (bool first = true; !reader.empty(); first = false) {
    const std::uint32_t pcr = reader.u32();
    reader.u32();  // event type
    if (sizes.empty()) {
      reader.bytes(kSha1Bytes);
    } else {
      for (std::uint32_t left = reader.u32(); left > 0 && !reader.failed(); --left) {
        const auto size = sizes.find(reader.u16());
        if (size == sizes.end()) return pcrs;  // an algorithm that the header does not list
        reader.bytes(size->second);
      }
    }
    const attest::ByteView body = reader.bytes(reader.u32());
    if (reader.failed()) return pcrs;
    pcrs.insert(pcr);
    if (first) sizes = digest_sizes(body);
  }
  return pcrs;
}

std::optional<std::uint8_t> choose_pcr(attest::ByteView event_log,
                                       const std::function<attest::Hash(std::uint8_t)>& read) {
  const std::set<std::uint32_t> used = pcrs_in_event_log(event_log);
  for (const std::uint8_t pcr : kCandidates) {
    if (!used.contains(pcr) && read(pcr) == attest::Hash{}) return pcr;
  }
  return std::nullopt;
}

bool may_be_log_pcr(unsigned pcr) {
  return pcr >= 8 && pcr <= 15 && pcr != 10;
}

}  // namespace stele::tpm
