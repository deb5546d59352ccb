#include "daemon/ingest/intake.h"

#include <algorithm>
#include <utility>

#include "attest/gap.h"
#include "daemon/ingest/long_events.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

// A batch may end with one gap record per kind of refusal.
constexpr std::size_t kMaxGaps = 2;
constexpr std::size_t kMaxBatchEvents = kMaxBatchRecords - kMaxGaps;
// Of one of them, encoded: its count has up to 20 digits.
constexpr std::size_t kGapBytes = 64;

}  // namespace

Intake::Intake(const asio::any_io_executor& executor, std::shared_ptr<IngestShared> shared,
               std::string source, Framing framing)
    : shared_(std::move(shared)),
      source_(std::make_shared<const std::string>(std::move(source))),
      wake_(executor),
      buffer_(shared_->room, shared_->max_event_bytes + kLongEventSlack),
      framing_(framing) {}

bool Intake::backlogged() const {
  return in_flight_ >= kMaxInFlightBytes ||
         (acknowledgements_ && acknowledgements_->backlog() >= kMaxAckBacklog);
}

void Intake::close() {
  closed_ = true;
  buffer_.clear();  // on its thread: a batch may have the last of us on another
  wake_.notify();
}

// Between two waits everything is done at once: nobody else decodes meanwhile. The time is that of
// receiving, however long the events wait.
asio::awaitable<void> Intake::take_events(bool ended, bool clean) {
  const ClockReading clocks = read_clocks();
  std::optional<Line::Place> place;
  for (bool all = false; !all && !closed_;) {
    const Decoded decoded = decode(ended, clean);
    all = decoded.all;
    if (!shared_->found.empty()) {
      const bool asks = may_ask(place);
      if (!asks || !pass_on(decoded, clocks)) {
        all = false;
        co_await wait_in_line(place, asks);
        continue;
      }
    } else {
      std::optional<Batch> gaps = refuse(decoded, clocks);
      while (gaps && !closed_) {
        const bool asks = may_ask(place);
        if (asks && submit(std::move(*gaps))) break;
        co_await wait_in_line(place, asks);
      }
    }
    place.reset();
  }
  if (ended) buffer_.clear();
}

// What [on] has dropped now needs no room.
bool Intake::may_ask(const std::optional<Line::Place>& place) const {
  return place ? place->may_ask() : shared_->line.empty() || shared_->sequencer.is_dropping();
}

// refused: by the queue, which will say when there is room. Who was only not the first may not shut
// the line: the first may be on its way.
asio::awaitable<void> Intake::wait_in_line(std::optional<Line::Place>& place, bool refused) {
  if (refused) shared_->line.shut();
  if (!place) place.emplace(shared_->line, wake_);
  buffer_.settle();
  while (!closed_ && !place->may_ask()) co_await wake_.wait();
}

Intake::Decoded Intake::decode(bool ended, bool clean) const {
  std::vector<Framed>& found = shared_->found;
  std::vector<Refused>& refused = shared_->refused_now;
  found.clear();
  refused.clear();
  const attest::ByteView rest = buffer_.rest();
  Decoded decoded{framing_, 0, false};
  decoded.used = decoded.after.decode(rest, kMaxBatchEvents, found, refused);
  decoded.all = found.size() + refused.size() < kMaxBatchEvents;
  if (decoded.all && ended) {
    const std::size_t before = found.size();
    decoded.after.finish(rest.subspan(decoded.used), clean, found, refused);
    if (found.size() > before) found.back().offset += static_cast<std::uint32_t>(decoded.used);
    decoded.used = rest.size();
  }
  return decoded;
}

// Nothing was found but what is refused. That does not wait for the queue: it may be as long as the
// longest event. Only the record of it does, where the sender is not told.
std::optional<Batch> Intake::refuse(const Decoded& decoded, const ClockReading& clocks) {
  const std::vector<Refused>& refused = shared_->refused_now;
  std::optional<Batch> gaps;
  if (!refused.empty() && acknowledgements_) {
    acknowledgements_->add(0, {refused.begin(), refused.end()});
    wake_.notify();
  } else if (!refused.empty()) {
    gaps = make_batch(clocks);
    append_gaps(*gaps, clocks.wall_ns);
    expect_answer(*gaps, std::nullopt);
  }
  take(decoded);
  buffer_.settle();
  return gaps;
}

// Hands what was found to the sequencer. False: the queue has no room, and nothing has changed.
bool Intake::pass_on(const Decoded& decoded, const ClockReading& clocks) {
  const std::vector<Refused>& refused = shared_->refused_now;
  Batch batch = make_batch(clocks);
  std::optional<std::uint64_t> number;
  if (acknowledgements_) {
    number = acknowledgements_->add(batch.items.size(), {refused.begin(), refused.end()});
  } else {
    append_gaps(batch, clocks.wall_ns);
  }
  expect_answer(batch, number);
  if (!submit(std::move(batch))) {
    if (number) acknowledgements_->take_back();
    return false;
  }
  take(decoded);
  return true;
}

void Intake::expect_answer(Batch& batch, std::optional<std::uint64_t> number) {
  const auto self = shared_from_this();
  const std::size_t weight = batch.bytes.size();
  batch.placed = [self, number, weight](std::uint64_t first) {
    self->placed(number, first, weight);
  };
  batch.dropped = [self, number, first_at = taken_, events = shared_->found.size(), weight] {
    self->dropped(number, first_at, events, weight);
  };
}

// Unless taken, the batch is as it was, and the line hears of room.
bool Intake::submit(Batch&& batch) {
  const std::size_t weight = batch.bytes.size();
  const bool is_taken =
      shared_->sequencer.submit(std::move(batch), [shared = shared_] { shared->line.open(); });
  if (is_taken) {
    in_flight_ += weight;
    ++unplaced_;
  }
  return is_taken;
}

void Intake::take(const Decoded& decoded) {
  const std::vector<Refused>& refused = shared_->refused_now;
  framing_ = decoded.after;
  buffer_.skip(decoded.used);
  if (shared_->found.empty() && refused.empty()) return;
  taken_ += shared_->found.size() + refused.size();
  shared_->events += shared_->found.size();
  shared_->refused += refused.size();
  shared_->bytes += decoded.used;
  if (refused.empty() || warned_) return;
  warned_ = true;
  shared_->complaints.say(*source_ + ": event " + std::to_string(refused.front().at) +
                          " refused: " + std::string(name(refused.front().fault)) +
                          "; further ones of this connection are counted only");
}

// Has just what it needs: the queue counts sizes. What was refused at either end is left out.
Batch Intake::make_batch(const ClockReading& clocks) const {
  const std::vector<Framed>& found = shared_->found;
  Batch batch;
  batch.clocks = clocks;
  batch.source = source_;
  if (found.empty()) return batch;
  const std::size_t gaps = shared_->refused_now.empty() ? 0 : kMaxGaps;
  const std::size_t first = found.front().offset;
  const std::size_t end = found.back().offset + found.back().length;
  const attest::ByteView events = buffer_.rest().subspan(first, end - first);
  batch.bytes.reserve(events.size() + gaps * kGapBytes);
  batch.bytes.assign(events.begin(), events.end());
  batch.items.reserve(found.size() + gaps);
  for (const Framed& event : found) {
    batch.items.push_back({attest::Kind::event, static_cast<std::uint32_t>(event.offset - first),
                           event.length, clocks.wall_ns});
  }
  return batch;
}

// A sender that wants no acknowledgements is not told what was refused: the log itself says it.
void Intake::append_gaps(Batch& batch, std::int64_t time_ns) const {
  for (const auto fault : {Refused::Fault::too_long, Refused::Fault::truncated}) {
    const std::vector<Refused>& refused = shared_->refused_now;
    const auto lost = std::count_if(refused.begin(), refused.end(),
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
