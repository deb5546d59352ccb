// One connection to an HTTP service: TCP, TLS 1.3 over TCP, or a Unix socket; every step within
// one deadline.
//
// Blocks: until done, the deadline, or `cancelled` says so (asked ten times a second). Thread
// safety: one thread. Errors: CommandError 69: no such host, refused, no handshake, out of time;
// 77: this user may not; 78: a PEM file that cannot be used; 75: cancelled.
// Trust: with TLS the server is whom `cacert` (else the system's authorities) vouches for under
// the URL's name; without it, whoever listens there.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tools/stele/http_url.h"

namespace stele::tools {

// PEM files; empty: none. certificate and key are given together.
struct TlsClientFiles {
  std::string cacert;
  std::string certificate;  // ours, and those between it and its root
  std::string key;
};

class HttpWire {
 public:
  HttpWire(const HttpUrl& url, const TlsClientFiles& files, std::chrono::milliseconds timeout,
           std::function<bool()> cancelled);
  ~HttpWire();
  // Bytes that could not be written are no error: the server may have refused already, and said
  // why; what it said is there to be read.
  void write(std::string_view bytes);
  std::size_t read_some(char* into, std::size_t most);  // 0: the server has ended the connection

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::tools
