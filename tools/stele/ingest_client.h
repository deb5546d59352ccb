// A connection to the ingest socket that sends and takes acknowledgements at the same time.
//
// Thread safety: one thread sends; a thread of its own takes acknowledgements and calls back.
// Blocks: send() while the daemon takes nothing (back-pressure); finish() until all is
// acknowledged. Errors: CommandError 69 when nobody listens or the daemon ends early, 75 when it
// ends the connection with events unacknowledged. See: daemon/README.md, "The ingest socket".
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tools/stele/site.h"

namespace stele::tools {

struct Acknowledgement {
  struct Refused {
    std::uint64_t at = 0;  // counts the connection's events from 0
    std::string fault;
  };
  std::uint64_t first = 0;  // indices [first, next)
  std::uint64_t next = 0;
  std::vector<Refused> refused;
};

class IngestClient {
 public:
  // hello: the first line, as "STELE/1 frame=lf ack=durable".
  IngestClient(const Site& site, const std::string& hello,
               std::function<void(const Acknowledgement&)> acknowledged);
  ~IngestClient();
  // False: the daemon has closed the connection; finish() says why.
  bool send(std::string_view bytes);
  // Half-closes; returns when `events` events are acknowledged or refused, else throws.
  void finish(std::uint64_t events);
  std::uint64_t settled() const { return settled_; }  // acknowledged or refused so far

 private:
  void take_acknowledgements();

  boost::asio::io_context context_;
  boost::asio::local::stream_protocol::socket socket_;
  std::function<void(const Acknowledgement&)> acknowledged_;
  std::atomic<std::uint64_t> settled_{0};
  std::exception_ptr failure_;  // of the thread; read after it has ended
  std::thread thread_;
};

}  // namespace stele::tools
