// The tools' HTTP/1.1 client: one question, one connection, one answer, all of it bounded.
//
// No redirect is followed: evidence is asked of whom the operator named. Blocks: at most `timeout`.
// Thread safety: one thread. Errors: as HttpWire; CommandError 65 where the answer is not HTTP, or
// larger than the limits; 69 where it ends too early. A refusal (status from 400 on) is an answer
// like others; `require` turns it into a CommandError. Trust: the answer is whatever the server
// likes to say.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "tools/stele/command.h"
#include "tools/stele/http_answer.h"
#include "tools/stele/http_wire.h"

namespace stele::tools {

struct HttpLimits {
  // From the connection to the last byte: a live answer takes a chip some seconds.
  std::chrono::milliseconds timeout = std::chrono::seconds(120);
  std::size_t max_header_bytes = 16u << 10;
  std::size_t max_body_bytes = std::size_t{256} << 20;
  std::function<bool()> cancelled = {};  // asked ten times a second; empty: never
};

// An answer other than 200.
class HttpRefusal : public CommandError {
 public:
  HttpRefusal(int code, unsigned status, const std::string& message)
      : CommandError(code, message), status_(status) {}
  unsigned status() const { return status_; }

 private:
  unsigned status_;
};

class HttpClient {
 public:
  using Sink = HttpSink;
  // CommandError 64: not a URL, or a certificate without its key.
  HttpClient(std::string_view url, TlsClientFiles files, HttpLimits limits = {});
  HttpAnswer ask(std::string_view method, std::string_view target, std::string_view body = {},
                 std::string_view content_type = "application/json") const;
  // Of 200 alone; else HttpRefusal: 75 (503 or 429 with Retry-After), 69 (from 500 on), 77 (401,
  // 403), 66 (404), 65 (all others), with why(). sink: takes the body of a 200, which the answer
  // then lacks.
  HttpAnswer require(std::string_view method, std::string_view target, std::string_view body = {},
                     std::string_view content_type = "application/json",
                     const Sink& sink = {}) const;
  std::string name() const { return url_.is_unix ? url_.host : url_.authority(); }

 private:
  HttpAnswer exchange(std::string_view method, std::string_view target, std::string_view body,
                      std::string_view content_type, const Sink& sink) const;

  HttpUrl url_;
  TlsClientFiles files_;
  HttpLimits limits_;
};

}  // namespace stele::tools
