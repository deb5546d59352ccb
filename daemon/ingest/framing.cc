#include "daemon/ingest/framing.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace stele::daemon {
namespace {

using attest::ByteView;
using attest::Defect;
using attest::Fault;
using attest::Place;
using attest::Result;

constexpr std::string_view kGreeting = "STELE/1";

std::string_view text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Takes one "key=value" into the opening; false if it is none that is known.
bool take_setting(std::string_view word, Opening& opening) {
  if (word == "frame=lf")
    opening.frame = Frame::lf;
  else if (word == "frame=len32")
    opening.frame = Frame::len32;
  else if (word == "ack=none")
    opening.ack = Ack::none;
  else if (word == "ack=durable")
    opening.ack = Ack::durable;
  else if (word == "ack=sealed")
    opening.ack = Ack::sealed;
  else
    return false;
  return true;
}

Result<Opening> decode_settings(std::string_view line, Opening opening) {
  std::vector<std::string_view> keys;
  std::size_t at = kGreeting.size();
  while (at < line.size()) {
    const std::size_t begin = at + 1;  // past the one space
    const std::size_t end = std::min(line.find(' ', begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    const std::string_view key = word.substr(0, word.find('='));
    const bool twice = std::find(keys.begin(), keys.end(), key) != keys.end();
    if (twice || !take_setting(word, opening)) {
      return Defect(Fault::value_out_of_range, Place::byte(begin),
                    "write STELE/1 frame=lf|len32 ack=none|durable|sealed, each at most once, "
                    "one space before each");
    }
    keys.push_back(key);
    at = end;
  }
  return opening;
}

}  // namespace

Result<Opening> decode_opening(ByteView bytes, bool ended) {
  Opening opening;
  const std::string_view so_far = text(bytes).substr(0, kMaxOpeningBytes);
  if (so_far.substr(0, kGreeting.size()) != kGreeting.substr(0, so_far.size())) {
    opening.decided = true;
    return opening;
  }
  const bool greeted = so_far.size() > kGreeting.size();
  if (!greeted) {
    opening.decided = ended;
    return opening;
  }
  if (so_far[kGreeting.size()] != ' ' && so_far[kGreeting.size()] != '\n') {  // some other word
    opening.decided = true;
    return opening;
  }
  const std::size_t lf = so_far.find('\n');
  if (lf == std::string_view::npos) {
    if (!ended && so_far.size() < kMaxOpeningBytes) return opening;
    return Defect(
        Fault::value_out_of_range, Place::byte(so_far.size()),
        "an opening line ends with LF within " + std::to_string(kMaxOpeningBytes) + " bytes");
  }
  opening.decided = true;
  opening.length = lf + 1;
  return decode_settings(so_far.substr(0, lf), opening);
}

std::string_view name(Refused::Fault fault) {
  switch (fault) {
    case Refused::Fault::too_long:
      return "too_long";
    case Refused::Fault::truncated:
      return "truncated";
    case Refused::Fault::dropped:
      return "dropped";
  }
  return "unknown";
}

std::size_t Framing::decode(ByteView bytes, std::size_t limit, std::vector<Framed>& events,
                            std::vector<Refused>& refused) {
  switch (frame_) {
    case Frame::lf:
      return decode_lf(bytes, limit, events, refused);
    case Frame::len32:
      return decode_len32(bytes, limit, events, refused);
    case Frame::octets:
      return decode_octets(bytes, limit, events, refused);
  }
  return 0;
}

std::size_t Framing::decode_lf(ByteView bytes, std::size_t limit, std::vector<Framed>& events,
                               std::vector<Refused>& refused) {
  const auto find_lf = [&](std::size_t from) {
    const void* lf =
        from < bytes.size() ? std::memchr(bytes.data() + from, '\n', bytes.size() - from) : nullptr;
    return lf ? static_cast<std::size_t>(static_cast<const std::uint8_t*>(lf) - bytes.data())
              : bytes.size();
  };
  std::size_t at = 0;
  std::size_t scanned = scanned_;
  scanned_ = 0;
  for (std::size_t taken = 0; taken < limit;) {
    const std::size_t lf = find_lf(std::max(at, scanned));
    const std::size_t length = lf - at;
    if (skipping_line_) {
      if (lf == bytes.size()) return lf;
      skipping_line_ = false;
    } else if (length > max_) {
      // Refused as soon as it is known to be too long: its LF may never come.
      refuse(Refused::Fault::too_long, refused);
      ++taken;
      if (lf == bytes.size()) {
        skipping_line_ = true;
        return lf;
      }
    } else if (lf == bytes.size()) {
      scanned_ = length;
      return at;
    } else {
      events.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(length)});
      ++ordinal_;
      ++taken;
    }
    at = lf + 1;
  }
  return at;
}

std::size_t Framing::decode_len32(ByteView bytes, std::size_t limit, std::vector<Framed>& events,
                                  std::vector<Refused>& refused) {
  constexpr std::size_t kPrefix = 4;
  std::size_t at = 0;
  for (std::size_t taken = 0; taken < limit; ++taken) {
    const std::size_t skipped = std::min<std::uint64_t>(skip_, bytes.size() - at);
    at += skipped;
    skip_ -= skipped;
    if (bytes.size() - at < kPrefix) return at;
    const std::uint8_t* p = bytes.data() + at;
    const std::uint32_t length = std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 |
                                 std::uint32_t{p[2]} << 8 | std::uint32_t{p[3]};
    if (length > max_) {
      refuse(Refused::Fault::too_long, refused);
      skip_ = length;
      at += kPrefix;
      continue;
    }
    if (bytes.size() - at - kPrefix < length) return at;
    events.push_back({static_cast<std::uint32_t>(at + kPrefix), length});
    ++ordinal_;
    at += kPrefix + length;
  }
  return at;
}

std::size_t Framing::decode_octets(ByteView bytes, std::size_t limit, std::vector<Framed>& events,
                                   std::vector<Refused>& refused) {
  std::size_t at = 0;
  for (std::size_t taken = 0; taken < limit; ++taken) {
    const std::size_t skipped = std::min<std::uint64_t>(skip_, bytes.size() - at);
    at += skipped;
    skip_ -= skipped;
    const OctetCount count = find_octet_count(bytes.subspan(at));
    if (count.found == OctetCount::Found::beginning) return at;
    if (count.found == OctetCount::Found::none) {
      frame_ = Frame::lf;
      const std::size_t first = events.size();
      const std::size_t used = decode_lf(bytes.subspan(at), limit - taken, events, refused);
      for (std::size_t i = first; i < events.size(); ++i) {
        events[i].offset += static_cast<std::uint32_t>(at);
      }
      return at + used;
    }
    if (count.value > max_) {
      refuse(Refused::Fault::too_long, refused);
      skip_ = count.value;
      at += count.length;
      continue;
    }
    if (bytes.size() - at - count.length < count.value) return at;
    const auto length = static_cast<std::uint32_t>(count.value);
    events.push_back({static_cast<std::uint32_t>(at + count.length), length});
    ++ordinal_;
    at += count.length + length;
  }
  return at;
}

void Framing::finish(ByteView rest, bool clean, std::vector<Framed>& events,
                     std::vector<Refused>& refused) {
  if (rest.empty() || skip_ > 0 || skipping_line_) return;
  // A stream that ends in digits never was one of counts, or ends in a line.
  const bool digits =
      frame_ == Frame::octets && find_octet_count(rest).found == OctetCount::Found::beginning;
  if (digits && rest.size() > max_) {
    refuse(Refused::Fault::too_long, refused);
  } else if ((frame_ == Frame::lf || digits) && clean) {
    events.push_back({0, static_cast<std::uint32_t>(rest.size())});
    ++ordinal_;
  } else {
    refuse(Refused::Fault::truncated, refused);
  }
}

std::string acknowledgement(std::uint64_t first, std::uint64_t next,
                            const std::vector<Refused>& refused, std::uint32_t limit_bytes) {
  std::string line = "{\"first\":" + std::to_string(first) + ",\"next\":" + std::to_string(next);
  line += ",\"refused\":[";
  for (const Refused& one : refused) {
    if (&one != &refused.front()) line += ',';
    line +=
        "{\"at\":" + std::to_string(one.at) + ",\"fault\":\"" + std::string(name(one.fault)) + '"';
    if (one.fault == Refused::Fault::too_long) line += ",\"limit\":" + std::to_string(limit_bytes);
    line += '}';
  }
  return line + "]}\n";
}

}  // namespace stele::daemon
