#include "tests/support/meddling_tcti.h"

#include <algorithm>
#include <utility>

namespace stele::test {
namespace {

MeddlingTcti::Transport to(const Swtpm& swtpm) {
  return [&swtpm](const MeddlingTcti::Bytes& command) { return swtpm.transmit(command); };
}

}  // namespace

std::uint32_t code_in(const MeddlingTcti::Bytes& bytes) {
  return std::uint32_t{bytes[6]} << 24 | std::uint32_t{bytes[7]} << 16 |
         std::uint32_t{bytes[8]} << 8 | bytes[9];
}

MeddlingTcti::Bytes only_code(std::uint32_t code) {
  MeddlingTcti::Bytes bytes = {0x80, 0x01, 0, 0, 0, 10};
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(code >> shift));
  }
  return bytes;
}

MeddlingTcti::MeddlingTcti(const Swtpm& swtpm) : MeddlingTcti(to(swtpm)) {}

MeddlingTcti::MeddlingTcti(Transport transport) : transport_(std::move(transport)) {
  table_.v1.magic = 0x5354454c454d4544;
  table_.v1.version = 2;
  table_.v1.transmit = [](TSS2_TCTI_CONTEXT* context, std::size_t size, const std::uint8_t* bytes) {
    return of(context).transmit(Bytes(bytes, bytes + size));
  };
  table_.v1.receive = [](TSS2_TCTI_CONTEXT* context, std::size_t* size, std::uint8_t* response,
                         std::int32_t) { return of(context).receive(size, response); };
  table_.v1.finalize = [](TSS2_TCTI_CONTEXT*) {};
  table_.v1.cancel = [](TSS2_TCTI_CONTEXT*) { return TSS2_RC{TSS2_TCTI_RC_NOT_IMPLEMENTED}; };
  table_.v1.getPollHandles = [](TSS2_TCTI_CONTEXT*, TSS2_TCTI_POLL_HANDLE*, std::size_t*) {
    return TSS2_RC{TSS2_TCTI_RC_NOT_IMPLEMENTED};
  };
  table_.v1.setLocality = [](TSS2_TCTI_CONTEXT*, std::uint8_t) { return TSS2_RC{TSS2_RC_SUCCESS}; };
  table_.makeSticky = [](TSS2_TCTI_CONTEXT*, TPM2_HANDLE*, std::uint8_t) {
    return TSS2_RC{TSS2_TCTI_RC_NOT_IMPLEMENTED};
  };
  table_.self = this;
}

MeddlingTcti::~MeddlingTcti() {
  release();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_ == 0; });
}

void MeddlingTcti::meddle(const Rule& rule, Fault fault) {
  rule_ = rule;
  fault_ = std::move(fault);
  has_rule_ = true;
  matched_ = 0;
  meddled = 0;
}

void MeddlingTcti::leave_alone() {
  has_rule_ = false;
  before = nullptr;
  release();
}

void MeddlingTcti::release() {
  const std::lock_guard lock(mutex_);
  ++releases_;
  changed_.notify_all();
}

void MeddlingTcti::connect_to(const Swtpm& swtpm) {
  transport_ = to(swtpm);
}

bool MeddlingTcti::applies(std::uint32_t code) {
  if (!has_rule_ || (rule_.code != 0 && rule_.code != code)) return false;
  ++matched_;
  if (matched_ < rule_.nth || matched_ - rule_.nth >= rule_.times) return false;
  ++meddled;
  return true;
}

TSS2_RC MeddlingTcti::transmit(const Bytes& command) {
  const std::uint32_t code = code_in(command);
  ++commands;
  ++sent[code];
  response_.clear();
  is_late_ = false;
  if (applies(code)) return carry_out(code, command);
  response_ = pass_on(code, command);
  return TSS2_RC_SUCCESS;
}

TSS2_RC MeddlingTcti::carry_out(std::uint32_t code, const Bytes& command) {
  using What = Fault::What;
  const Bytes previous = previous_;
  switch (fault_.what) {
    case What::lose_command:
      return TSS2_TCTI_RC_IO_ERROR;
    case What::answer:
      response_ = only_code(fault_.code);
      return TSS2_RC_SUCCESS;
    case What::lose_response:
      pass_on(code, command);
      return TSS2_RC_SUCCESS;
    case What::late:
      response_ = pass_on(code, command);
      is_late_ = true;
      return TSS2_RC_SUCCESS;
    case What::answer_after:
      pass_on(code, command);
      response_ = only_code(fault_.code);
      return TSS2_RC_SUCCESS;
    case What::stale:
      pass_on(code, command);
      response_ = previous;
      return TSS2_RC_SUCCESS;
    case What::change:
      response_ = pass_on(code, command);
      fault_.change(response_);
      return TSS2_RC_SUCCESS;
  }
  return TSS2_TCTI_RC_GENERAL_FAILURE;
}

MeddlingTcti::Bytes MeddlingTcti::pass_on(std::uint32_t code, const Bytes& command) {
  if (before) before(code);
  previous_ = transport_(command);
  if (previous_.size() >= 10 && code_in(previous_) == 0) ++executed[code];
  return previous_;
}

TSS2_RC MeddlingTcti::receive(std::size_t* size, std::uint8_t* response) {
  if (response == nullptr) {
    *size = TPM2_MAX_RESPONSE_SIZE;
    return TSS2_RC_SUCCESS;
  }
  const Bytes bytes = std::exchange(response_, {});
  if (std::exchange(is_late_, false)) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [this, now = releases_] { return releases_ != now; });
    --waiting_;
    changed_.notify_all();
  }
  if (bytes.empty()) return TSS2_TCTI_RC_IO_ERROR;
  if (*size < bytes.size()) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
  std::copy(bytes.begin(), bytes.end(), response);
  *size = bytes.size();
  return TSS2_RC_SUCCESS;
}

}  // namespace stele::test
