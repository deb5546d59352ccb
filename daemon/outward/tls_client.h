// The client's side of TLS over a socket, as a ByteStream: the server must show a certificate for
// the name that was asked for; ours is shown if it wants one.
//
// Thread safety, errors: as ByteStream; the constructor throws ConfigError naming the file. Trust:
// whom `ca` vouches for, or the system's authorities.
#pragma once

#include <memory>
#include <string>

#include "daemon/http/byte_stream.h"
#include "daemon/outward/place.h"

namespace stele::daemon {

class TlsClient {
 public:
  // table: of the configuration, for messages.
  TlsClient(const ClientTls& files, const std::string& table);
  ~TlsClient();
  std::unique_ptr<ByteStream> over(AnySocket socket, const std::string& host) const;

 private:
  struct Context;
  std::shared_ptr<Context> context_;
};

}  // namespace stele::daemon
