// One connection of the ingest socket: its buffer, its frames, its acknowledgements in order.
//
// Lives until its sender has ended and all of it is durable and told, or until close().
// Thread safety: one executor on one thread. Errors: end the connection, never the daemon.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ingest/framing.h"
#include "daemon/sequencer.h"
#include "daemon/unix_socket.h"
#include "daemon/wake.h"

namespace stele::daemon {

// What all connections of a listener share.
struct IngestShared {
  IngestShared(Sequencer& sequencer_, std::uint32_t max_event_bytes_)
      : sequencer(sequencer_), max_event_bytes(max_event_bytes_) {}
  Sequencer& sequencer;
  const std::uint32_t max_event_bytes;
  std::uint64_t sealed_size = 0;
  bool stopping = false;
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> refused{0};
};

class IngestConnection : public std::enable_shared_from_this<IngestConnection> {
 public:
  IngestConnection(UnixStreamSocket socket, std::shared_ptr<IngestShared> shared);
  void start(std::function<void()> ended);
  void sealed() { wake_.notify(); }  // shared.sealed_size has grown
  void stop();                       // reads what has arrived, then ends
  bool read_out() const { return over_; }
  void close();

 private:
  struct Buffer {
    attest::Bytes bytes;
    std::size_t begin = 0;  // of what is not decoded yet
    std::size_t end = 0;    // of what has been received
    attest::ByteView rest() const { return attest::ByteView(bytes).subspan(begin, end - begin); }
  };
  // An acknowledgement in the making, in the order of the events.
  struct Pending {
    bool placed = false;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::vector<Refused> refused;
    std::uint64_t next() const { return first + count; }
  };
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  awaitable<void> receive();
  awaitable<bool> read_more();  // false: the stream is over
  bool open(bool ended);        // false: the opening line is not complete yet
  awaitable<void> take_events(bool ended);
  awaitable<void> pass_on(std::size_t used, ClockReading clocks);
  Batch make_batch(std::size_t used, const ClockReading& clocks);
  void append_gaps(Batch& batch, std::int64_t time_ns);
  void make_space();
  bool backlogged() const;
  void placed(std::uint64_t number, std::uint64_t first, std::size_t weight);
  awaitable<void> acknowledge();
  bool may_tell(const Pending& pending) const;
  std::string next_lines();
  void stop_telling();

  UnixStreamSocket socket_;
  std::shared_ptr<IngestShared> shared_;
  Wake wake_;
  std::shared_ptr<const std::string> source_;
  // Receiving.
  Buffer buffer_;
  std::size_t next_capacity_;
  bool opened_ = false;
  Ack ack_ = Ack::none;
  Framing framing_;
  std::vector<Framed> found_;  // of the decode under way
  std::vector<Refused> refused_;
  bool warned_ = false;
  std::size_t in_flight_ = 0;  // bytes with the sequencer
  std::size_t unplaced_ = 0;   // batches with the sequencer
  bool has_room_ = false;
  // Telling.
  std::deque<Pending> pending_;
  std::uint64_t first_pending_ = 0;  // number of pending_.front()
  std::size_t backlog_ = 0;          // pending acknowledgements and refusals in them
  std::uint64_t told_ = 0;           // `next` of the newest acknowledgement

  bool over_ = false;   // nothing more will be read
  bool clean_ = false;  // ended by the sender
  bool closed_ = false;
};

// Tells a sender why it is not listened to: one line, if its socket takes it at once.
void turn_away(UnixStreamSocket& socket, std::string_view fault, std::string_view message);

}  // namespace stele::daemon
