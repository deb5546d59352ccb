#include "daemon/ingest/inputs.h"

#include <algorithm>

#include "daemon/ingest/audit_input.h"
#include "daemon/ingest/journal_input.h"
#include "daemon/ingest/tcp.h"
#include "daemon/ingest/tls.h"
#include "daemon/ingest/udp.h"
#include "daemon/ingest/unix_datagram.h"
#include "daemon/ingest/unix_stream.h"

namespace stele::daemon {

Inputs::Inputs(const Config& config, boost::asio::any_io_executor executor, Sequencer& sequencer,
               PassedSockets& passed) {
  const auto add = [&](const char* name, bool configured, const char* passed_name, auto&& make) {
    if (!configured && !passed.has(passed_name)) return;
    inputs_.push_back({name, make(config, executor, sequencer, passed.take(passed_name))});
  };
  inputs_.push_back(
      {"unix", std::make_unique<UnixStream>(config, executor, sequencer, passed.take_one("unix"))});
  add("unix_datagram", !config.listen_unix_datagram.empty(), "unix-datagram", make_unix_datagram);
  add("udp", !config.listen_udp.empty(), "udp", make_udp);
  add("tcp", !config.listen_tcp.empty(), "tcp", make_tcp);
  add("tls", !config.listen_tls.empty(), "tls", make_tls);
  if (!config.audit_path.empty()) {
    inputs_.push_back({"audit", std::make_unique<AuditInput>(config, executor, sequencer)});
  }
  if (config.journal) {
    inputs_.push_back({"journal", std::make_unique<JournalInput>(config, sequencer)});
  }
}

Inputs::~Inputs() {
  while (!inputs_.empty()) inputs_.pop_back();
}

void Inputs::add(std::string name, std::unique_ptr<Input> input) {
  inputs_.push_back({std::move(name), std::move(input)});
}

void Inputs::sealed(std::uint64_t size) {
  for (const Named& each : inputs_) each.input->sealed(size);
}

void Inputs::stop() {
  for (const Named& each : inputs_) each.input->stop();
}

bool Inputs::read_out() const {
  return std::all_of(inputs_.begin(), inputs_.end(),
                     [](const Named& each) { return each.input->read_out(); });
}

void Inputs::close() {
  for (const Named& each : inputs_) each.input->close();
}

InputCounters Inputs::counters() const {
  InputCounters sum;
  for (const Named& each : inputs_) sum += each.input->counters();
  return sum;
}

}  // namespace stele::daemon
