#include "tools/stele/http_client.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>
#include <cctype>

#include "attest/printable.h"
#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

constexpr std::size_t kStepBytes = 64u << 10;
constexpr std::size_t kMaxWhyBytes = 400;  // of a server's own words in a message

[[noreturn]] void refuse(const HttpUrl& url, const std::string& why) {
  throw CommandError(kMalformed, url.authority() + " answers, but " + why);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// All that has come is given to the parser, until it wants more than there is.
void parse(const HttpUrl& url, Parser& parser, std::string& received) {
  while (!received.empty() && !parser.is_done()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(asio::buffer(received), error);
    received.erase(0, used);
    if (error == http::error::need_more) return;
    if (error == http::error::body_limit) refuse(url, "with more bytes than are taken");
    if (error) refuse(url, "what it says is not HTTP: " + error.message());
  }
}

[[noreturn]] void fail_early(const HttpUrl& url, const std::string& where) {
  throw CommandError(kUnavailable, url.authority() + " ended the connection " + where);
}

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

std::string HttpAnswer::why() const {
  boost::system::error_code error;
  const boost::json::value problem = boost::json::parse(body, error);
  if (!error && problem.is_object()) {
    const boost::json::value* detail = problem.as_object().if_contains("detail");
    if (detail != nullptr && detail->is_string()) {
      const std::string text(detail->as_string());
      return attest::printable(text.substr(0, kMaxWhyBytes));
    }
  }
  return attest::printable(body.substr(0, kMaxWhyBytes));
}

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

  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits_.max_header_bytes));
  parser.body_limit(limits_.max_body_bytes);
  parser.eager(true);
  parser.skip(method == "HEAD");
  std::string received;
  std::size_t before_body = 0;
  while (!parser.is_done()) {
    const std::size_t before = received.size();
    received.resize(before + kStepBytes);
    const std::size_t count = wire.read_some(received.data() + before, kStepBytes);
    received.resize(before + count);
    if (count == 0) {
      boost::system::error_code error;
      if (!parser.got_some()) fail_early(url_, "without a word");
      // What is judged must not be what a broken connection left of it.
      if (sink && parser.is_header_done() && parser.need_eof())
        fail_early(url_, "and nothing in its answer says whether that is all of it");
      parser.put_eof(error);
      if (error || !parser.is_done()) fail_early(url_, "within its answer");
      break;
    }
    // Beast limits what it sees at once; line by line a header could go on for ever.
    if (!parser.is_header_done()) before_body += count;
    if (before_body > limits_.max_header_bytes + kStepBytes) refuse(url_, "its header has no end");
    parse(url_, parser, received);
    if (sink && parser.is_header_done() && parser.get().result_int() == 200) {
      sink(parser.get().body());
      parser.get().body().clear();
    }
  }

  HttpAnswer answer;
  answer.status = parser.get().result_int();
  for (const auto& field : parser.get()) {
    answer.headers[lower(field.name_string())] = std::string(field.value());
  }
  answer.body = std::move(parser.get().body());
  return answer;
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
