// An input: one way by which events come in, and what all of them have in common.
//
// An input turns what it receives into batches, hands them to the sequencer, reads nothing while
// that is full, and ends in order. Thread safety: one executor on one thread; counters() from any.
// Errors: constructors throw std::system_error where something cannot be opened or bound; whatever
// happens later to one sender ends that sender only.
#pragma once

#include <cstdint>

namespace stele::daemon {

struct InputCounters {
  std::uint64_t open = 0;         // connections now
  std::uint64_t accepted = 0;     // connections since the start
  std::uint64_t turned_away = 0;  // connections over the limit
  std::uint64_t events = 0;       // handed to the sequencer
  std::uint64_t refused = 0;      // events that were not taken, their sender told or a gap recorded
  std::uint64_t dropped = 0;      // events lost for want of room, each counted by a gap record
  std::uint64_t bytes = 0;        // that brought the events, as received (framing included)
  std::uint64_t evicted = 0;      // silent connections that gave way to new ones

  InputCounters& operator+=(const InputCounters& other) {
    open += other.open;
    accepted += other.accepted;
    turned_away += other.turned_away;
    events += other.events;
    refused += other.refused;
    dropped += other.dropped;
    bytes += other.bytes;
    evicted += other.evicted;
    return *this;
  }
};

class Input {
 public:
  virtual ~Input() = default;
  // Records [0, size) are counter-anchored: what senders may wait for.
  virtual void sealed(std::uint64_t size) = 0;
  // Takes no new sender and reads out what has arrived; open senders end by themselves.
  virtual void stop() = 0;
  // After stop(): all that had arrived is with the sequencer; acknowledgements may be outstanding.
  virtual bool read_out() const = 0;
  // Ends what is still open.
  virtual void close() = 0;
  virtual InputCounters counters() const = 0;
};

}  // namespace stele::daemon
