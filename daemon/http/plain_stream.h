// A plain socket as a ByteStream.
//
// Thread safety, errors: as ByteStream.
#pragma once

#include "daemon/http/byte_stream.h"

namespace stele::daemon {

class PlainStream : public ByteStream {
 public:
  PlainStream(AnySocket socket, std::shared_ptr<const Caller> caller)
      : socket_(std::move(socket)), caller_(std::move(caller)) {}
  awaitable<Error> begin() override;
  awaitable<std::pair<Error, std::size_t>> read_some(boost::asio::mutable_buffer into) override;
  awaitable<Error> write(boost::asio::const_buffer bytes) override;
  awaitable<void> end_writing() override;
  void cancel() override;
  void close() override;
  std::shared_ptr<const Caller> caller() const override { return caller_; }

 private:
  AnySocket socket_;
  std::shared_ptr<const Caller> caller_;
};

}  // namespace stele::daemon
