#include "attest/answer.h"

#include "attest/codec.h"

namespace stele::attest {
namespace {

constexpr std::string_view kAnswerMagic = "STELEANS";
constexpr std::uint16_t kAnswerVersion = 1;

}  // namespace

Bytes encode(const Answer& answer) {
  Bytes out;
  Writer(out)
      .bytes(view(kAnswerMagic))
      .u16(kAnswerVersion)
      .bytes(answer.nonce)
      .bytes(answer.log_id)
      .u64(answer.seq)
      .u64(answer.quote_seq)
      .bytes(answer.digest)
      .u64(answer.tree_size);
  append_audit(out, answer.audit);
  append_quote(out, answer.quote);
  return out;
}

Result<Answer> decode_answer(ByteView bytes) {
  Reader reader(bytes);
  const bool magic = reader.expect(view(kAnswerMagic));
  if (!magic && bytes.size() >= kAnswerMagic.size()) return Defect(Fault::bad_magic, {}, "answer");
  const std::uint16_t version = reader.u16();
  if (!reader.failed() && version != kAnswerVersion) {
    return Defect(Fault::version_unknown, {}, "answer version " + std::to_string(version));
  }
  Answer answer;
  answer.nonce = reader.hash();
  answer.log_id = reader.hash();
  answer.seq = reader.u64();
  answer.quote_seq = reader.u64();
  answer.digest = reader.hash();
  answer.tree_size = reader.u64();
  answer.audit = read_audit(reader);
  answer.quote = read_quote(reader);
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()), "answer");
  if (!reader.done()) return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "answer");
  return answer;
}

Hash answer_extra_data(const Answer& answer) {
  Bytes fields;
  Writer(fields)
      .bytes(answer.nonce)
      .bytes(answer.log_id)
      .u64(answer.seq)
      .u64(answer.quote_seq)
      .bytes(answer.digest);
  return hash({tag("stele/v1/challenge"), fields});
}

}  // namespace stele::attest
