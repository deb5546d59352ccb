#include "daemon/ingest/journal_input.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "attest/gap.h"
#include "daemon/ingest/journal_directory.h"
#include "daemon/ingest/journal_places.h"
#include "daemon/ingest/journal_reader.h"
#include "daemon/ingest/position.h"
#include "daemon/log.h"

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBatchEntries = 512;
constexpr std::size_t kBatchBytes = 1u << 20;
constexpr std::chrono::milliseconds kIdle = 1s;  // a look at the journal at least this often
constexpr std::chrono::milliseconds kFirstJournalBackOff = 100ms;
constexpr std::chrono::milliseconds kLastJournalBackOff = 10s;

// An eventfd: wakes the thread from its polls. Whoever may call outlives nobody: it is shared.
class WakeDescriptor {
 public:
  WakeDescriptor() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~WakeDescriptor() { ::close(fd_); }
  WakeDescriptor(const WakeDescriptor&) = delete;
  WakeDescriptor& operator=(const WakeDescriptor&) = delete;
  void give() { [[maybe_unused]] const int written = ::eventfd_write(fd_, 1); }
  void take() {
    eventfd_t ignored = 0;
    [[maybe_unused]] const int read = ::eventfd_read(fd_, &ignored);
  }
  void wait(std::chrono::milliseconds limit) {
    pollfd one{fd_, POLLIN, 0};
    ::poll(&one, 1, static_cast<int>(limit.count()));
    take();
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::string source_of(const Config& config) {
  std::string which = "host";
  if (!config.journal_directory.empty()) which = config.journal_directory;
  if (!config.journal_namespace.empty()) which = "namespace " + config.journal_namespace;
  return "{\"journal\":" + boost::json::serialize(boost::json::string(which)) +
         ",\"transport\":\"journal\"}";
}

void add_item(Batch& batch, attest::Kind kind, std::string_view content,
              const std::string& place) {
  batch.items.push_back({kind, static_cast<std::uint32_t>(batch.bytes.size()),
                         static_cast<std::uint32_t>(content.size()), batch.clocks->wall_ns});
  batch.bytes.insert(batch.bytes.end(), content.begin(), content.end());
  if (!place.empty()) add_position(batch, kJournal, place);
}

}  // namespace

struct JournalInput::State {
  State(const Config& config_, Sequencer& sequencer_)
      : config(config_),
        sequencer(sequencer_),
        source(std::make_shared<const std::string>(source_of(config_))) {}

  void run();
  bool has_directory() const { return !config.journal_directory.empty(); }
  void follow_host();
  void follow_directory();
  template <class Reader, class Submitted>
  void follow(Reader& reader, Submitted submitted);
  template <class Reader>
  Batch read_batch(Reader& reader);
  void add(Batch& batch, const JournalEntry& entry);
  bool submit(Batch batch);
  void renew_position();
  void state_position();

  const Config config;
  Sequencer& sequencer;
  const std::shared_ptr<const std::string> source;
  const std::shared_ptr<WakeDescriptor> signal = std::make_shared<WakeDescriptor>();
  std::atomic<bool> stopping{false};
  std::atomic<bool> ended{false};
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> bytes{0};  // of the entries, in export format

  // The thread's own.
  std::string cursor;           // of the newest entry that is with the sequencer
  std::string reached;          // of the newest one read
  JournalPositions positions;   // of a directory, instead: what is with the sequencer
  std::uint64_t stated_at = 0;  // log size when the position was stated
  bool told = false;            // why the journal cannot be read
  std::thread thread;
};

JournalInput::JournalInput(const Config& config, Sequencer& sequencer)
    : state_(std::make_unique<State>(config, sequencer)) {
  State& state = *state_;
  if (state.has_directory()) {
    state.positions = journal_positions_of(sequencer.store());
  } else if (const auto position = newest_position(sequencer.store(), kJournal)) {
    state.cursor = cursor_of(position->value);
  }
  // What a directory's log has to be looked through for is stated at once.
  state.stated_at = state.has_directory() ? 0 : sequencer.head().size;
  state.thread = std::thread([&state] { state.run(); });
}

JournalInput::~JournalInput() {
  close();
}

void JournalInput::stop() {
  state_->stopping = true;
  state_->signal->give();
}

bool JournalInput::read_out() const {
  return state_->ended;
}

void JournalInput::close() {
  stop();
  if (state_->thread.joinable()) state_->thread.join();
}

InputCounters JournalInput::counters() const {
  return {state_->open, state_->accepted, 0, state_->taken, state_->refused, 0, state_->bytes};
}

void JournalInput::State::run() {
  std::chrono::milliseconds delay = kFirstJournalBackOff;
  while (!stopping) {
    try {
      const std::uint64_t before = taken;
      try {
        has_directory() ? follow_directory() : follow_host();
      } catch (...) {
        open = 0;
        if (taken > before) delay = kFirstJournalBackOff;
        throw;
      }
    } catch (const std::exception& error) {
      if (!std::exchange(told, true)) {
        log(Priority::warning, std::string("the journal cannot be read: ") + error.what() +
                                   "; trying again: is there one, and is the daemon's user in the "
                                   "group systemd-journal?");
      }
      signal->wait(delay);
      delay = std::min(2 * delay, kLastJournalBackOff);
    }
  }
  open = 0;
  ended = true;
}

void JournalInput::State::follow_host() {
  JournalReader reader(config, cursor);
  follow(reader, [this] { cursor = reached; });
}

void JournalInput::State::follow_directory() {
  JournalPositions read = positions;
  JournalDirectory reader(config, read);
  if (stated_at == 0) state_position();
  // What is gone is known to be told only with the entry that says so.
  bool are_gone = read.all() != positions.all();
  follow(reader, [&] {
    positions = read;
    if (std::exchange(are_gone, false)) state_position();
  });
}

template <class Reader, class Submitted>
void JournalInput::State::follow(Reader& reader, Submitted submitted) {
  open = 1;
  ++accepted;
  while (!stopping) {
    Batch batch = read_batch(reader);
    const bool idle = batch.items.empty();
    if (!idle && submit(std::move(batch))) submitted();
    if (idle || has_directory()) renew_position();
    if (!idle) continue;
    told = false;
    reader.wait(signal->fd(), kIdle);
    signal->take();
  }
}

template <class Reader>
Batch JournalInput::State::read_batch(Reader& reader) {
  Batch batch;
  batch.clocks = read_clocks();
  batch.source = source;
  batch.waits = true;
  JournalEntry entry;
  for (std::size_t i = 0; i < kBatchEntries && batch.bytes.size() < kBatchBytes; ++i) {
    if (!reader.read(entry)) break;
    add(batch, entry);
    reached = entry.cursor;
  }
  return batch;
}

void JournalInput::State::add(Batch& batch, const JournalEntry& entry) {
  const auto gap = [&](std::uint64_t lost, const char* reason, const std::string& place) {
    add_item(batch, attest::Kind::gap, encode(attest::Gap{lost, reason}), place);
    log(Priority::warning, "journal: " + std::to_string(lost) + " entries are missing (" +
                               std::string(reason) + "): recorded in the log");
  };
  const std::string place = journal_place(entry.cursor, entry.begins);
  if (entry.lost > 0) gap(entry.lost, "journal_vacuumed", {});
  if (entry.renumbered) gap(0, "journal_renumbered", {});
  if (entry.content.empty()) {
    ++refused;
    gap(1, "too_long", place);
    return;
  }
  add_item(batch, attest::Kind::event, entry.content, place);
  ++taken;
  bytes += entry.content.size();
}

// Waits for room; false: the daemon ends first.
bool JournalInput::State::submit(Batch batch) {
  while (!sequencer.submit(std::move(batch), [signal_now = signal] { signal_now->give(); })) {
    if (stopping) return false;
    signal->wait(kIdle);
  }
  if (!has_directory()) stated_at = sequencer.head().size;
  return true;
}

void JournalInput::State::renew_position() {
  if (sequencer.head().size - stated_at >= kPositionRenewal) state_position();
}

// A directory's are stated all together, as the last that came of each may be far back.
void JournalInput::State::state_position() {
  if (!has_directory() && cursor.empty()) return;
  const bool taken_in =
      has_directory()
          ? sequencer.submit(position_note(kJournalNumberings, positions.encoded()), [] {})
          : sequencer.submit(position_note(kJournal, cursor), [] {});
  if (taken_in) stated_at = sequencer.head().size;
}

}  // namespace stele::daemon
