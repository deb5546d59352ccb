// Intake: what the bytes of every stream go through: buffer, frames, batches, sequencer.
//
// Its connection reads into space(), and calls take_events(), which waits while the sequencer is
// full: a connection that then does not read is back-pressure. Lives as long as a batch of it is on
// its way. Thread safety: one executor on one thread; the counters of IngestShared from any.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ingest/acknowledgements.h"
#include "daemon/ingest/complaints.h"
#include "daemon/ingest/framing.h"
#include "daemon/sequencer.h"
#include "daemon/wake.h"

namespace stele::daemon {

constexpr std::size_t kFirstReadBytes = 16u << 10;  // the smallest buffer
constexpr std::size_t kReadsBytes = 16u << 20;  // of one input: many connections read less at once
constexpr std::size_t kMaxInFlightBytes = 8u << 20;  // of one connection, not yet durable
constexpr std::size_t kMaxAckBacklog = 4096;  // acknowledgements of one connection not yet sent

// What all connections of an input share.
struct IngestShared {
  IngestShared(Sequencer& sequencer_, std::uint32_t max_event_bytes_, std::size_t max_read_bytes_)
      : sequencer(sequencer_), max_event_bytes(max_event_bytes_), max_read_bytes(max_read_bytes_) {}
  Sequencer& sequencer;
  const std::uint32_t max_event_bytes;
  // At once; buffers grow up to it with what comes. All connections of the input share kReadsBytes.
  std::size_t max_read_bytes;
  void joined() { share_reads(++readers); }
  void left() { share_reads(--readers); }
  std::uint64_t sealed_size = 0;
  bool stopping = false;
  Complaints complaints;
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> bytes{0};

 private:
  void share_reads(std::size_t among) {
    max_read_bytes = std::clamp(kReadsBytes / std::max<std::size_t>(among, 1), kFirstReadBytes,
                                largest_read_bytes);
  }
  const std::size_t largest_read_bytes = max_read_bytes;
  std::size_t readers = 0;
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
  // Lets go of a buffer that is larger than a read without need.
  void trim();
  // The next space() is more than a read: what has come is the beginning of a long event. For that
  // a connection needs a turn (long_events.h), until is_long() no longer holds.
  bool becomes_long() const;
  bool is_long() const { return buffer_.bytes.size() > shared_->max_read_bytes; }
  boost::asio::mutable_buffer space();
  void received(std::size_t count);
  void release() { buffer_ = {}; }  // the buffer, while rest() is empty
  attest::ByteView rest() const;  // what has been received and not been taken
  void skip(std::size_t count) { buffer_.begin += count; }
  void set_framing(Framing framing) { framing_ = framing; }
  // Takes all whole events received. ended: no more will come; clean: by the sender's own end.
  boost::asio::awaitable<void> take_events(bool ended, bool clean);
  std::uint64_t taken() const { return taken_; }  // events and refusals so far
  void close();                                   // nothing more is taken; whoever waits goes on
  // Telling.
  void acknowledge() { acknowledgements_.emplace(shared_->max_event_bytes); }
  void stop_telling() { acknowledgements_.reset(); }
  Acknowledgements* acknowledgements() { return acknowledgements_ ? &*acknowledgements_ : nullptr; }
  bool all_placed() const { return unplaced_ == 0; }

 private:
  struct Buffer {
    attest::Bytes bytes;
    std::size_t begin = 0;  // of what is not decoded yet
    std::size_t end = 0;    // of what has been received
    attest::ByteView rest() const { return attest::ByteView(bytes).subspan(begin, end - begin); }
  };

  boost::asio::awaitable<void> pass_on(std::size_t used, ClockReading clocks);
  Batch make_batch(std::size_t used, const ClockReading& clocks);
  void append_gaps(Batch& batch, std::int64_t time_ns);
  void placed(std::optional<std::uint64_t> number, std::uint64_t first, std::size_t weight);
  void dropped(std::optional<std::uint64_t> number, std::uint64_t first_at, std::uint64_t events,
               std::size_t weight);
  void settle(std::size_t weight);

  std::shared_ptr<IngestShared> shared_;
  std::shared_ptr<const std::string> source_;
  Wake wake_;
  Buffer buffer_;
  std::size_t next_capacity_;
  Framing framing_;
  std::vector<Framed> found_;  // of the decode under way
  std::vector<Refused> refused_;
  std::uint64_t taken_ = 0;
  bool warned_ = false;
  std::size_t in_flight_ = 0;  // bytes with the sequencer
  std::size_t unplaced_ = 0;   // batches with the sequencer
  bool has_room_ = false;
  bool closed_ = false;
  std::optional<Acknowledgements> acknowledgements_;
};

}  // namespace stele::daemon
