#include "daemon/service.h"

#include <sys/resource.h>
#include <sysexits.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

#include "daemon/anchorer.h"
#include "daemon/callback_result.h"
#include "daemon/checkpoint_signer.h"
#include "daemon/chip.h"
#include "daemon/confinement.h"
#include "daemon/control.h"
#include "daemon/disk_watch.h"
#include "daemon/finder.h"
#include "daemon/http/server.h"
#include "daemon/ingest/journal_directory.h"
#include "daemon/http_address.h"
#include "daemon/ingest/inputs.h"
#include "daemon/ingest/network_sockets.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/opened_log.h"
#include "daemon/outward/outward.h"
#include "daemon/packer.h"
#include "daemon/sequencer.h"
#include "daemon/wall_clock.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// What has reached a socket is a few hundred KiB; a sender is not waited for longer.
constexpr auto kReadOutLimit = 5s;
// A slow chip needs a second for an anchor; one that is busy or gone must not hold up a shutdown.
constexpr auto kFinalAnchorLimit = 20s;
constexpr auto kLastAcksLimit = 1s;
// The final anchor's receipt is worth most off the host; who does not take it now gets it later.
constexpr auto kLastPushLimit = 5s;
// A note is one sync; where that takes longer, the anchor goes on and the verifier finds the step.
constexpr auto kClockNoteLimit = 2s;

// Descriptors for all connections and our own files, as far as the hard limit allows; where it does
// not, fewer connections, so that no crowd of senders can take the store's.
Config within_descriptors(Config config) {
  constexpr rlim_t kOwnFiles = 128;
  // A journal file that is read has a descriptor here and one in libsystemd; of the host's own journal
  // all are open.
  const rlim_t kOwn = kOwnFiles + (config.journal ? 2 * kMaxOpenJournals : 0);
  constexpr rlim_t kStreamInputs = 3;  // unix, tcp, tls; a passed socket may switch on each of them
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return config;
  const rlim_t senders = kStreamInputs * config.max_connections + config.http_max_connections;
  if (limit.rlim_cur < senders + kOwn) {
    limit.rlim_cur = std::min<rlim_t>(senders + kOwn, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= senders + kOwn) return config;
  const rlim_t left = limit.rlim_cur > kOwn ? limit.rlim_cur - kOwn : 0;
  const auto share = [&](std::uint32_t of) {
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(left * of / senders));
  };
  config.max_connections = share(config.max_connections);
  config.http_max_connections = share(config.http_max_connections);
  log(Priority::warning, "only " + std::to_string(limit.rlim_cur) +
                             " descriptors are allowed: limits.max_connections is taken as " +
                             std::to_string(config.max_connections) + "; raise LimitNOFILE");
  return config;
}

using OwnRecord = std::pair<attest::Kind, std::string>;
Batch own_records(const std::vector<OwnRecord>& records) {
  Batch batch;
  batch.clocks = read_clocks();
  for (const auto& [kind, text] : records) {
    batch.items.push_back({kind, static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(text.size()), batch.clocks->wall_ns});
    batch.bytes.insert(batch.bytes.end(), text.begin(), text.end());
  }
  return batch;
}

}  // namespace

struct Service::State {
  State(const Config& config_, PassedSockets passed_);
  ~State();

  void listen();
  void begin();
  void await_beginning() const;
  void confine();
  void on_ready();
  void on_signal(int signal);
  void stop(int code, const std::string& why);
  asio::awaitable<void> end_in_order();
  void tell_what_stays_unsealed() const;
  asio::awaitable<void> wait_until(std::function<bool()> done, std::chrono::milliseconds limit);
  asio::awaitable<void> feed_watchdog(std::chrono::microseconds interval);

  const Config config;
  PassedSockets passed;
  const std::int64_t started_ns = now_ns();
  std::atomic<bool> ready{false};
  std::atomic<bool> confined{false};
  bool stopping = false;
  int exit_code = 0;
  // The contexts first: they outlive whatever still has something posted to them.
  asio::io_context context{1};
  asio::io_context reading_context{1};
  asio::signal_set signals{context};
  OpenedLog opened;
  CheckpointSigner signer;  // before the anchorer, whose thread gives it the key
  Sequencer sequencer;
  const std::uint64_t opened_size = sequencer.head().size;
  std::optional<Packer> packer;
  std::shared_ptr<Finder> finder;
  Anchorer anchorer;
  Outward outward;
  std::optional<Inputs> ingest;
  std::optional<Control> control;
  std::optional<DiskWatch> disk;
  std::thread reading;
};

Service::State::State(const Config& config_, PassedSockets passed_)
    : config(within_descriptors(with_chip_defaults(config_))),
      passed(std::move(passed_)),
      opened(open_log(config)),
      signer(opened.journal.genesis.origin),
      sequencer(std::move(opened.store), config, context.get_executor(),
                {[this](const attest::TreeHead&) {
                   if (packer) packer->look();
                   finder->durable();
                   anchorer.new_records();
                 },
                 [this](const std::string& reason) {
                   stop(EX_IOERR, "writing failed, nothing is acknowledged any more: " + reason);
                 },
                 [this](std::uint64_t size) { anchorer.critical_event(size); },
                 [this](const std::string& reason) { stop(kHaltExit, reason); }}),
      finder(std::make_shared<Finder>(config, reading_context.get_executor(), sequencer.store())),
      anchorer(config, context.get_executor(),
               {[this] {
                  await_beginning();
                  sequencer.note_clock_step(kClockNoteLimit);
                  return sequencer.head_to_anchor();
                },
                [this](std::uint64_t size) {
                  ingest->sealed(size);
                  outward.anchored();
                },
                [this](const attest::Hash& seed) { signer.unsealed(seed, config.data); },
                [this] { on_ready(); },
                [this](int code, const std::string& reason) { stop(code, reason); }}),
      outward(config, {config.data, opened.journal.genesis.origin, opened.journal.log_id, signer,
                       sequencer.store(), [this] { return sequencer.head(); },
                       [this] { return anchorer.newest_counter_anchor(); }}) {
  begin();
  listen();
  if (config.pack) packer.emplace(sequencer.store(), [&] { return sequencer.is_busy(); });
  disk.emplace(
      config, reading_context.get_executor(),
      DiskWatch::Hooks{[this](bool low) { sequencer.set_disk_low(low); },
                       [this](const std::string& note) {
                         return sequencer.submit(own_records({{attest::Kind::note, note}}), {});
                       },
                       [this](const std::string& reason) {
                         asio::post(context, [this, reason] { stop(kHaltExit, reason); });
                       }});
  finder->durable();
}

// What every life of a daemon begins with. The configuration counts as a critical event, changed or
// not: the first anchor of the start covers it, or, where that was faster, another one.
void Service::State::begin() {
  std::vector<OwnRecord> records{{attest::Kind::boot, boot_text(opened.previous_end)},
                                 {attest::Kind::config, config_text(config)}};
  const std::int64_t by_ns = read_clocks().wall_ns - opened.newest_ns;
  if (by_ns < -std::chrono::nanoseconds(kClockStep).count()) {
    log(Priority::notice, "the wall clock is behind the log: noted in the log");
    records.insert(records.begin(), {attest::Kind::note, clock_behind_text(by_ns)});
  }
  Batch first = own_records(records);
  first.critical = true;
  sequencer.submit(std::move(first), {});
}

// A batch becomes durable as a whole, and nobody is heard before this one is queued: once the log
// has grown, what explains the clock is in it, and the first anchor covers it.
void Service::State::await_beginning() const {
  const auto deadline = std::chrono::steady_clock::now() + kClockNoteLimit;
  while (sequencer.head().size <= opened_size && !sequencer.status().failed &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Service::State::~State() {
  reading_context.stop();
  if (reading.joinable()) reading.join();
}

// After recovery only: who can connect is served.
void Service::State::listen() {
  try {
    const auto control_passed = passed.take_one("control");
    ingest.emplace(config, context.get_executor(), sequencer, passed);
    const ControlledDaemon controlled{
        config,  opened.journal.genesis, sequencer, anchorer, *ingest, *finder, signer, outward,
        started_ns, ready,                confined};
    HttpServer* http = nullptr;
    if (const auto http_passed = passed.take("http");
        !config.http_addresses.empty() || !http_passed.empty()) {
      auto made = std::make_unique<HttpServer>(controlled, http_passed);
      http = made.get();
      ingest->add("http", std::move(made));
    }
    // From here on other threads look at the inputs.
    control.emplace(controlled, reading_context.get_executor(), control_passed);
    if (http != nullptr) http->serve();
    for (const std::string& name : passed.names()) {
      log(Priority::warning, "a socket named " + name + " was passed, and nothing here serves it");
    }
  } catch (const ListenError& error) {
    const bool refused = error.code() == std::errc::permission_denied;
    const bool in_use = error.code() == std::errc::address_in_use;
    throw CannotServe(refused ? EX_NOPERM : in_use ? EX_TEMPFAIL : EX_CANTCREAT, error.what());
  } catch (const std::system_error& error) {
    const bool in_use = error.code() == std::errc::address_in_use;
    throw CannotServe(in_use ? EX_TEMPFAIL : EX_CANTCREAT, error.what());
  }
}

// Best effort: what it keeps from an intruder it keeps whether or not it is there.
void Service::State::confine() {
  std::vector<std::string> sockets{config.listen_unix, config.listen_unix_datagram,
                                   config.control_unix};
  for (const std::string& text : config.http_addresses) {
    if (const auto address = parse_http_address(text); address && address->is_unix)
      sockets.push_back(address->host);
  }
  const auto why_not = confine_thread(reach_of_ingest(sockets));
  confined = !why_not.has_value();
  if (why_not) {
    log(Priority::notice, "the threads that hear senders are not confined: " + *why_not);
  }
}

void Service::State::on_ready() {
  if (stopping) return;
  ready = true;
  const std::string status = "log " + opened.journal.genesis.origin + ", " +
                             std::to_string(sequencer.head().size) + " records";
  notify_ready(status);
  log(Priority::info, "ready: " + status);
}

void Service::State::on_signal(int signal) {
  if (signal == SIGHUP) {
    log(Priority::notice, "SIGHUP is ignored: the configuration is read at the start");
    return;
  }
  if (stopping) {
    log(Priority::warning, "second signal: ending at once, without a final anchor");
    std::_Exit(EX_TEMPFAIL);
  }
  stop(0, "signal received");
}

void Service::State::stop(int code, const std::string& why) {
  if (exit_code == 0) exit_code = code;
  log(code == 0 ? Priority::info : Priority::error, why);
  if (stopping) return;
  stopping = true;
  notify_stopping();
  asio::co_spawn(context, end_in_order(), [this](const std::exception_ptr&) { context.stop(); });
}

asio::awaitable<void> Service::State::end_in_order() {
  ingest->stop();
  co_await wait_until([this] { return sequencer.status().failed || ingest->read_out(); },
                      kReadOutLimit);
  sequencer.stop_dropping();
  co_await callback_result<bool>([this](std::function<void(bool)> done) {
    asio::post(reading_context, [this, done] {
      disk.reset();  // nothing more to note
      done(true);
    });
  });
  // The last record of a clean end; its absence tells the next start of a crash.
  Batch note = own_records({{attest::Kind::note, shutdown_text()}});
  co_await wait_until(
      [&] { return sequencer.status().failed || sequencer.submit(std::move(note), {}); },
      kReadOutLimit);
  // Draining and the last anchor block: not on this thread, so that signals and acknowledgements go
  // on.
  co_await callback_result<bool>([this](std::function<void(bool)> done) {
    asio::post(reading_context, [this, done] {
      control->stop();
      if (packer) packer->stop();
      sequencer.drain();
      anchorer.stop(kFinalAnchorLimit);
      tell_what_stays_unsealed();
      outward.stop(kLastPushLimit);
      finder->flush();
      done(true);
    });
  });
  co_await wait_until(
      [this] { return ingest->counters().open == 0 && control->answering() == 0; }, kLastAcksLimit);
  ingest->close();
}

// A TPM that is gone or hangs does not hold the end up, but whoever pulls the plug now should know.
void Service::State::tell_what_stays_unsealed() const {
  const AnchorStatus status = anchorer.status();
  const std::uint64_t size = sequencer.head().size;
  if (status.counter_anchored >= size) return;
  log(Priority::warning,
      "ending without a final anchor, " + std::to_string(size - status.counter_anchored) +
          " records are not sealed: " +
          (status.reason.empty() ? "the TPM does not answer" : status.reason) +
          "; the next start seals them, if nobody cuts them off before");
}

asio::awaitable<void> Service::State::wait_until(std::function<bool()> done,
                                                 std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  asio::steady_timer timer(context);
  while (!done() && std::chrono::steady_clock::now() < deadline) {
    timer.expires_after(5ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> Service::State::feed_watchdog(std::chrono::microseconds interval) {
  asio::steady_timer timer(context);
  bool told = false;
  for (;;) {
    // A slow disk is no death; one that has been at a single write for so long is.
    const bool stuck = sequencer.status().writing > config.write_patience;
    if (stuck && !std::exchange(told, true)) {
      log(Priority::error,
          "one write has been at the disk for longer than limits.write_patience: the watchdog is "
          "not fed any more; look for a disk that hangs");
    }
    if (!stuck) notify_alive();
    timer.expires_after(interval);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

Service::Service(const Config& config, PassedSockets passed)
    : state_(std::make_unique<State>(config, std::move(passed))) {
  // From here on a signal waits for run(); before, during recovery, it simply ends the process.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) state_->signals.add(signal);
}
Service::~Service() = default;

int Service::run() {
  State& state = *state_;
  asio::co_spawn(
      state.context,
      [&state]() -> asio::awaitable<void> {
        for (;;) state.on_signal(co_await state.signals.async_wait(asio::use_awaitable));
      },
      asio::detached);
  if (const auto interval = watchdog_interval()) {
    asio::co_spawn(state.context, state.feed_watchdog(*interval), asio::detached);
  }
  state.reading = std::thread([&state] {
    const auto work = asio::make_work_guard(state.reading_context);
    state.reading_context.run();
  });
  state.anchorer.start();
  state.outward.start();
  state.confine();  // the last thread is started: from here on this one only hears senders
  state.context.run();
  return state.exit_code;
}

}  // namespace stele::daemon
