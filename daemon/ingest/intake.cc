#include "daemon/ingest/intake.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "attest/gap.h"
#include "daemon/ingest/long_events.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

// A batch may end with one gap record per kind of refusal.
constexpr std::size_t kMaxBatchEvents = kMaxBatchRecords - 2;

}  // namespace

Intake::Intake(const asio::any_io_executor& executor, std::shared_ptr<IngestShared> shared,
               std::string source, Framing framing)
    : shared_(std::move(shared)),
      source_(std::make_shared<const std::string>(std::move(source))),
      wake_(executor),
      next_capacity_(kFirstReadBytes),
      framing_(framing) {}

bool Intake::backlogged() const {
  return in_flight_ >= kMaxInFlightBytes ||
         (acknowledgements_ && acknowledgements_->backlog() >= kMaxAckBacklog);
}

void Intake::trim() {
  const std::size_t rest = buffer_.end - buffer_.begin;
  if (!is_long() || rest > shared_->max_read_bytes / 2) return;
  const attest::ByteView left = buffer_.rest();
  buffer_ = {attest::Bytes(left.begin(), left.end()), 0, rest};
}

bool Intake::becomes_long() const {
  const std::size_t rest = buffer_.end - buffer_.begin;
  return rest == buffer_.bytes.size() && rest >= shared_->max_read_bytes;
}

// What is left moves to the front; a full buffer doubles, up to a read, and then up to the longest
// event: only bytes that have come take memory.
asio::mutable_buffer Intake::space() {
  const std::size_t most = shared_->max_read_bytes;
  next_capacity_ = std::min(next_capacity_, most);
  const std::size_t rest = buffer_.end - buffer_.begin;
  if (rest > 0 && buffer_.begin > 0) {
    std::memmove(buffer_.bytes.data(), buffer_.bytes.data() + buffer_.begin, rest);
  }
  buffer_.begin = 0;
  buffer_.end = rest;
  std::size_t capacity = buffer_.bytes.size();
  if (rest == capacity) {
    const std::size_t longest = shared_->max_event_bytes + kLongEventSlack;
    capacity = std::min(2 * rest, rest < most ? most : std::max(longest, most));
  }
  buffer_.bytes.resize(std::max(capacity, next_capacity_));
  return {buffer_.bytes.data() + buffer_.end, buffer_.bytes.size() - buffer_.end};
}

void Intake::received(std::size_t count) {
  buffer_.end += count;
  if (buffer_.end == buffer_.bytes.size()) {
    next_capacity_ = std::min(2 * next_capacity_, shared_->max_read_bytes);
  }
}

attest::ByteView Intake::rest() const {
  return buffer_.rest();
}

void Intake::close() {
  closed_ = true;
  wake_.notify();
}

asio::awaitable<void> Intake::take_events(bool ended, bool clean) {
  const ClockReading clocks = read_clocks();
  for (bool all = false; !all && !closed_;) {
    found_.clear();
    refused_.clear();
    const attest::ByteView rest = buffer_.rest();
    std::size_t used = framing_.decode(rest, kMaxBatchEvents, found_, refused_);
    all = found_.size() + refused_.size() < kMaxBatchEvents;
    if (all && ended) {
      const std::size_t before = found_.size();
      framing_.finish(rest.subspan(used), clean, found_, refused_);
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

asio::awaitable<void> Intake::pass_on(std::size_t used, ClockReading clocks) {
  const std::uint64_t first_at = taken_;
  taken_ += found_.size() + refused_.size();
  shared_->events += found_.size();
  shared_->refused += refused_.size();
  shared_->bytes += used;
  if (!refused_.empty() && !warned_) {
    warned_ = true;
    shared_->complaints.say(*source_ + ": event " + std::to_string(refused_.front().at) +
                            " refused: " + std::string(name(refused_.front().fault)) +
                            "; further ones of this connection are counted only");
  }
  Batch batch = make_batch(used, clocks);
  std::optional<std::uint64_t> number;
  if (acknowledgements_) {
    number = acknowledgements_->add(batch.items.size(), std::move(refused_));
    refused_ = {};
  } else {
    append_gaps(batch, clocks.wall_ns);
  }
  if (batch.items.empty()) {
    wake_.notify();
    co_return;
  }
  const std::size_t weight = batch.bytes.size();
  in_flight_ += weight;
  ++unplaced_;
  const auto self = shared_from_this();
  batch.placed = [self, number, weight](std::uint64_t first) {
    self->placed(number, first, weight);
  };
  batch.dropped = [self, number, first_at, events = found_.size(), weight] {
    self->dropped(number, first_at, events, weight);
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

// A buffer that is mostly used up by events goes with the batch as it is; a few are copied out of
// it. What was refused does not wait for the disk: it may be as long as the longest event.
Batch Intake::make_batch(std::size_t used, const ClockReading& clocks) {
  Batch batch;
  batch.clocks = clocks;
  batch.source = source_;
  const std::size_t first = found_.empty() ? 0 : found_.front().offset;
  const std::size_t end = found_.empty() ? 0 : found_.back().offset + found_.back().length;
  const bool whole = end - first >= buffer_.bytes.size() / 2;
  const std::size_t moved_up = whole ? buffer_.begin : 0, moved_down = whole ? 0 : first;
  batch.items.reserve(found_.size());
  for (const Framed& event : found_) {
    batch.items.push_back({attest::Kind::event,
                           static_cast<std::uint32_t>(event.offset + moved_up - moved_down),
                           event.length, clocks.wall_ns});
  }
  if (whole) {
    const attest::ByteView rest = buffer_.rest().subspan(used);
    attest::Bytes fresh(std::max(std::min(next_capacity_, shared_->max_read_bytes), rest.size()));
    std::copy(rest.begin(), rest.end(), fresh.begin());
    batch.bytes = std::exchange(buffer_.bytes, std::move(fresh));
    buffer_.begin = 0;
    buffer_.end = rest.size();
  } else {
    const attest::ByteView events = buffer_.rest().subspan(first, end - first);
    batch.bytes.assign(events.begin(), events.end());
    buffer_.begin += used;
    if (buffer_.rest().empty() && buffer_.bytes.size() > shared_->max_read_bytes) release();
  }
  return batch;
}

// A sender that wants no acknowledgements is not told what was refused: the log itself says it.
void Intake::append_gaps(Batch& batch, std::int64_t time_ns) {
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

void Intake::placed(std::optional<std::uint64_t> number, std::uint64_t first, std::size_t weight) {
  if (number && acknowledgements_) acknowledgements_->placed(*number, first);
  settle(weight);
}

// None of the batch was taken: who wants acknowledgements is told of each event.
void Intake::dropped(std::optional<std::uint64_t> number, std::uint64_t first_at,
                     std::uint64_t events, std::size_t weight) {
  shared_->dropped += events;
  if (number && acknowledgements_) acknowledgements_->dropped(*number, first_at, events);
  settle(weight);
}

// The sequencer is done with a batch.
void Intake::settle(std::size_t weight) {
  in_flight_ -= weight;
  --unplaced_;
  wake_.notify();
}

}  // namespace stele::daemon
