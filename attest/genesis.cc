#include "attest/genesis.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/receipt.h"
#include "attest/record.h"
#include "attest/statement.h"

namespace stele::attest {
namespace {

constexpr std::string_view kGenesisMagic = "STELEGEN";
constexpr std::uint16_t kGenesisVersion = 1;

Name read_name(Reader& reader) {
  Name name{};
  const ByteView bytes = reader.bytes(name.size());
  std::copy(bytes.begin(), bytes.end(), name.begin());
  return name;
}

// What no writer writes although every field could be read.
const char* out_of_range(const Genesis& genesis) {
  if (genesis.mode != Mode::a && genesis.mode != Mode::b) return "mode is neither 'a' nor 'b'";
  if (!is_anchor_pcr(genesis.pcr)) return "P is a PCR that cannot hold the fold";
  if (!is_origin(genesis.origin)) return "origin is not a name";
  const bool follows = genesis.previous_log_id != Hash{} || genesis.previous_tree != TreeHead{};
  if (genesis.era == 0 && follows) return "era 0 names an earlier log";
  return nullptr;
}

}  // namespace

bool is_origin(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~' && c != '+'; });
}

bool is_anchor_pcr(std::uint8_t pcr) { return pcr >= 8 && pcr <= 15 && pcr != 10; }

Bytes encode(const Genesis& genesis) {
  ENSURE(out_of_range(genesis) == nullptr && verify_tlvs(genesis.tlvs));
  Bytes out;
  Writer(out)
      .bytes(view(kGenesisMagic))
      .u16(kGenesisVersion)
      .u8(static_cast<std::uint8_t>(genesis.mode))
      .u8(genesis.pcr)
      .u32(genesis.era)
      .bytes(genesis.salt)
      .bytes(genesis.ak_name)
      .bytes(genesis.counter_name)
      .bytes(genesis.extend_name)
      .bytes(genesis.previous_log_id)
      .u64(genesis.previous_tree.size)
      .bytes(genesis.previous_tree.root)
      .i64(genesis.created_ns)
      .sized16(view(genesis.origin))
      .sized16(genesis.tlvs);
  return out;
}

Result<Genesis> decode_genesis(ByteView bytes) {
  Reader reader(bytes);
  const bool magic = reader.expect(view(kGenesisMagic));
  if (!magic && bytes.size() >= kGenesisMagic.size())
    return Defect(Fault::bad_magic, {}, "genesis");
  if (const std::uint16_t version = reader.u16(); !reader.failed() && version != kGenesisVersion) {
    return Defect(Fault::version_unknown, {}, "genesis version " + std::to_string(version));
  }
  Genesis genesis;
  genesis.mode = static_cast<Mode>(reader.u8());
  genesis.pcr = reader.u8();
  genesis.era = reader.u32();
  genesis.salt = reader.hash();
  genesis.ak_name = read_name(reader);
  genesis.counter_name = read_name(reader);
  genesis.extend_name = read_name(reader);
  genesis.previous_log_id = reader.hash();
  genesis.previous_tree.size = reader.u64();
  genesis.previous_tree.root = reader.hash();
  genesis.created_ns = reader.i64();
  const ByteView origin = reader.sized16();
  genesis.origin.assign(origin.begin(), origin.end());
  const ByteView tlvs = reader.sized16();
  genesis.tlvs.assign(tlvs.begin(), tlvs.end());
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()), "genesis");
  if (!reader.done()) return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "genesis");
  if (const char* why = out_of_range(genesis)) return Defect(Fault::value_out_of_range, {}, why);
  if (auto tlvs_fine = verify_tlvs(genesis.tlvs); !tlvs_fine) return tlvs_fine.error();
  return genesis;
}

Hash log_id(ByteView genesis) { return hash(genesis); }

Hash first_extend(ByteView genesis) {
  return extended(Hash{}, genesis_digest(genesis));
}

}  // namespace stele::attest
