#include "daemon/ingest/connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <exception>
#include <utility>

#include "attest/gap.h"
#include "daemon/ingest/unix_stream.h"
#include "daemon/log.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kFirstReadBytes = 16u << 10;
// A batch may end with one gap record per kind of refusal.
constexpr std::size_t kMaxBatchEvents = kMaxBatchRecords - 2;

}  // namespace

IngestConnection::IngestConnection(UnixStreamSocket socket, std::shared_ptr<IngestShared> shared)
    : socket_(std::move(socket)),
      shared_(std::move(shared)),
      wake_(socket_.get_executor()),
      source_(std::make_shared<const std::string>(to_json(peer_of(socket_)))),
      next_capacity_(kFirstReadBytes),
      framing_(Frame::lf, shared_->max_event_bytes) {}

void IngestConnection::start(std::function<void()> ended) {
  const auto self = shared_from_this();
  asio::co_spawn(
      socket_.get_executor(), [self] { return self->receive(); },
      [self](const std::exception_ptr& failed) {
        if (failed) self->close();
        self->over_ = true;
        self->wake_.notify();
      });
  asio::co_spawn(
      socket_.get_executor(), [self] { return self->acknowledge(); },
      [self, ended = std::move(ended)](const std::exception_ptr&) {
        self->close();
        ended();
      });
}

void IngestConnection::stop() {
  boost::system::error_code ignored;
  socket_.shutdown(UnixStreamSocket::shutdown_receive, ignored);
}

void IngestConnection::close() {
  boost::system::error_code ignored;
  closed_ = true;
  socket_.close(ignored);
  wake_.notify();
}

asio::awaitable<void> IngestConnection::receive() {
  for (bool more = true; more && !closed_;) {
    more = co_await read_more();
    if (closed_ || (!opened_ && !open(!more))) continue;
    co_await take_events(!more);
  }
}

asio::awaitable<bool> IngestConnection::read_more() {
  while (backlogged() && !closed_) co_await wake_.wait();
  if (closed_) co_return false;
  make_space();
  const std::size_t space = buffer_.bytes.size() - buffer_.end;
  const auto [error, count] = co_await socket_.async_read_some(
      asio::buffer(buffer_.bytes.data() + buffer_.end, space), asio::as_tuple(asio::use_awaitable));
  buffer_.end += count;
  if (count == space) next_capacity_ = std::min(2 * next_capacity_, kReadBytes);
  clean_ = error == asio::error::eof && !shared_->stopping;
  co_return !error;
}

// What is left moves to the front; a full buffer doubles: only bytes that have come take memory.
void IngestConnection::make_space() {
  const std::size_t rest = buffer_.end - buffer_.begin;
  if (rest == 0 && buffer_.bytes.size() > kReadBytes) buffer_.bytes = {};
  if (rest > 0 && buffer_.begin > 0) {
    std::memmove(buffer_.bytes.data(), buffer_.bytes.data() + buffer_.begin, rest);
  }
  buffer_.begin = 0;
  buffer_.end = rest;
  const std::size_t capacity = rest == buffer_.bytes.size() ? 2 * rest : buffer_.bytes.size();
  buffer_.bytes.resize(std::max(capacity, next_capacity_));
}

bool IngestConnection::open(bool ended) {
  const attest::Result<Opening> opening = decode_opening(buffer_.rest(), ended);
  if (!opening) {
    log(Priority::warning, *source_ + ": opening line refused: " + opening.error().detail);
    turn_away(socket_, "opening_malformed", opening.error().detail);
    close();
    return false;
  }
  if (!opening->decided) return false;
  opened_ = true;
  ack_ = opening->ack;
  framing_ = Framing(opening->frame, shared_->max_event_bytes);
  buffer_.begin += opening->length;
  return true;
}

asio::awaitable<void> IngestConnection::take_events(bool ended) {
  const ClockReading clocks = read_clocks();
  for (bool all = false; !all && !closed_;) {
    found_.clear();
    refused_.clear();
    const attest::ByteView rest = buffer_.rest();
    std::size_t used = framing_.decode(rest, kMaxBatchEvents, found_, refused_);
    all = found_.size() + refused_.size() < kMaxBatchEvents;
    if (all && ended) {
      const std::size_t before = found_.size();
      framing_.finish(rest.subspan(used), clean_, found_, refused_);
      if (found_.size() > before) found_.back().offset += static_cast<std::uint32_t>(used);
      used = rest.size();
    }
    if (found_.empty() && refused_.empty()) {
      buffer_.begin += used;
    } else {
      co_await pass_on(used, clocks);
    }
  }
}

asio::awaitable<void> IngestConnection::pass_on(std::size_t used, ClockReading clocks) {
  shared_->events += found_.size();
  shared_->refused += refused_.size();
  if (!refused_.empty() && !warned_) {
    warned_ = true;
    log(Priority::warning, *source_ + ": event " + std::to_string(refused_.front().at) +
                               " refused: " + std::string(name(refused_.front().fault)) +
                               "; further ones of this connection are counted only");
  }
  Batch batch = make_batch(used, clocks);
  const std::uint64_t number = first_pending_ + pending_.size();
  if (ack_ == Ack::none) {
    append_gaps(batch, clocks.wall_ns);
  } else {
    backlog_ += 1 + refused_.size();
    pending_.push_back({batch.items.empty(), 0, batch.items.size(), std::move(refused_)});
    refused_ = {};
    if (batch.items.empty()) {
      wake_.notify();
      co_return;
    }
  }
  const std::size_t weight = batch.bytes.size();
  in_flight_ += weight;
  ++unplaced_;
  const auto self = shared_from_this();
  batch.placed = [self, number, weight](std::uint64_t first) {
    self->placed(number, first, weight);
  };
  has_room_ = false;
  while (!closed_ && !shared_->sequencer.submit(std::move(batch), [self] {
    self->has_room_ = true;
    self->wake_.notify();
  })) {
    while (!has_room_ && !closed_) co_await wake_.wait();
    has_room_ = false;
  }
}

// A buffer that is mostly used up goes with the batch as it is; a few events are copied out of it.
Batch IngestConnection::make_batch(std::size_t used, const ClockReading& clocks) {
  Batch batch;
  batch.clocks = clocks;
  batch.source = source_;
  std::size_t base = 0;
  if (used >= buffer_.bytes.size() / 2) {
    const attest::ByteView rest = buffer_.rest().subspan(used);
    attest::Bytes fresh(std::max(next_capacity_, rest.size()));
    std::copy(rest.begin(), rest.end(), fresh.begin());
    base = buffer_.begin;
    batch.bytes = std::exchange(buffer_.bytes, std::move(fresh));
    buffer_.begin = 0;
    buffer_.end = rest.size();
  } else {
    const attest::ByteView taken = buffer_.rest().first(used);
    batch.bytes.assign(taken.begin(), taken.end());
    buffer_.begin += used;
  }
  batch.items.reserve(found_.size());
  for (const Framed& event : found_) {
    batch.items.push_back({attest::Kind::event, static_cast<std::uint32_t>(base + event.offset),
                           event.length, clocks.wall_ns});
  }
  return batch;
}

// A sender that wants no acknowledgements is not told what was refused: the log itself says it.
void IngestConnection::append_gaps(Batch& batch, std::int64_t time_ns) {
  for (const auto fault : {Refused::Fault::too_long, Refused::Fault::truncated}) {
    const auto lost = std::count_if(refused_.begin(), refused_.end(),
                                    [&](const Refused& one) { return one.fault == fault; });
    if (lost == 0) continue;
    const std::string gap =
        encode(attest::Gap{static_cast<std::uint64_t>(lost), std::string(name(fault))});
    batch.items.push_back({attest::Kind::gap, static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(gap.size()), time_ns});
    batch.bytes.insert(batch.bytes.end(), gap.begin(), gap.end());
  }
}

bool IngestConnection::backlogged() const {
  return in_flight_ >= kMaxInFlightBytes || backlog_ >= kMaxAckBacklog;
}

void IngestConnection::placed(std::uint64_t number, std::uint64_t first, std::size_t weight) {
  in_flight_ -= weight;
  --unplaced_;
  if (number >= first_pending_ && number - first_pending_ < pending_.size()) {
    Pending& pending = pending_[number - first_pending_];
    pending.placed = true;
    pending.first = first;
  }
  wake_.notify();
}

asio::awaitable<void> IngestConnection::acknowledge() {
  while (!closed_) {
    const std::string lines = next_lines();
    if (!lines.empty()) {
      const auto [error, count] = co_await asio::async_write(socket_, asio::buffer(lines),
                                                             asio::as_tuple(asio::use_awaitable));
      if (error) stop_telling();
      wake_.notify();  // the backlog is smaller
    } else if (over_ && pending_.empty() && unplaced_ == 0) {
      co_return;
    } else {
      co_await wake_.wait();
    }
  }
}

// The sender reads no more, but what it sent before is still taken.
void IngestConnection::stop_telling() {
  ack_ = Ack::none;
  first_pending_ += pending_.size();
  pending_.clear();
  backlog_ = 0;
}

bool IngestConnection::may_tell(const Pending& pending) const {
  return pending.placed && (ack_ != Ack::sealed || pending.next() <= shared_->sealed_size);
}

// Everything that may be told now; neighbours in the log become one line.
std::string IngestConnection::next_lines() {
  std::string lines;
  while (!pending_.empty() && may_tell(pending_.front())) {
    Pending group{true, told_, 0, {}};
    while (!pending_.empty() && may_tell(pending_.front())) {
      Pending& next = pending_.front();
      if (next.count > 0 && group.count > 0 && next.first != group.next()) break;
      if (next.count > 0 && group.count == 0) group.first = next.first;
      group.count += next.count;
      group.refused.insert(group.refused.end(), next.refused.begin(), next.refused.end());
      backlog_ -= 1 + next.refused.size();
      pending_.pop_front();
      ++first_pending_;
    }
    told_ = group.next();
    lines += acknowledgement(group.first, told_, group.refused, shared_->max_event_bytes);
  }
  return lines;
}

void turn_away(UnixStreamSocket& socket, std::string_view fault, std::string_view message) {
  std::string line = "{\"fault\":\"";
  line.append(fault).append("\",\"message\":\"").append(message).append("\"}\n");
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.send(asio::buffer(line), 0, ignored);
}

}  // namespace stele::daemon
