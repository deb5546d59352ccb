// A store, a sequencer and an ingest socket of a test's own, served by one thread; and a client to
// it.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/ingest/unix_stream.h"
#include "daemon/sequencer.h"
#include "storage/store.h"
#include "tests/support/scratch.h"

namespace stele::test {

// A store that holds one record of kind genesis.
storage::Store new_store(storage::FileSystem& file_system, const std::string& directory);

class IngestBed {
 public:
  explicit IngestBed(const std::function<void(daemon::Config&)>& configure = {});
  ~IngestBed();
  daemon::UnixStream& ingest() { return *ingest_; }
  daemon::Sequencer& sequencer() { return *sequencer_; }
  const daemon::Config& config() const { return config_; }
  // A further input, made on the serving thread; closed and gone before the bed is.
  template <class Input>
  Input& open(const std::function<std::unique_ptr<Input>(boost::asio::any_io_executor,
                                                         daemon::Sequencer&)>& make) {
    Input* made = nullptr;
    on_loop([&] {
      further_.push_back(make(context_.get_executor(), *sequencer_));
      made = static_cast<Input*>(further_.back().get());
    });
    return *made;
  }
  // Does this on the serving thread, and waits for it.
  void on_loop(const std::function<void()>& what);
  // Waits until it holds; the test fails after two minutes.
  void await(const std::function<bool()>& holds);
  // The durable records, as "kind:bytes", the genesis left out.
  std::vector<std::string> records() const;
  std::vector<std::string> events() const;  // the bytes of the events alone

 private:
  Scratch scratch_;
  daemon::Config config_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<daemon::Sequencer> sequencer_;
  std::unique_ptr<daemon::UnixStream> ingest_;
  std::vector<std::unique_ptr<daemon::Input>> further_;
  std::thread thread_;
};

// A blocking client. Every wait ends after 30 seconds with a failure of the test.
class Client {
 public:
  explicit Client(const std::string& path);
  explicit Client(std::uint16_t port, const char* from = "127.0.0.1");  // TCP, to 127.0.0.1
  ~Client();
  Client(Client&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  void send(const std::string& bytes);                   // all of them
  std::size_t send_what_fits(const std::string& bytes);  // without waiting; 0: nothing fits
  void half_close();
  void reset();  // RST
  void close();
  std::string read_line();  // without its LF; empty at the end of the stream
  std::string read_rest();  // until the end of the stream

 private:
  void connect_to(const void* address, std::size_t length);

  int socket_ = -1;
};

std::string len32(const std::string& event);

}  // namespace stele::test
