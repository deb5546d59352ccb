// One HTTP POST to a place outside, from the first name look-up to the last byte of the answer.
//
// A connection for each: they are a minute apart. Bounded: time, header and body of the answer.
// Thread safety: one executor on one thread; the client must outlive its posts. Errors: an answer
// without a status says in words what failed. Trust: the answer comes from whoever answers there.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "daemon/outward/tls_client.h"

namespace stele::daemon {

constexpr std::size_t kMaxAnswerBytes = 64u << 10;
constexpr std::chrono::seconds kPostLimit{30};

struct HttpAnswer {
  unsigned status = 0;  // 0: none came
  std::string content_type;
  std::string body;
  std::string failure;
};

class HttpClient {
 public:
  // behind: what the target is behind the URL (Url::target()). Throws ConfigError for the TLS
  // files.
  HttpClient(const Url& url, std::string_view behind, const ClientTls& tls,
             const std::string& table);
  boost::asio::awaitable<HttpAnswer> post(std::string content_type, std::string body);

 private:
  struct Attempt;
  boost::asio::awaitable<HttpAnswer> exchange(std::shared_ptr<Attempt> attempt, std::string head,
                                              std::string body);

  const Url url_;
  const std::string target_;
  std::optional<TlsClient> tls_;
};

}  // namespace stele::daemon
