#include "attest/era.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"

namespace stele::attest {
namespace {

constexpr std::uint16_t kEraEndTlv = 1;
constexpr std::string_view kRequestLine = "stele-era-request 1\ngenesis ";

Defect contradicts(const char* why) {
  return Defect(Fault::trust_malformed, {}, why);
}

}  // namespace

Bytes encode(const EraEnd& end) {
  Bytes out;
  Writer(out).u64(end.seq).bytes(end.extend).u8(end.shown ? 1 : 0);
  if (end.shown) {
    Writer(out).bytes(end.shown->nonce);
    append_audit(out, end.shown->audit);
  }
  return out;
}

Result<EraEnd> decode_era_end(ByteView bytes) {
  Reader reader(bytes);
  EraEnd end;
  end.seq = reader.u64();
  end.extend = reader.hash();
  const std::uint8_t answered = reader.u8();
  if (answered > 1) return Defect(Fault::value_out_of_range, {}, "an era's end: answered");
  if (answered == 1) {
    EraEnd::Shown shown;
    shown.nonce = reader.hash();
    shown.audit = read_audit(reader);
    end.shown = std::move(shown);
  }
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()), "an era's end");
  if (!reader.done())
    return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "an era's end");
  return end;
}

Bytes era_end_tlvs(const EraEnd& end) {
  Bytes tlvs;
  Writer(tlvs).u16(kEraEndTlv).sized32(encode(end));
  return tlvs;
}

Result<EraEnd> era_end_of(const Genesis& genesis) {
  Reader reader(genesis.tlvs);
  while (reader.left() > 0 && !reader.failed()) {
    const std::uint16_t type = reader.u16();
    const ByteView value = reader.sized32();
    if (!reader.failed() && type == kEraEndTlv) return decode_era_end(value);
  }
  return Defect(Fault::genesis_mismatch, {}, "the genesis does not say how the era before ended");
}

Hash era_end_extra_data(const Hash& nonce, const Hash& log_id, std::uint64_t seq,
                        const Hash& extend, const TreeHead& tree) {
  Bytes bytes;
  Writer(bytes).bytes(nonce).bytes(log_id).u64(seq).bytes(extend).u64(tree.size).bytes(tree.root);
  return hash({tag("stele/v1/era-end"), bytes});
}

Result<EraGap> verify_era_end(const Genesis& genesis, const TrustPins& before) {
  if (genesis.previous_log_id != before.log_id || genesis.origin != before.origin ||
      genesis.era != before.era + 1) {
    return Defect(Fault::genesis_mismatch, {}, "the genesis does not follow the era before it");
  }
  const Result<EraEnd> end = era_end_of(genesis);
  if (!end) return end.error();
  EraGap gap;
  if (!end->shown) return gap;
  const Result<TpmIdentity> identity = before.identity();
  if (!identity) return identity.error();
  const AuditPart& audit = end->shown->audit;
  const auto verified =
      verify_audit(audit, *identity, read_session_digest(*identity, audit.counter, audit.extend),
                   era_end_extra_data(end->shown->nonce, before.log_id, end->seq, end->extend,
                                      genesis.previous_tree));
  if (!verified) return verified.error();
  const std::uint64_t expected = before.first_counter + end->seq;
  gap.confirmed = audit.counter == expected && audit.extend == end->extend;
  // A counter below was put back: then it says nothing of how far it had come.
  if (!gap.confirmed) gap.lost = audit.counter > expected ? audit.counter - expected : 1;
  return gap;
}

Result<EraGap> verify_succession(ByteView genesis, const TrustPins& pins,
                                 const EarlierEra& before) {
  const Result<Genesis> decoded = decode_genesis(genesis);
  if (!decoded) return decoded.error();
  if (log_id(genesis) != pins.log_id || decoded->era != pins.era ||
      decoded->origin != pins.origin || decoded->mode != pins.mode ||
      first_extend(genesis) != pins.first_extend) {
    return contradicts("the trust file pins another genesis");
  }
  const Result<EraGap> gap = verify_era_end(*decoded, before.pins);
  if (!gap) return gap.error();
  const Result<EraEnd> end = era_end_of(*decoded);
  ENSURE(end.has_value());
  if (end->seq != before.seq || end->extend != before.extend ||
      decoded->previous_tree.size != before.size) {
    return contradicts("the trust file and the genesis name different ends of the era before");
  }
  return gap;
}

bool same_era(const TrustPins& a, const TrustPins& b) {
  TrustPins other = b;
  other.quote_interval_ms = a.quote_interval_ms;
  other.max_quote_gap = a.max_quote_gap;
  other.heartbeat_s = a.heartbeat_s;
  other.slack_ms = a.slack_ms;
  other.clock_update_ms = a.clock_update_ms;
  other.tpm_kind = a.tpm_kind;
  other.enrolled = a.enrolled;
  other.locked_from_outside = a.locked_from_outside;
  other.acknowledged = a.acknowledged;
  other.boot_policy = a.boot_policy;
  other.tpm_manufacturer = a.tpm_manufacturer;
  other.tpm_model = a.tpm_model;
  return a == other;
}

bool same_eras(const std::vector<EarlierEra>& a, const std::vector<EarlierEra>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const EarlierEra& one, const EarlierEra& other) {
                      return same_era(one.pins, other.pins) && one.seq == other.seq &&
                             one.extend == other.extend && one.size == other.size;
                    });
}

std::string to_text(const EraRequest& request) {
  return std::string(kRequestLine) + to_hex(request.genesis) + '\n' + to_text(request.trust);
}

Result<EraRequest> parse_era_request(std::string_view text) {
  const auto malformed = [](const char* why) {
    return Defect(Fault::value_out_of_range, {}, std::string("a request: ") + why);
  };
  if (!text.starts_with(kRequestLine)) return malformed("it begins with \"stele-era-request 1\"");
  text.remove_prefix(kRequestLine.size());
  const std::size_t end = text.find('\n');
  if (end == text.npos) return malformed("it ends too early");
  const auto genesis = from_hex(text.substr(0, end));
  if (!genesis || to_hex(*genesis) != text.substr(0, end)) return malformed("its genesis");
  Result<TrustFile> trust = parse_trust(text.substr(end + 1));
  if (!trust) return trust.error();
  if (to_text(*trust) != text.substr(end + 1)) return malformed("its trust file is signed");
  return EraRequest{*genesis, *std::move(trust)};
}

}  // namespace stele::attest
