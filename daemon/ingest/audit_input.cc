#include "daemon/ingest/audit_input.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "daemon/boot_id.h"
#include "daemon/ingest/audit_events.h"
#include "daemon/ingest/audit_stream.h"
#include "daemon/ingest/position.h"
#include "daemon/log.h"
#include "daemon/must_go_on.h"
#include "daemon/unix_socket.h"
#include "daemon/wake.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::string_view kName = "audit";
constexpr std::size_t kAuditReadBytes = 256u << 10;
constexpr std::size_t kMaxWaiting = 4u << 20;  // bytes of items that the sequencer has not taken
constexpr auto kTick = 250ms;                  // events and serials expire by it
constexpr auto kFirstAuditBackOff = 100ms;
constexpr auto kLastAuditBackOff = 10s;

}  // namespace

struct AuditInput::State : std::enable_shared_from_this<AuditInput::State> {
  State(const Config& config, asio::any_io_executor executor_, Sequencer& sequencer_)
      : executor(executor_),
        sequencer(sequencer_),
        path(config.audit_path),
        socket(executor_),
        timer(executor_),
        back_off(executor_),
        wake(executor_),
        room(executor_),
        events(config.max_event_bytes) {}

  void resume();
  asio::awaitable<void> follow();
  asio::awaitable<bool> connect();
  asio::awaitable<void> read();
  asio::awaitable<void> tick();
  asio::awaitable<void> pass_on();
  Batch make_batch();
  void give(std::string_view line) { events.take(line, std::chrono::steady_clock::now(), items); }
  void keep();  // what `items` has got since
  void renew_position();
  void fails(const std::string& why);

  asio::any_io_executor executor;
  Sequencer& sequencer;
  const std::string path;
  const std::string boot_id = read_boot_id();
  UnixStreamSocket socket;
  asio::steady_timer timer;
  asio::steady_timer back_off;
  Wake wake;  // items have come, or have gone
  Wake room;
  AuditStream stream;
  AuditEvents events;
  attest::Bytes buffer = attest::Bytes(kAuditReadBytes);
  std::vector<AuditItem> items;  // not yet with the sequencer
  std::size_t waiting = 0;       // bytes of them
  std::size_t counted = 0;       // of items, in `waiting`
  std::shared_ptr<const std::string> source;
  std::string newest;           // position
  std::uint64_t newest_at = 0;  // log size when it was stated
  bool told = false;            // why there is no connection
  bool told_of_nodes = false;   // that there are too many
  bool stopping = false;
  bool ended = false;    // nothing more will be read
  bool passing = false;  // a batch is on its way to the sequencer
  bool closed = false;
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> received{0};  // bytes
};

AuditInput::AuditInput(const Config& config, asio::any_io_executor executor, Sequencer& sequencer)
    : state_(std::make_shared<State>(config, executor, sequencer)) {
  state_->resume();
  const auto run = [&](auto member) {
    asio::co_spawn(
        executor, [state = state_, member] { return (state.get()->*member)(); }, must_go_on);
  };
  run(&State::follow);
  run(&State::tick);
  run(&State::pass_on);
}

AuditInput::~AuditInput() {
  close();
}

void AuditInput::stop() {
  state_->stopping = true;
  state_->back_off.cancel();
  boost::system::error_code ignored;
  state_->socket.shutdown(UnixStreamSocket::shutdown_receive, ignored);
}

bool AuditInput::read_out() const {
  return state_->closed || (state_->ended && state_->items.empty() && !state_->passing);
}

void AuditInput::close() {
  State& state = *state_;
  boost::system::error_code ignored;
  state.closed = true;
  state.socket.close(ignored);
  state.timer.cancel();
  state.back_off.cancel();
  state.wake.notify();
  state.room.notify();
}

InputCounters AuditInput::counters() const {
  return {state_->open, state_->accepted, 0, state_->taken, 0, state_->dropped, state_->received};
}

// Of another boot, the serials say nothing.
void AuditInput::State::resume() {
  const auto position = newest_position(sequencer.store(), kName);
  newest_at = sequencer.head().size;
  if (!position || !std::string_view(position->value).starts_with(boot_id + ":")) return;
  const std::string_view serials = std::string_view(position->value).substr(boot_id.size() + 1);
  if (!events.resume(serials, position->time_ns, std::chrono::steady_clock::now())) return;
  newest = position->value;
}

void AuditInput::State::fails(const std::string& why) {
  if (std::exchange(told, true) || stopping || closed) return;
  log(Priority::warning,
      "no audit events from " + path + ": " + why +
          "; trying again: is auditd running, its plugin af_unix active, and may "
          "this user connect?");
}

asio::awaitable<void> AuditInput::State::follow() {
  const auto self = shared_from_this();
  std::chrono::milliseconds delay = kFirstAuditBackOff;
  while (!stopping && !closed) {
    if (co_await connect()) {
      delay = kFirstAuditBackOff;
      co_await read();
    }
    if (stopping || closed) break;
    back_off.expires_after(delay);
    co_await back_off.async_wait(asio::as_tuple(asio::use_awaitable));
    delay = std::min<std::chrono::milliseconds>(2 * delay, kLastAuditBackOff);
  }
  ended = true;
  wake.notify();
}

asio::awaitable<bool> AuditInput::State::connect() {
  socket = UnixStreamSocket(executor);
  const auto [error] = co_await socket.async_connect(UnixStreamSocket::endpoint_type(path),
                                                     asio::as_tuple(asio::use_awaitable));
  if (error) {
    fails(error.message());
    co_return false;
  }
  const Peer peer = peer_of(socket);
  source = std::make_shared<const std::string>(
      "{\"gid\":" + std::to_string(peer.gid) + ",\"pid\":" + std::to_string(peer.pid) +
      ",\"transport\":\"audit\",\"uid\":" + std::to_string(peer.uid) + "}");
  log(Priority::info, "audit events come from " + path + ": " + *source);
  told = false;
  open = 1;
  ++accepted;
  co_return true;
}

asio::awaitable<void> AuditInput::State::read() {
  stream = AuditStream();
  for (;;) {
    while (waiting > kMaxWaiting && !closed) co_await wake.wait();
    if (closed) co_return;
    const auto [error, count] =
        co_await socket.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    received += count;
    const auto line = [this](std::string_view text) { give(text); };
    const auto understood = stream.take(attest::ByteView(buffer).first(count), line);
    if (error || !understood) {
      if (understood) stream.finish(line);
      events.finish(items);
      keep();
      open = 0;
      fails(understood ? error.message() : understood.error().detail);
      co_return;
    }
    keep();
  }
}

void AuditInput::State::keep() {
  if (events.unfollowed() > 0 && !std::exchange(told_of_nodes, true)) {
    log(Priority::warning, "audit events come of more than " +
                               std::to_string(AuditEvents::kMaxNodes) +
                               " nodes: of further ones missing serials are not noticed");
  }
  for (; counted < items.size(); ++counted) {
    waiting += items[counted].content.size() + items[counted].position.size();
  }
  wake.notify();
}

asio::awaitable<void> AuditInput::State::tick() {
  const auto self = shared_from_this();
  while (!closed) {
    timer.expires_after(kTick);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (closed) break;
    if (events.waits()) events.expire(std::chrono::steady_clock::now(), items);
    keep();
    renew_position();
  }
}

void AuditInput::State::renew_position() {
  const std::uint64_t size = sequencer.head().size;
  if (newest.empty() || stopping || size - newest_at < kPositionRenewal) return;
  if (sequencer.submit(position_note(kName, newest), {})) newest_at = size;
}

asio::awaitable<void> AuditInput::State::pass_on() {
  const auto self = shared_from_this();
  while (!closed) {
    if (items.empty()) {
      co_await wake.wait();
      continue;
    }
    passing = true;
    Batch batch = make_batch();
    while (!closed && !sequencer.submit(std::move(batch), [self] { self->room.notify(); })) {
      co_await room.wait();
    }
    passing = false;
    wake.notify();
  }
}

// As many items as a batch takes, from the front.
Batch AuditInput::State::make_batch() {
  Batch batch;
  batch.clocks = read_clocks();
  batch.source = source;
  const std::size_t count = std::min(items.size(), kMaxBatchRecords);
  std::uint64_t event_count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const AuditItem& item = items[i];
    batch.items.push_back({item.is_gap ? attest::Kind::gap : attest::Kind::event,
                           static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(item.content.size()), batch.clocks->wall_ns});
    batch.bytes.insert(batch.bytes.end(), item.content.begin(), item.content.end());
    waiting -= item.content.size() + item.position.size();
    event_count += item.is_gap ? 0 : 1;
    if (item.position.empty()) continue;
    newest = boot_id + ":" + item.position;
    add_position(batch, kName, newest);
  }
  newest_at = sequencer.head().size;
  items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count));
  counted -= count;
  taken += event_count;
  const auto self = shared_from_this();
  batch.dropped = [self, event_count] { self->dropped += event_count; };
  return batch;
}

}  // namespace stele::daemon
