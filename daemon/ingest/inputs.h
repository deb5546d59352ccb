// All inputs that the configuration switches on, as one.
//
// Thread safety and errors: as each Input. A new kind of input is one more line in the constructor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/ingest/input.h"
#include "daemon/passed_sockets.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

class Inputs {
 public:
  struct Named {
    std::string name;  // as in the configuration: "unix", "tcp" …
    std::unique_ptr<Input> input;
  };

  // Takes the sockets that were passed for it; one for an input switches that on.
  Inputs(const Config& config, boost::asio::any_io_executor executor, Sequencer& sequencer,
         PassedSockets& passed);
  ~Inputs();  // the newest first: it may look at the others
  // One that needs more than the constructor has; named as in the configuration. Before any other
  // thread looks at them.
  void add(std::string name, std::unique_ptr<Input> input);
  void sealed(std::uint64_t size);
  void stop();
  bool read_out() const;
  void close();
  InputCounters counters() const;  // of all together
  const std::vector<Named>& each() const { return inputs_; }

 private:
  std::vector<Named> inputs_;
};

}  // namespace stele::daemon
