#include "tests/simulation/virtual_anchor_device.h"

#include <algorithm>
#include <type_traits>

#include "attest/codec.h"
#include "tpm/error.h"

namespace stele::test {

using attest::Bytes;
using attest::Hash;
using Audit = VirtualTpm::Audit;
using Presence = tpm::IndexState::Presence;

VirtualAnchorDevice::VirtualAnchorDevice(VirtualTpm& tpm, tpm::Credentials credentials,
                                         OnCommand on_command)
    : tpm_(tpm), credentials_(std::move(credentials)), on_command_(std::move(on_command)) {}

template <class Work>
auto VirtualAnchorDevice::command(Work work) {
  if (on_command_) on_command_(Moment::before);
  if constexpr (std::is_void_v<decltype(work())>) {
    work();
    if (on_command_) on_command_(Moment::after);
  } else {
    auto result = work();
    if (on_command_) on_command_(Moment::after);
    return result;
  }
}

const tpm::AuthValue& VirtualAnchorDevice::auth_of(Index index) const {
  return index == Index::counter ? credentials_.counter_auth : credentials_.extend_auth;
}

tpm::Clock VirtualAnchorDevice::read_clock() {
  return command([&] { return tpm_.read_clock(); });
}

Presence VirtualAnchorDevice::look_at(Index index, Bytes& value) {
  try {
    if (!command([&] { return tpm_.read_public(index); })) return Presence::unwritten;
  } catch (const tpm::TpmError& error) {
    if (error.kind() != tpm::TpmError::Kind::missing) throw;
    return Presence::missing;
  }
  try {
    value = command([&] { return tpm_.read(index, auth_of(index)); });
  } catch (const tpm::TpmError& error) {
    if (error.kind() != tpm::TpmError::Kind::refused) throw;
    return Presence::foreign;  // defined again with another authValue
  }
  return Presence::written;
}

tpm::IndexState VirtualAnchorDevice::read_indexes() {
  tpm::IndexState state;
  Bytes counter, extend;
  state.counter_presence = look_at(Index::counter, counter);
  state.extend_presence = look_at(Index::extend, extend);
  state.counter = attest::Reader(counter).u64();
  state.extend = attest::Reader(extend).hash();
  return state;
}

Hash VirtualAnchorDevice::read_pcr() {
  return command([&] { return tpm_.pcr_read(credentials_.identity.pcr); });
}

void VirtualAnchorDevice::extend_pcr(const Hash& digest) {
  command([&] { tpm_.pcr_extend(credentials_.identity.pcr, digest); });
}

void VirtualAnchorDevice::extend_index(const Hash& digest) {
  command([&] { tpm_.read_public(Index::extend); });
  command([&] { tpm_.extend(credentials_.extend_auth, digest); });
}

std::uint32_t VirtualAnchorDevice::begin_session() {
  command([&] { tpm_.find_ak(); });
  command([&] { tpm_.read_public(Index::counter); });
  command([&] { tpm_.read_public(Index::extend); });
  const auto start = [&] { return tpm_.start_session(); };
  try {
    return command(start);
  } catch (const tpm::TpmError& error) {
    if (error.kind() != tpm::TpmError::Kind::full) throw;
    command([&] { tpm_.flush_all(); });
    return command(start);
  }
}

attest::AuditPart VirtualAnchorDevice::audited(const std::function<void(std::uint32_t)>& writes,
                                               const Hash& extra_data) {
  const std::uint32_t session = begin_session();
  attest::AuditPart part;
  try {
    if (writes) writes(session);
    const Audit first = writes ? Audit::exclusive : Audit::reset;
    const Bytes counter = command([&] {
      return tpm_.read(Index::counter, credentials_.counter_auth, {{session, first}});
    });
    const Bytes extend = command([&] {
      return tpm_.read(Index::extend, credentials_.extend_auth, {{session, Audit::exclusive}});
    });
    part.counter = attest::Reader(counter).u64();
    part.extend = attest::Reader(extend).hash();
    part.signed_attestation =
        command([&] { return tpm_.session_audit_digest(session, extra_data); }).signed_attestation;
  } catch (const tpm::TpmError&) {
    if (tpm_.holds(session)) tpm_.flush(session);
    throw;
  }
  command([&] { tpm_.flush(session); });
  return part;
}

attest::Receipt VirtualAnchorDevice::full_anchor(const attest::Statement& statement) {
  attest::Receipt receipt;
  receipt.kind = attest::ReceiptKind::full;
  receipt.digest = attest::statement_digest(attest::encode(statement));
  const auto writes = [&](std::uint32_t session) {
    command([&] { tpm_.increment(credentials_.counter_auth, {{session, Audit::reset}}); });
    command([&] {
      tpm_.extend(credentials_.extend_auth, receipt.digest, {{session, Audit::exclusive}});
    });
  };
  receipt.audit = audited(writes, receipt.digest);
  receipt.quote = quote(receipt.digest);
  return receipt;
}

attest::Receipt VirtualAnchorDevice::read_back(const Hash& digest, const Hash& extra_data,
                                               bool with_quote) {
  attest::Receipt receipt;
  receipt.kind = attest::ReceiptKind::read_back;
  receipt.digest = digest;
  receipt.audit = audited({}, extra_data);
  if (with_quote) receipt.quote = quote(digest);
  return receipt;
}

attest::QuotePart VirtualAnchorDevice::quote(const Hash& extra_data) {
  const std::uint8_t pcr = credentials_.identity.pcr;
  attest::QuotePart part;
  command([&] { tpm_.find_ak(); });
  for (int attempt = 0; attempt < 3; ++attempt) {
    command([&] {
      for (std::uint8_t i = 0; i < 8; ++i) part.pcrs[i] = tpm_.pcr_read(i);
    });
    part.pcrs.back() = command([&] { return tpm_.pcr_read(pcr); });
    part.signed_attestation = command([&] { return tpm_.quote(0xffu | 1u << pcr, extra_data); });
    Bytes values;
    for (const Hash& value : part.pcrs) attest::Writer(values).bytes(value);
    const auto parsed = attest::parse_attestation(part.signed_attestation.attest);
    if (std::ranges::equal(parsed->pcr_digest, attest::hash(values).bytes)) return part;
  }
  throw tpm::TpmError(0x128, "TPM2_Quote");  // PCR_CHANGED
}

attest::Bundle VirtualAnchorDevice::make_bundle(const std::array<std::uint8_t, 16>& boot_id,
                                                const tpm::IndexState& before_recovery,
                                                attest::ByteView event_log,
                                                attest::ByteView ima_log) {
  attest::Bundle bundle;
  bundle.boot_id = boot_id;
  bundle.counter = before_recovery.counter;
  bundle.extend = before_recovery.extend;
  bundle.event_log_bytes = event_log.size();
  bundle.event_log_hash = attest::hash(event_log);
  bundle.ima_bytes = ima_log.size();
  bundle.ima_hash = attest::hash(ima_log);
  bundle.quote = quote(attest::bundle_extra_data(bundle));
  return bundle;
}

void VirtualAnchorDevice::answer(attest::Answer& answer) {
  const Hash extra_data = attest::answer_extra_data(answer);
  answer.audit = audited({}, extra_data);
  answer.quote = quote(extra_data);
}

}  // namespace stele::test
