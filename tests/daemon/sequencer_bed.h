// A sequencer of a test's own over a file system in memory that fails the n-th operation, with a
// thread for its callbacks; and what is sent through it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/sequencer.h"
#include "tests/daemon/ingest_bed.h"
#include "tests/support/memory_file_system.h"

namespace stele::test {

inline daemon::Batch batch_of(const std::vector<std::string>& events,
                              std::shared_ptr<const std::string> source = nullptr) {
  daemon::Batch batch;
  batch.source = std::move(source);
  for (const std::string& event : events) {
    batch.items.push_back({attest::Kind::event, static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(event.size()), 42});
    batch.bytes.insert(batch.bytes.end(), event.begin(), event.end());
  }
  return batch;
}

// A sequencer over a file system in memory, with a thread for its callbacks.
class SequencerBed {
 public:
  explicit SequencerBed(const daemon::Config& config = {}, const Injection& injection = {})
      : work_(context_.get_executor()) {
    auto store = new_store(files, "/log");
    Injection shifted = injection;
    if (injection.at != Injection{}.at) shifted.at += files.operations();
    files.inject(shifted);
    sequencer.emplace(
        std::move(store), config, context_.get_executor(),
        daemon::Sequencer::Hooks{[this](attest::TreeHead head) { durable = head.size; },
                                 [this](std::string) { ++failures; },
                                 [this](std::uint64_t size) { critical = size; }});
    thread_ = std::thread([this] { context_.run(); });
  }
  ~SequencerBed() { end(); }
  void end() {
    if (!thread_.joinable()) return;
    sequencer->drain();
    work_.reset();
    thread_.join();
  }
  // Submits, waiting for room.
  void submit(daemon::Batch batch) {
    while (!sequencer->submit(std::move(batch), [] {})) {
      ASSERT_FALSE(sequencer->status().failed);
      std::this_thread::yield();
    }
  }

  MemoryFileSystem files;
  std::optional<daemon::Sequencer> sequencer;
  std::atomic<std::uint64_t> durable{0};
  std::atomic<int> failures{0};
  std::atomic<std::uint64_t> critical{0};

 private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

inline std::string text_of(const storage::StoredRecord& record) {
  return {record.bytes.begin(), record.bytes.end()};
}

}  // namespace stele::test
