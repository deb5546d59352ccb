#include "attest/statement.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"

namespace stele::attest {
namespace {
constexpr std::string_view kStatementMagic = "STELEAN1";
}

std::array<std::uint8_t, kStatementBytes> encode(const Statement& s) {
  Bytes out;
  out.reserve(kStatementBytes);
  Writer(out)
      .bytes(view(kStatementMagic))
      .u16(kStatementVersion)
      .u16(s.flags)
      .bytes(s.log_id)
      .u32(s.era)
      .u64(s.seq)
      .u64(s.quote_seq)
      .u64(s.counter)
      .u64(s.tree.size)
      .bytes(s.tree.root)
      .bytes(s.chain_head)
      .bytes(s.prev_extend)
      .bytes(s.prev_receipt)
      .bytes(s.bundle)
      .i64(s.wallclock_ns)
      .u32(s.run.reset)
      .u32(s.run.restart);
  ENSURE(out.size() == kStatementBytes);
  std::array<std::uint8_t, kStatementBytes> fixed;
  std::copy(out.begin(), out.end(), fixed.begin());
  return fixed;
}

Result<Statement> decode_statement(ByteView bytes) {
  Reader in(bytes);
  const bool magic = in.expect(view(kStatementMagic));
  if (!magic && bytes.size() >= kStatementMagic.size())
    return Defect(Fault::bad_magic, {}, "statement");
  // Before the length: that of another version may differ.
  const std::uint16_t version = in.u16();
  if (!in.failed() && version != kStatementVersion) {
    return Defect(Fault::version_unknown, {}, "statement version " + std::to_string(version));
  }
  if (bytes.size() < kStatementBytes) return Defect(Fault::truncated, {}, "statement");
  if (bytes.size() > kStatementBytes) return Defect(Fault::trailing_bytes, {}, "statement");
  Statement s;
  s.flags = in.u16();
  if ((s.flags & ~kKnownFlags) != 0) {
    return Defect(Fault::value_out_of_range, {}, "statement flags " + std::to_string(s.flags));
  }
  s.log_id = in.hash();
  s.era = in.u32();
  s.seq = in.u64();
  s.quote_seq = in.u64();
  s.counter = in.u64();
  s.tree.size = in.u64();
  s.tree.root = in.hash();
  s.chain_head = in.hash();
  s.prev_extend = in.hash();
  s.prev_receipt = in.hash();
  s.bundle = in.hash();
  s.wallclock_ns = in.i64();
  s.run.reset = in.u32();
  s.run.restart = in.u32();
  if (s.is_quote() != (s.quote_seq != 0)) {
    return Defect(Fault::value_out_of_range, {}, "quote_seq does not fit the quote flag");
  }
  return s;
}

Hash statement_digest(ByteView encoded_statement) {
  return hash({tag("stele/v1/anchor"), encoded_statement});
}

Hash extended(const Hash& before, const Hash& digest) {
  return hash({before, digest});
}

}  // namespace stele::attest
