// A TPM in memory, command by command: what anchors touch of one, answered as a real one answers.
//
// C, E, the SHA-256 PCRs 0-15, HMAC sessions as audit sessions, an ECDSA AK, the clock and the
// counts, with resets, restarts, resumes and power cuts. A command either answers or throws the
// TpmError that ESYS would. virtual_tpm_test.cc compares it with swtpm, command by command.
// A copy is a clone of the chip: assigning an old copy puts its state back.
// Signatures are real ECDSA P-256 with nonces from the key and the message, so that one seed makes
// the same bytes every time. Thread safety: a value.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "attest/receipt.h"
#include "tpm/anchor.h"

namespace stele::test {

class VirtualTpm {
 public:
  enum class Index : std::uint8_t { counter, extend };
  // How a command uses a session: alone by password, or as audit session too.
  enum class Audit : std::uint8_t { reset, exclusive };
  struct Use {
    std::uint32_t session = 0;
    Audit audit = Audit::exclusive;
  };
  using Session = std::optional<Use>;  // none: a password

  explicit VirtualTpm(std::uint64_t seed);  // manufactured, powered and started

  const attest::AttestationPublic& ak() const;
  attest::TpmIdentity identity(std::uint8_t pcr) const;

  // Power and time.
  enum class Startup : std::uint8_t { clear, state };
  void shutdown(Startup kind);
  void power_off();            // without shutdown() as the last command: unclean
  void startup(Startup kind);  // 0x100 while running; 0x1C4 for a state that was not saved
  bool powered() const { return powered_; }
  void pass(std::uint64_t milliseconds);  // the clock runs while powered
  void clear();                           // TPM2_Clear: indexes and AK gone, counts and clock 0

  // Commands. Wrong authValue: 0x9A2; no such index or session: 0x18B, 0x910.
  std::uint32_t start_session();  // 0x903: three are loaded
  void flush(std::uint32_t session);
  void flush_all();
  void get_random();  // for what it does to others' sessions
  void find_ak();     // TPM2_ReadPublic
  void define(Index index, const tpm::AuthValue& auth);
  void undefine(Index index);
  bool read_public(Index index);  // whether it is written
  void increment(const tpm::AuthValue& auth, const Session& session = {});
  void extend(const tpm::AuthValue& auth, const attest::Hash& digest, const Session& session = {});
  attest::Bytes read(Index index, const tpm::AuthValue& auth, const Session& session = {});
  struct Audited {
    bool exclusive = false;
    attest::Hash digest;
    attest::SignedAttestation signed_attestation;
  };
  Audited session_audit_digest(std::uint32_t session, const attest::Hash& extra_data);
  attest::Hash pcr_read(std::uint8_t pcr);
  void pcr_extend(std::uint8_t pcr, const attest::Hash& digest);
  attest::SignedAttestation quote(std::uint32_t selected, const attest::Hash& extra_data);
  tpm::Clock read_clock();

  // What lies in the chip, for the model: no command.
  bool holds(std::uint32_t session) const { return sessions_.contains(session); }
  std::uint64_t counter() const { return nv_.counter.value; }
  const attest::Hash& extend_value() const { return nv_.extend.digest; }
  const attest::Hash& pcr(std::uint8_t number) const { return pcrs_[number]; }
  // A chip of another past.
  void set(std::uint64_t counter, const attest::Hash& extend);
  attest::Run signed_run() const;
  static std::uint64_t firmware();
  static constexpr std::uint64_t kClockUpdateMs = std::uint64_t{1} << 22;

 private:
  struct Key;
  struct NvIndex {
    bool defined = false, written = false;
    std::uint64_t value = 0;  // of the counter
    attest::Hash digest;      // of the extend index
    tpm::AuthValue auth{};
  };
  struct Clock {
    std::uint64_t ms = 0;
    bool safe = true;
  };
  struct Nv {  // survives power cuts
    NvIndex counter, extend;
    std::uint64_t largest_count = 0;  // of any counter that ever was
    std::uint32_t resets = 0;
    Clock clock;
    bool orderly = false;  // the last command before power went was TPM2_Shutdown
    std::optional<Startup> saved;
    std::array<attest::Hash, 16> saved_pcrs{};
    std::uint32_t restarts = 0;
    bool ak_there = true;
  };
  struct LoadedSession {
    bool audit = false;
    attest::Hash digest;
  };

  void begin(const char* command);  // every command but Startup: powered and started?
  void forget_shutdown();
  NvIndex& index(Index index) { return index == Index::counter ? nv_.counter : nv_.extend; }
  NvIndex& authorise(Index which, const tpm::AuthValue& auth, const Session& session,
                     const char* command);
  void end(const Session& session, attest::ByteView command_hash, attest::ByteView response);
  attest::Bytes attest_header(std::uint16_t type, const attest::Hash& extra_data) const;
  attest::Name name(Index index) const;

  std::shared_ptr<const Key> key_;
  Nv nv_;
  bool powered_ = true, started_ = true;
  std::array<attest::Hash, 16> pcrs_{};
  Clock clock_;
  std::map<std::uint32_t, LoadedSession> sessions_;
  std::uint32_t exclusive_ = 0;
};

}  // namespace stele::test
