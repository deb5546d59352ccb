// The line before the queue: of one input, the connections that have events while the queue is
// full, in the order in which they found it so.
//
// Whoever stands in it has received bytes and has not decoded them: what waits is small. The first
// asks the queue; refused, it stays the first and asks again when there is room. Once served, it
// leaves, and with more events it comes in again at the end: nobody is passed by, however fast
// others send. Where the line is empty, nobody needs a place in it.
//
//   found full ─▶ last … second ─▶ first ─ asks ─▶ served, leaves; the second is the first
//                                    ▲       └──▶ refused: until open()
//
// Thread safety: one executor on one thread. Errors: std::bad_alloc, of a place.
#pragma once

#include <list>

#include "daemon/wake.h"

namespace stele::daemon {

class Line {
 public:
  // A place at the end, until it is let go of. wake: notified when it may be served.
  class Place {
   public:
    Place(Line& line, Wake& wake)
        : line_(line), at_(line.waiting_.insert(line.waiting_.end(), &wake)) {}
    ~Place() {
      line_.waiting_.erase(at_);
      line_.notify_first();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // It is the first, and has not been refused since there was room.
    bool may_ask() const { return line_.open_ && at_ == line_.waiting_.begin(); }

   private:
    Line& line_;
    const std::list<Wake*>::iterator at_;
  };

  Line() = default;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  bool empty() const { return waiting_.empty(); }
  // The queue has refused somebody, and will say when there is room.
  void shut() { open_ = false; }
  // It has said so.
  void open() {
    open_ = true;
    notify_first();
  }

 private:
  void notify_first() {
    if (open_ && !waiting_.empty()) waiting_.front()->notify();
  }

  std::list<Wake*> waiting_;  // the first to come first
  bool open_ = true;
};

}  // namespace stele::daemon
