#include "tests/support/check_log.h"

#include <algorithm>
#include <bit>
#include <map>
#include <stdexcept>
#include <utility>

namespace stele::test {
namespace {

using attest::Bytes;
using attest::ByteView;
using attest::Hash;

// Everything here throws Wrong where the bytes are not as the format pages say.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void demand(bool holds, const std::string& what) {
  if (!holds) throw Wrong(what);
}

Bytes big_endian(std::uint64_t value, std::size_t count) {
  Bytes bytes;
  while (count-- > 0) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * count)));
  return bytes;
}

// Takes fields off the front.
class Fields {
 public:
  explicit Fields(ByteView bytes) : all_(bytes) {}
  ByteView take(std::uint64_t count) {
    demand(count <= all_.size() - at_, "a field reaches past the end");
    const ByteView found = all_.subspan(at_, static_cast<std::size_t>(count));
    at_ += found.size();
    return found;
  }
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(count)) value = value << 8 | byte;
    return value;
  }
  Hash hash() {
    Hash hash;
    std::ranges::copy(take(32), hash.bytes.begin());
    return hash;
  }
  void magic(std::string_view text) {
    demand(std::ranges::equal(take(text.size()), attest::view(text)), "magic");
  }
  void zero(std::size_t count) { demand(number(count) == 0, "reserved bytes"); }
  ByteView since(std::size_t begin) const { return all_.subspan(begin, at_ - begin); }
  std::size_t at() const { return at_; }
  bool done() const { return at_ == all_.size(); }

 private:
  ByteView all_;
  std::size_t at_ = 0;
};

Bytes read_log_file(storage::FileSystem& files, const std::string& path) {
  const auto file = files.open(path, storage::FileSystem::Open::read_only);
  Bytes bytes(static_cast<std::size_t>(file->size()));
  demand(file->read(0, bytes) == bytes.size(), path + ": short read");
  return bytes;
}

std::vector<std::string> paths(storage::FileSystem& files, const std::string& directory) {
  std::vector<std::string> found;
  for (const std::string& name : files.list(directory)) {
    demand(name.size() == 16, directory + ": something else lies there: " + name);
    demand(std::stoull(name, nullptr, 16) == found.size(),
           directory + ": a file is missing before " + name);
    found.push_back(directory + "/" + name);
  }
  return found;
}

class LogReader {
 public:
  LogReader(const Hash& log_id, const Records& expected) : log_id_(log_id), expected_(expected) {}

  void segment(ByteView bytes, std::uint64_t number) {
    Fields in(bytes);
    in.magic("STELESEG");
    demand(in.number(2) == 1 && in.number(2) == 50, "version");
    in.number(4);
    demand(in.hash() == log_id_, "log id");
    demand(in.number(8) == number, "segment number");
    demand(in.number(8) == leaves_.size(), "first index");
    const ByteView marker = in.take(8);
    demand(in.hash() == checksum_, "previous checksum");
    const std::uint64_t roots = in.number(1);
    demand(roots == static_cast<std::uint64_t>(std::popcount(leaves_.size())), "roots");
    std::size_t begin = 0;
    for (std::uint64_t i = 0; i < roots; ++i) {
      const std::size_t end = begin + std::bit_floor(leaves_.size() - begin);
      demand(in.hash() == complete_root(begin, end), "a root of the segment header");
      begin = end;
    }
    const Hash own = attest::hash({attest::tag("stele/v1/segment"), in.since(0)});
    demand(in.hash() == own, "segment header checksum");
    for (std::uint64_t group_number = 0; !in.done(); ++group_number)
      group(in, marker, number, group_number);
  }

  std::uint64_t records() const { return leaves_.size(); }
  Hash root() const { return reference_root(leaves_, 0, leaves_.size()); }
  const Hash& stated_root() const { return stated_root_; }

 private:
  void group(Fields& in, ByteView marker, std::uint64_t segment, std::uint64_t group_number) {
    const std::size_t begin = in.at();
    demand(std::ranges::equal(in.take(8), marker), "marker");
    demand(in.number(8) == leaves_.size(), "first index of a group");
    const std::uint64_t count = in.number(4);
    demand(in.number(4) == count * 50, "leaf bytes");
    const std::uint64_t content_bytes = in.number(8);
    const std::uint64_t blocks = in.number(4);
    in.zero(4);
    in.number(8);
    demand(in.number(8) == group_number, "group number");
    const ByteView header = in.since(begin);
    const ByteView leaves = in.take(count * 50);
    contents(in.take(content_bytes), leaves, blocks);
    const std::size_t trailer = in.at();
    demand(in.number(8) == trailer + 72 - begin, "length in the trailer");
    stated_root_ = in.hash();
    checksum_ = attest::hash({attest::tag("stele/v1/group"), log_id_, big_endian(segment, 8),
                              checksum_, header, stated_root_});
    demand(in.hash() == checksum_, "group checksum");
  }

  void contents(ByteView bytes, ByteView leaves, std::uint64_t blocks) {
    Fields in(bytes);
    std::uint64_t first = 0;
    for (; blocks > 0; --blocks) {
      in.magic("STBK");
      in.zero(2 + 2 + 4);
      demand(in.number(4) == first, "first record of a block");
      const std::uint64_t count = in.number(4);
      const std::uint64_t stored = in.number(4);
      demand(in.number(4) == stored, "plain length");
      Fields plain(in.take(stored));
      const ByteView table = plain.take(count * 40);
      for (std::uint64_t i = 0; i < count; ++i) {
        Fields entry(table.subspan(i * 40, 40));
        const Hash salt = entry.hash();
        const ByteView tlvs = plain.take(entry.number(4));
        const ByteView content = plain.take(entry.number(4));
        record(leaves.subspan((first + i) * 50, 50), salt, tlvs, content);
      }
      demand(plain.done(), "a block has bytes left over");
      first += count;
    }
    demand(in.done() && first * 50 == leaves.size(), "blocks and leaves differ");
  }

  void record(ByteView leaf, const Hash& salt, ByteView tlvs, ByteView content) {
    const std::uint64_t index = leaves_.size();
    demand(index < expected_.size(), "record " + std::to_string(index) + " was invented");
    const std::string& wanted = expected_.content(index);
    demand(std::ranges::equal(content, attest::view(wanted)) && tlvs.empty(),
           "record " + std::to_string(index) + " holds something else");
    const Hash commitment =
        attest::hash({attest::tag("stele/v1/content"), salt, big_endian(tlvs.size(), 4), tlvs,
                      big_endian(content.size(), 8), content});
    demand(std::ranges::equal(leaf.last(32), commitment.bytes),
           "commitment " + std::to_string(index));
    const auto kind = static_cast<std::uint8_t>(expected_.kind(index));
    demand(leaf[0] == 1 && leaf[1] == kind, "version or kind");
    const Bytes prefix{0};
    leaves_.push_back(attest::hash({prefix, leaf}));
  }

  // Complete subtrees never change: remembered, or every header would hash the whole log again.
  const Hash& complete_root(std::size_t begin, std::size_t end) {
    const auto [found, is_new] = complete_.try_emplace({begin, end});
    if (is_new) found->second = reference_root(leaves_, begin, end);
    return found->second;
  }

  const Hash& log_id_;
  const Records& expected_;
  std::vector<Hash> leaves_;
  std::map<std::pair<std::size_t, std::size_t>, Hash> complete_;
  Hash checksum_;
  Hash stated_root_;
};

// The payloads of all entries.
std::vector<std::string> journal(const Hash& log_id, storage::FileSystem& files,
                                 const std::string& directory) {
  std::vector<std::string> payloads;
  Hash checksum;
  std::uint64_t number = 0;
  for (const std::string& path : paths(files, directory)) {
    const Bytes bytes = read_log_file(files, path);
    Fields in(bytes);
    in.magic("STELEJNL");
    demand(in.number(2) == 1, "journal version");
    in.zero(2);
    demand(in.number(4) == number++ && in.number(8) == payloads.size(), "journal header numbers");
    const ByteView marker = in.take(8);
    demand(in.hash() == log_id && in.hash() == checksum, "journal header hashes");
    const Hash own = attest::hash({attest::tag("stele/v1/journal"), in.since(0)});
    demand(in.hash() == own, "journal header checksum");
    while (!in.done()) {
      demand(std::ranges::equal(in.take(8), marker), "journal marker");
      const std::size_t begin = in.at();
      in.number(1);
      in.zero(3);
      const std::uint64_t length = in.number(4);
      const ByteView header = in.since(begin);
      const ByteView payload = in.take(length);
      checksum = attest::hash({attest::tag("stele/v1/entry"), log_id,
                               big_endian(payloads.size(), 8), checksum, header, payload});
      demand(in.hash() == checksum, "journal entry checksum");
      payloads.emplace_back(payload.begin(), payload.end());
    }
  }
  return payloads;
}

}  // namespace

Hash reference_root(const std::vector<Hash>& leaves, std::size_t begin, std::size_t end) {
  if (begin == end) return attest::hash(ByteView{});
  if (end - begin == 1) return leaves[begin];
  const std::size_t k = std::bit_floor(end - begin - 1);
  const Bytes prefix{1};
  return attest::hash(
      {prefix, reference_root(leaves, begin, begin + k), reference_root(leaves, begin + k, end)});
}

LogCheck check_log_of(const Hash& log_id, storage::FileSystem& files, const std::string& directory,
                      const Records& records, const std::vector<std::string>& entries) {
  LogCheck check;
  try {
    LogReader reader(log_id, records);
    std::uint64_t number = 0;
    for (const std::string& path : paths(files, directory + "/segments")) {
      reader.segment(read_log_file(files, path), number++);
    }
    check.records = reader.records();
    check.root = reader.root();
    demand(check.root == reader.stated_root(), "the last root is not the leaves'");
    check.payloads = journal(log_id, files, directory + "/journal");
    check.entries = check.payloads.size();
    for (std::size_t i = 0; i < std::min(entries.size(), check.payloads.size()); ++i) {
      demand(check.payloads[i] == entries[i],
             "journal entry " + std::to_string(i) + " holds something else");
    }
  } catch (const Wrong& wrong) {
    check.wrong = wrong.what();
  }
  return check;
}

LogCheck check_log(storage::FileSystem& files, const std::string& directory, const Records& records,
                   const std::vector<std::string>& entries) {
  LogCheck check = check_log_of(test_log_id(), files, directory, records, entries);
  if (check.wrong.empty() && check.entries > entries.size())
    check.wrong = "journal entry " + std::to_string(entries.size()) + " was invented";
  return check;
}

}  // namespace stele::test
