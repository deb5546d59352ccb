// TLS 1.3 over a socket as a ByteStream: mutual; the client's certificate says who it is.
//
// No resumption: every connection shows its certificate, so that a revocation list read at the
// start holds for each. Thread safety, errors: as ByteStream; the constructor throws
// ConfigError naming the key and the file.
// Trust: names are those of a certificate that http.client_ca vouches for.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "daemon/config.h"
#include "daemon/http/byte_stream.h"

namespace stele::daemon {

// The server's side of all connections: certificate, key, authorities, revocation lists.
class Tls {
 public:
  explicit Tls(const Config& config);
  ~Tls();
  // address: of the peer, for its source record.
  std::unique_ptr<ByteStream> over(AnySocket socket, const std::string& address);

  struct Context;

 private:
  std::shared_ptr<Context> context_;
};

// ConfigError for what a start would end for; --check-config asks.
void check_http_files(const Config& config);

}  // namespace stele::daemon
