#include "tests/tpm/spoiled.h"

namespace stele::test {
namespace {

using attest::Bytes;
using attest::Hash;
using Believed = std::optional<Bytes>;

// Reads are not signed: nobody believes them; they must only do no harm.
Believed read_all(tpm::Device& device, const tpm::Credentials& credentials) {
  tpm::read_clock(device);
  tpm::read_indexes(device, credentials);
  tpm::extend_pcr(device, credentials.identity.pcr, {});
  return {};
}

Believed quote(tpm::Device& device, const tpm::Credentials& credentials) {
  attest::Receipt receipt;
  receipt.kind = attest::ReceiptKind::quote;
  receipt.quote = tpm::quote(device, credentials, receipt.digest);
  if (!attest::verify_quote(*receipt.quote, credentials.identity, receipt.digest)) return {};
  return encode(receipt);
}

Believed bundle(tpm::Device& device, const tpm::Credentials& credentials) {
  const Bytes made = encode(tpm::make_bundle(device, credentials, {}, {}, attest::view("firmware"),
                                             attest::view("files")));
  if (!attest::verify_bundle(made, credentials.identity)) return {};
  return made;
}

Believed judged(const attest::Receipt& receipt, const tpm::Credentials& credentials,
                const attest::Statement& statement) {
  const Hash digest = attest::statement_digest(attest::encode(statement));
  if (!attest::verify_receipt(receipt, credentials.identity, digest, statement.counter,
                              attest::extended(statement.prev_extend, digest))) {
    return {};
  }
  return encode(receipt);
}

Believed read_back(tpm::Device& device, const tpm::Credentials& credentials,
                   const attest::Statement& statement) {
  const Hash digest = attest::statement_digest(attest::encode(statement));
  return judged(
      tpm::read_back(device, credentials, digest, attest::read_back_extra_data(digest), true),
      credentials, statement);
}

Believed answer(tpm::Device& device, const tpm::Credentials& credentials,
                const attest::Statement& statement) {
  attest::Answer answer;
  answer.digest = attest::statement_digest(attest::encode(statement));
  tpm::answer(device, credentials, answer);
  const Hash extra_data = attest::answer_extra_data(answer);
  const Hash session =
      attest::read_session_digest(credentials.identity, answer.audit.counter, answer.audit.extend);
  if (answer.audit.counter != statement.counter) return {};
  if (!attest::verify_audit(answer.audit, credentials.identity, session, extra_data) ||
      !attest::verify_quote(answer.quote, credentials.identity, extra_data)) {
    return {};
  }
  return encode(answer);
}

// What the trust file pins by the genesis receipt; the TPM's maker and model are only its word.
Believed provision(tpm::Device& device) {
  MemoryKeeper memory;
  try {
    tpm::provision(device, make_plan(attest::Mode::a), {}, memory.keeper());
  } catch (const tpm::ProvisionRefused&) {
    return {};
  }
  attest::TrustFile trust = *memory.trust;
  trust.tpm_kind = {};
  trust.tpm_manufacturer = trust.tpm_model = "any";
  const std::string text = attest::to_text(trust);
  return Bytes(text.begin(), text.end());
}

}  // namespace

SpoiledSession::SpoiledSession(std::string name, const Swtpm& swtpm,
                               const tpm::Credentials& credentials, Work work)
    : name_(std::move(name)), tape_(credentials), work_(std::move(work)) {
  recorded_ = believed(tape_.recorder(swtpm));
}

Believed SpoiledSession::believed(const MeddlingTcti::Transport& transport) const {
  MeddlingTcti tcti(transport);
  tpm::Device device(tcti.get(), {.busy = std::chrono::milliseconds(5)});
  try {
    return work_(device);
  } catch (const tpm::TpmError&) {
    return {};  // named: what follows is recovery
  }
}

void SpoiledSession::play(const Tape::Spoil& spoil, Tally& tally) const {
  ++tally.injected;
  const Believed got = believed(tape_.player(spoil));
  if (!got || got == recorded_) return;
  ++tally.missed;
  ADD_FAILURE() << name_ << ": believed, though turn " << spoil.turn << " was spoiled";
}

bool SpoiledSession::plays_whole() const {
  return believed(tape_.player({tape_.turns().size(), Tape::By::liar, {}})) == recorded_;
}

std::vector<std::unique_ptr<SpoiledSession>> record_sessions() {
  std::vector<std::unique_ptr<SpoiledSession>> sessions;
  Provisioned log;
  const tpm::Credentials credentials = log.credentials();
  const attest::Statement statement = log.next_statement();
  log.device.reset();
  const auto record = [&](const char* name, auto work) {
    sessions.push_back(
        std::make_unique<SpoiledSession>(name, log.swtpm, credentials, std::move(work)));
  };
  record("reads", [=](tpm::Device& device) { return read_all(device, credentials); });
  record("quote", [=](tpm::Device& device) { return quote(device, credentials); });
  record("bundle", [=](tpm::Device& device) { return bundle(device, credentials); });
  record("anchor", [=](tpm::Device& device) {
    return judged(tpm::full_anchor(device, credentials, statement), credentials, statement);
  });
  record("read-back",
         [=](tpm::Device& device) { return read_back(device, credentials, statement); });
  record("answer", [=](tpm::Device& device) { return answer(device, credentials, statement); });
  const Swtpm blank;
  sessions.push_back(
      std::make_unique<SpoiledSession>("provisioning", blank, credentials, provision));
  return sessions;
}

}  // namespace stele::test
