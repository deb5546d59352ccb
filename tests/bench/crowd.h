// A crowd of clients on an ingest socket: each waits for acknowledgements and keeps a number of events under way.
//
// One thread for all. Times are from an event's send to the read of the acknowledgement that covers it. Errors: throws
// std::system_error.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace stele::bench {

struct Crowd {
  std::size_t clients = 1;
  std::size_t outstanding = 1;  // events of one client that are sent and not acknowledged
  double pace = 0;              // events a second of all together; 0: the next at once
};
struct Answered {
  std::size_t events = 0;
  double median_us = 0;
  double p99_us = 0;
};
Answered ask(const std::string& socket, const Crowd& crowd, std::chrono::milliseconds time);

}  // namespace stele::bench
