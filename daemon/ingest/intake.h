// Intake: what the bytes of every stream go through: buffer, frames, batches, sequencer.
//
// Its connection reads into buffer().space(), and calls take_events(), which waits while the queue
// is full: a connection that then does not read is back-pressure. What waits are bytes as they
// came: a batch is only made to be handed on at once, since it takes many times the memory of very
// short events. Lives as long as a batch of it is on its way.
// Thread safety: one executor on one thread; the counters of IngestShared from any; the destructor
// too, behind close() or the end of the stream.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ingest/acknowledgements.h"
#include "daemon/ingest/complaints.h"
#include "daemon/ingest/framing.h"
#include "daemon/ingest/line.h"
#include "daemon/ingest/read_buffer.h"
#include "daemon/ingest/read_room.h"
#include "daemon/sequencer.h"
#include "daemon/wake.h"

namespace stele::daemon {

constexpr std::size_t kMaxInFlightBytes = 8u << 20;  // of one connection, not yet durable
constexpr std::size_t kMaxAckBacklog = 4096;  // acknowledgements of one connection not yet sent

// What all connections of an input share.
struct IngestShared {
  IngestShared(Sequencer& sequencer_, std::uint32_t max_event_bytes_)
      : sequencer(sequencer_), max_event_bytes(max_event_bytes_) {}
  Sequencer& sequencer;
  const std::uint32_t max_event_bytes;
  ReadRoom room;
  Line line;
  // Of the decoding under way: nobody leaves anything here while he waits.
  std::vector<Framed> found;
  std::vector<Refused> refused_now;
  std::uint64_t sealed_size = 0;
  bool stopping = false;
  Complaints complaints;
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> bytes{0};
};

class Intake : public std::enable_shared_from_this<Intake> {
 public:
  // source: the content of its source record.
  Intake(const boost::asio::any_io_executor& executor, std::shared_ptr<IngestShared> shared,
         std::string source, Framing framing);

  const std::string& source() const { return *source_; }
  Wake& wake() { return wake_; }  // notified whenever a batch has got its place or room has come
  // Reading.
  bool backlogged() const;  // the connection must not be read now
  ReadBuffer& buffer() { return buffer_; }
  const ReadBuffer& buffer() const { return buffer_; }
  void set_framing(Framing framing) { framing_ = framing; }
  // Takes all whole events received, in turn with the input's others where the queue is full.
  // ended: no more will come, and nothing is left in the buffer; clean: by the sender's own end.
  boost::asio::awaitable<void> take_events(bool ended, bool clean);
  std::uint64_t taken() const { return taken_; }  // events and refusals so far
  void close();                                   // nothing more is taken; whoever waits goes on
  // Telling.
  void acknowledge() { acknowledgements_.emplace(shared_->max_event_bytes); }
  void stop_telling() { acknowledgements_.reset(); }
  Acknowledgements* acknowledgements() { return acknowledgements_ ? &*acknowledgements_ : nullptr; }
  bool all_placed() const { return unplaced_ == 0; }

 private:
  // One decoding: what was found lies in IngestShared; it counts once it is handed on.
  struct Decoded {
    Framing after;
    std::size_t used = 0;  // bytes
    bool all = false;      // every whole event
  };
  Decoded decode(bool ended, bool clean) const;
  void take(const Decoded& decoded);
  std::optional<Batch> refuse(const Decoded& decoded, const ClockReading& clocks);
  bool pass_on(const Decoded& decoded, const ClockReading& clocks);
  bool may_ask(const std::optional<Line::Place>& place) const;
  boost::asio::awaitable<void> wait_in_line(std::optional<Line::Place>& place, bool refused);
  void expect_answer(Batch& batch, std::optional<std::uint64_t> number);
  bool submit(Batch&& batch);
  Batch make_batch(const ClockReading& clocks) const;
  void append_gaps(Batch& batch, std::int64_t time_ns) const;
  void placed(std::optional<std::uint64_t> number, std::uint64_t first, std::size_t weight);
  void dropped(std::optional<std::uint64_t> number, std::uint64_t first_at, std::uint64_t events,
               std::size_t weight);
  void settle(std::size_t weight);

  std::shared_ptr<IngestShared> shared_;
  std::shared_ptr<const std::string> source_;
  Wake wake_;
  ReadBuffer buffer_;
  Framing framing_;
  std::uint64_t taken_ = 0;
  bool warned_ = false;
  std::size_t in_flight_ = 0;  // bytes with the sequencer
  std::size_t unplaced_ = 0;   // batches with the sequencer
  bool closed_ = false;
  std::optional<Acknowledgements> acknowledgements_;
};

}  // namespace stele::daemon
