#include "tools/stele/http_client.h"

#include "attest/printable.h"
#include "tools/stele/command.h"

namespace stele::tools {
namespace {

constexpr std::size_t kStepBytes = 64u << 10;

int exit_code_of(const HttpAnswer& answer) {
  switch (answer.status) {
    case 401:
    case 403:
      return kPermission;
    case 404:
      return kNoInput;
    case 429:
    case 503:
      return answer.headers.contains("retry-after") ? kTemporary : kUnavailable;
    default:
      return answer.status >= 500 ? kUnavailable : kMalformed;
  }
}

}  // namespace

HttpClient::HttpClient(std::string_view url, TlsClientFiles files, HttpLimits limits)
    : files_(std::move(files)), limits_(std::move(limits)) {
  const auto parsed = parse_http_url(url);
  if (!parsed) {
    throw CommandError(kUsage, attest::printable(std::string(url)) +
                                   " is neither https://HOST[:PORT], http://HOST[:PORT] nor "
                                   "unix:PATH");
  }
  if (files_.certificate.empty() != files_.key.empty()) {
    throw CommandError(kUsage, "--cert and --key go together");
  }
  url_ = *parsed;
}

HttpAnswer HttpClient::ask(std::string_view method, std::string_view target, std::string_view body,
                           std::string_view content_type) const {
  return exchange(method, target, body, content_type, {});
}

HttpAnswer HttpClient::exchange(std::string_view method, std::string_view target,
                                std::string_view body, std::string_view content_type,
                                const Sink& sink) const {
  HttpWire wire(url_, files_, limits_.timeout, limits_.cancelled);
  std::string head = std::string(method) + " " + url_.target(target) +
                     " HTTP/1.1\r\nHost: " + url_.authority() +
                     "\r\nUser-Agent: stele/" STELE_VERSION "\r\nConnection: close\r\n";
  if (!body.empty() || method == "POST") {
    head += "Content-Type: " + std::string(content_type) +
            "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  wire.write(head + "\r\n" + std::string(body));

  HttpAnswerReader reader(url_.authority(), {limits_.max_header_bytes, limits_.max_body_bytes},
                          method == "HEAD", sink);
  std::string some(kStepBytes, '\0');
  while (!reader.is_done()) {
    const std::size_t count = wire.read_some(some.data(), some.size());
    if (count == 0) {
      reader.end();
    } else {
      reader.feed({some.data(), count});
    }
  }
  return reader.take();
}

HttpAnswer HttpClient::require(std::string_view method, std::string_view target,
                               std::string_view body, std::string_view content_type,
                               const Sink& sink) const {
  HttpAnswer answer = exchange(method, target, body, content_type, sink);
  if (answer.status == 200) return answer;
  throw HttpRefusal(exit_code_of(answer), answer.status,
                    url_.authority() + " answers " + std::to_string(answer.status) + " to " +
                        std::string(method) + " " + std::string(target) + ": " + answer.why());
}

}  // namespace stele::tools
