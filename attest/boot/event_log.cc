#include "attest/boot/event_log.h"

#include <algorithm>

#include "attest/boot/little_reader.h"

namespace stele::attest::boot {
namespace {

constexpr std::string_view kSpecId03{"Spec ID Event03\0", 16};
constexpr std::string_view kStartupLocality{"StartupLocality\0", 16};

Defect out_of_range(std::size_t at, std::string detail) {
  return {Fault::value_out_of_range, Place::byte(at), std::move(detail)};
}

Defect short_of(std::size_t at, std::string what) {
  return {Fault::truncated, Place::byte(at), std::move(what) + " ends before its last field"};
}

bool begins_with(ByteView bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char a, auto b) { return static_cast<std::uint8_t>(a) == b; });
}

Result<void> check_pcr(const Event& event) {
  if (event.pcr < kPcrs || (event.pcr == kNoPcr && !event.extends())) return ok();
  return out_of_range(event.at, "an event of PCR " + std::to_string(event.pcr));
}

// size u32 · data
Result<void> read_data(LittleReader& in, Event& event) {
  const std::uint32_t size = in.u32();
  if (size > kMaxEventDataBytes) {
    return out_of_range(event.at, "event data of " + std::to_string(size) + " bytes, more than " +
                                      std::to_string(kMaxEventDataBytes));
  }
  event.data = in.bytes(size);
  if (in.failed()) return short_of(event.at, "an event");
  return ok();
}

Result<Event> read_sha1_event(LittleReader& in) {
  Event event;
  event.at = in.at();
  event.pcr = in.u32();
  event.type = in.u32();
  event.digests.push_back({Algorithm::sha1, in.bytes(digest_bytes(Algorithm::sha1))});
  if (in.failed()) return short_of(event.at, "an event");
  if (const auto right = check_pcr(event); !right) return right.error();
  if (const auto right = read_data(in, event); !right) return right.error();
  return event;
}

Result<void> read_digests(LittleReader& in, const EventLog& log, Event& event) {
  const std::uint32_t count = in.u32();
  if (in.failed()) return short_of(event.at, "an event");
  if (count > log.banks.size() || (count == 0 && event.extends())) {
    return out_of_range(event.at, std::to_string(count) + " digests in a log of " +
                                      std::to_string(log.banks.size()) + " banks");
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const Algorithm algorithm{in.u16()};
    const auto bank = std::find_if(log.banks.begin(), log.banks.end(),
                                   [&](const BankSize& b) { return b.algorithm == algorithm; });
    if (in.failed()) return short_of(event.at, "an event");
    if (bank == log.banks.end())
      return out_of_range(event.at, "a digest of a bank that the log does not list");
    if (event.digest(algorithm) != nullptr)
      return out_of_range(event.at, "two digests of one bank");
    event.digests.push_back({algorithm, in.bytes(bank->bytes)});
  }
  return ok();
}

Result<Event> read_agile_event(LittleReader& in, const EventLog& log) {
  Event event;
  event.at = in.at();
  event.pcr = in.u32();
  event.type = in.u32();
  if (in.failed()) return short_of(event.at, "an event");
  if (const auto right = check_pcr(event); !right) return right.error();
  if (const auto right = read_digests(in, log, event); !right) return right.error();
  if (const auto right = read_data(in, event); !right) return right.error();
  return event;
}

Result<void> read_banks(LittleReader& in, EventLog& log) {
  const std::uint32_t count = in.u32();
  if (in.failed()) return short_of(0, "the Spec ID event");
  if (count == 0 || count > kMaxBanks) {
    return out_of_range(0, "a Spec ID event of " + std::to_string(count) + " banks, not 1 to " +
                               std::to_string(kMaxBanks));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    BankSize bank{Algorithm{in.u16()}, 0};
    bank.bytes = in.u16();
    if (in.failed()) return short_of(0, "the Spec ID event");
    if (log.has_bank(bank.algorithm))
      return out_of_range(0, "a Spec ID event that lists a bank twice");
    const std::size_t right = digest_bytes(bank.algorithm);
    if (bank.bytes == 0 || bank.bytes > kMaxDigestBytes || (right != 0 && bank.bytes != right)) {
      return out_of_range(0, "a Spec ID event with digests of " + std::to_string(bank.bytes) +
                                 " bytes in bank " + std::string(name(bank.algorithm)));
    }
    log.banks.push_back(bank);
  }
  return ok();
}

// Gives how many bytes of the log the Spec ID event takes. `header` is the event as the SHA-1 form
// reads it. Its vendor information may reach past its size: writers are known that do not count it.
Result<std::size_t> read_spec_id(ByteView bytes, const Event& header, std::size_t header_bytes,
                                 EventLog& log) {
  const std::size_t data_at = header_bytes - header.data.size();
  LittleReader in(bytes.subspan(data_at));
  in.bytes(kSpecId03.size());
  in.u32();     // platform class
  in.bytes(4);  // version minor, major, errata, size of UINTN
  if (const auto right = read_banks(in, log); !right) return right.error();
  in.bytes(in.u8());  // vendor information
  if (in.failed()) return short_of(0, "the Spec ID event");
  const std::size_t counted = header.data.size(), read = in.at();
  if (counted > read)
    return out_of_range(data_at + read, "a Spec ID event that is longer than its fields");
  return data_at + read;
}

Result<void> note_locality(const Event& event, EventLog& log) {
  if (event.extends() || !begins_with(event.data, kStartupLocality)) return ok();
  if (event.pcr != 0 || event.data.size() != kStartupLocality.size() + 1) {
    return out_of_range(event.at, "a StartupLocality event that is not PCR 0's, or not 17 bytes");
  }
  const std::uint8_t locality = event.data.back();
  if (locality != 0 && locality != 3 && locality != 4) {  // TPM2_Startup works from no other
    return out_of_range(event.at, "a start of the TPM from locality " + std::to_string(locality));
  }
  if (log.startup_locality && *log.startup_locality != locality) {
    return out_of_range(event.at, "two StartupLocality events that differ");
  }
  log.startup_locality = locality;
  return ok();
}

Result<void> add(EventLog& log, Event event) {
  if (log.events.size() == kMaxEvents) {
    return out_of_range(event.at, "more than " + std::to_string(kMaxEvents) + " events");
  }
  if (const auto right = note_locality(event, log); !right) return right.error();
  log.events.push_back(std::move(event));
  return ok();
}

}  // namespace

const EventDigest* Event::digest(Algorithm algorithm) const {
  for (const EventDigest& one : digests) {
    if (one.algorithm == algorithm) return &one;
  }
  return nullptr;
}

bool EventLog::has_bank(Algorithm algorithm) const {
  return std::any_of(banks.begin(), banks.end(),
                     [&](const BankSize& b) { return b.algorithm == algorithm; });
}

Result<EventLog> parse_event_log(ByteView bytes) {
  if (bytes.size() > kMaxEventLogBytes) {
    return out_of_range(kMaxEventLogBytes, "an event log of more than " +
                                               std::to_string(kMaxEventLogBytes) + " bytes");
  }
  EventLog log;
  LittleReader first(bytes);
  auto header = read_sha1_event(first);
  if (!header) return header.error();
  std::size_t begin = 0;
  if (!header->extends() && header->pcr == 0 && begins_with(header->data, kSpecId03)) {
    log.crypto_agile = true;
    const auto taken = read_spec_id(bytes, *header, first.at(), log);
    if (!taken) return taken.error();
    begin = *taken;
  } else {
    log.banks.push_back({Algorithm::sha1, 20});
  }
  // Places are those of the whole log: the reader starts at its first byte.
  LittleReader in(bytes);
  in.bytes(begin);
  while (in.left() > 0) {
    auto event = log.crypto_agile ? read_agile_event(in, log) : read_sha1_event(in);
    if (!event) return event.error();
    if (const auto right = add(log, std::move(*event)); !right) return right.error();
  }
  return log;
}

std::optional<bool> digest_is_of_data(const Event& event, Algorithm algorithm) {
  const EventDigest* stated = event.digest(algorithm);
  const auto computed = digest(algorithm, {event.data});
  if (stated == nullptr || !computed) return std::nullopt;
  return std::equal(computed->begin(), computed->end(), stated->bytes.begin(), stated->bytes.end());
}

}  // namespace stele::attest::boot
