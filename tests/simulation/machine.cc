#include "tests/simulation/machine.h"

#include <cerrno>

#include "attest/genesis.h"
#include "daemon/journal_summary.h"
#include "storage/append_file.h"
#include "storage/damage.h"
#include "storage/journal.h"
#include "tpm/error.h"

namespace stele::test {

using attest::EntryKind;
using Moment = VirtualAnchorDevice::Moment;

namespace {

constexpr std::uint8_t kPcr = 12;
constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";
constexpr std::uint32_t kNoAnswer = 0xA000A, kBusy = 0x922;

void write_whole(storage::FileSystem& files, const std::string& path, attest::ByteView bytes) {
  const auto file = files.open(path, storage::FileSystem::Open::create_new);
  file->write(0, {&bytes, 1});
  file->sync();
}

tpm::Credentials make_credentials(attest::TpmIdentity identity) {
  tpm::Credentials made{.identity = std::move(identity)};
  made.ak_auth.fill(2);
  made.counter_auth.fill(3);
  made.extend_auth.fill(4);
  made.endorsement_auth.fill(5);
  return made;
}

}  // namespace

const char* name(Ended ended) {
  constexpr std::array kNames = {"done",    "unavailable", "disk full", "stopped",
                                 "damaged", "fatal",       "died"};
  return kNames[static_cast<std::size_t>(ended)];
}

Machine::Machine(std::uint64_t seed, attest::Mode mode)
    : tpm(seed % 16),
      host(seed, [this](std::uint64_t milliseconds) { tpm.pass(milliseconds); }),
      files(std::make_unique<MemoryFileSystem>(kLog)),
      credentials(make_credentials(tpm.identity(kPcr))) {
  write_boot_id();
  provision(mode);
}

void Machine::provision(attest::Mode mode) {
  attest::Genesis made;
  made.mode = mode;
  made.pcr = kPcr;
  made.salt = attest::hash(attest::view("salt"));
  made.ak_name = tpm.ak().name();
  made.counter_name = credentials.identity.counter_name;
  made.extend_name = credentials.identity.extend_name;
  made.created_ns = host.now_ns();
  made.origin = "simulation.example/log";
  genesis = encode(made);
  const attest::Hash log_id = attest::log_id(genesis), digest = attest::genesis_digest(genesis);
  tpm.define(VirtualTpm::Index::counter, credentials.counter_auth);
  tpm.define(VirtualTpm::Index::extend, credentials.extend_auth);
  tpm.increment(credentials.counter_auth);
  tpm.extend(credentials.extend_auth, digest);

  storage::NewRecord record;
  record.kind = attest::Kind::genesis;
  record.time_ns = host.now_ns();
  record.bytes = genesis;
  storage::Journal::create(*files, kLog, log_id, genesis);
  const auto receipt = device()->read_back(digest, attest::read_back_extra_data(digest), false);
  storage::Journal::open(*files, kLog, {}, {}).append(EntryKind::receipt, encode(receipt));
  storage::Store::create(*files, kLog, log_id, 0, record);
  write_whole(*files, std::string(kLog) + "/lock", {});
  files->sync_directory(kLog);

  trust.origin = made.origin;
  trust.log_id = log_id;
  trust.mode = mode;
  trust.ak = tpm.ak().encoded();
  trust.counter_name = made.counter_name;
  trust.extend_name = made.extend_name;
  trust.pcr = kPcr;
  trust.first_counter = tpm.counter();
  trust.first_extend = tpm.extend_value();
  trust.base_reset = tpm.signed_run().reset;
  trust.base_restart = tpm.signed_run().restart;
  trust.base_firmware = VirtualTpm::firmware();
  trust.tpm_kind = attest::TpmKind::discrete;
}

void Machine::write_boot_id() {
  std::string path;
  for (const char* part : {"/proc", "/sys", "/kernel", "/random"}) {
    path += part;
    files->create_directory(path);
  }
  if (files->exists(kBootId)) files->remove(kBootId);
  const std::string number = std::to_string(100'000 + boots_);
  write_whole(*files, kBootId, attest::view("00000000-0000-0000-0000-000000" + number));
}

std::unique_ptr<tpm::AnchorDevice> Machine::device() {
  return std::make_unique<VirtualAnchorDevice>(tpm, credentials,
                                               [this](Moment moment) { on_command(moment); });
}

// Daemon.

Ended Machine::attempt(const std::function<void()>& work) {
  try {
    work();
    if (anchoring() && daemon_->paused) {
      journal().remark(attest::RemarkCode::resumed, "anchoring goes on");
      daemon_->paused = false;
    }
    return Ended::done;
  } catch (const PowerCut&) {
    drop();
    return failed(Ended::died, "killed");
  } catch (const daemon::AnchoringStopped& stopped) {
    daemon_->rounds->close();
    daemon_->stopped = true;
    return failed(Ended::stopped, stopped.what());
  } catch (const daemon::Contended& contended) {
    failed(Ended::unavailable, contended.what());
    daemon_->rounds->close();
    return attempt_remark(attest::RemarkCode::contended);
  } catch (const tpm::TpmError& error) {
    failed(Ended::unavailable, error.what());
    daemon_->rounds->close();
    return attempt_remark(attest::RemarkCode::pause);
  } catch (const storage::Damage& damage) {
    drop();
    return failed(Ended::damaged, damage.what());
  } catch (const daemon::NotAStore& error) {
    drop();
    return failed(Ended::damaged, error.what());
  } catch (const std::system_error& error) {
    if (!storage::is_full(error) || !running() || !daemon_->rounds || store().broken()) {
      drop();
      return failed(Ended::fatal, error.what());
    }
    daemon_->rounds->close();
    return failed(Ended::disk_full, error.what());
  }
}

Ended Machine::failed(Ended ended, const char* why) {
  why_ = why;
  return ended;
}

// A gap between anchors that the journal explains is no finding.
Ended Machine::attempt_remark(attest::RemarkCode code) {
  if (daemon_->paused) return Ended::unavailable;
  const std::string why = why_.substr(0, 100);
  const Ended ended = attempt([&] {
    journal().remark(code, why);
    daemon_->paused = true;
  });
  if (ended == Ended::done || ended == Ended::disk_full) return Ended::unavailable;
  return ended;
}

void Machine::drop() {
  daemon_.reset();
  files->release_locks();
}

void Machine::open_log() {
  daemon_ = std::make_unique<Daemon>();
  daemon_->lock = files->lock(std::string(kLog) + "/lock");
  if (!daemon_->lock) throw std::logic_error("a lock outlived its process");
  daemon::require_store(*files, kLog);
  const daemon::JournalSummary summary = daemon::summarise_journal(*files, kLog);
  storage::StoreOptions options;
  options.segment_bytes = 6000;
  options.block_bytes = 700;
  options.anchored_size = summary.anchored_size;
  daemon_->store.emplace(storage::Store::open(*files, kLog, options));
  daemon_->journal.emplace(*files, kLog, credentials.identity);
  daemon_->rounds.emplace(*files, kLog, journal(), [this] { return device(); });
}

Ended Machine::start() {
  if (files->dead()) files->revive();
  const Ended opened = attempt([this] { open_log(); });
  if (opened != Ended::done) {
    drop();
    return opened;
  }
  return reopen();
}

Ended Machine::reopen() {
  return attempt([this] { rounds().open(); });
}

Ended Machine::append(std::span<const storage::NewRecord> records) {
  try {
    store().append(records);
    return Ended::done;
  } catch (const PowerCut&) {
    drop();
    return failed(Ended::died, "killed");
  } catch (const std::system_error& error) {
    if (!store().broken()) return failed(Ended::disk_full, error.what());
    drop();
    return failed(Ended::fatal, error.what());
  }
}

// Power.

void Machine::lose_power(const std::vector<Survival>& survivals) {
  drop();
  files = files->power_loss(survivals);
  tpm.power_off();
}

std::unique_ptr<MemoryFileSystem> Machine::copy_of_disk() const {
  return files->power_loss(std::vector<Survival>(files->waiting().size()));
}

void Machine::replace_disk(const MemoryFileSystem& disk) {
  files = disk.power_loss(std::vector<Survival>(disk.waiting().size()));
  write_boot_id();
}

void Machine::extend_p(const attest::Hash& digest) {
  ++p_changes_;
  ++p_taken_over_;
  tpm.pcr_extend(kPcr, digest);
}

void Machine::boot(Boot how) {
  using Startup = VirtualTpm::Startup;
  if (how != Boot::resume) ++p_changes_;
  if (tpm.powered()) {
    const bool state = how == Boot::restart || how == Boot::resume;
    if (how != Boot::unclean) tpm.shutdown(state ? Startup::state : Startup::clear);
    tpm.power_off();
  }
  pass(3000);
  tpm.startup(how == Boot::resume ? Startup::state : Startup::clear);
  if (how == Boot::restart || how == Boot::resume) return;
  ++boots_;
  write_boot_id();
}

// Troubles.

void Machine::arm(const Trouble& trouble) {
  trouble_ = trouble;
  commands_ = 0;
  struck_ = false;
  if (trouble.where != Trouble::Where::disk) return;
  Injection injection;
  injection.at = files->operations() + trouble.at;
  injection.failure = trouble.failure;
  if (trouble.what == Trouble::What::io_error) injection.error = EIO;
  if (trouble.what == Trouble::What::full) injection.error = ENOSPC;
  files->inject(injection);
}

bool Machine::disarm() {
  const bool struck = struck_ || (trouble_.where == Trouble::Where::disk && files->injected());
  trouble_ = {};
  if (!files->dead()) files->inject({});
  return struck;
}

void Machine::on_command(Moment moment) {
  if (trouble_.where != Trouble::Where::tpm) return;
  const bool before = trouble_.failure == Failure::failed;
  if ((moment == Moment::before) != before) return;
  const std::uint64_t number = commands_++;
  if (number < trouble_.at || number >= trouble_.at + trouble_.times) return;
  struck_ = true;
  strike();
}

void Machine::strike() {
  using Startup = VirtualTpm::Startup;
  switch (trouble_.what) {
    case Trouble::What::death:
      throw PowerCut{};
    case Trouble::What::io_error:
      throw tpm::TpmError(kNoAnswer, "a command");
    case Trouble::What::full:
      throw tpm::TpmError(kBusy, "a command");
    case Trouble::What::stranger:
      return tpm.get_random();
    case Trouble::What::reset:
      ++p_changes_;
      tpm.power_off();
      return tpm.startup(Startup::clear);
    case Trouble::What::resume:
      tpm.shutdown(Startup::state);
      tpm.power_off();
      return tpm.startup(Startup::state);
    case Trouble::What::extend:
      return extend_p(attest::hash(attest::view("a stranger")));
  }
}

}  // namespace stele::test
