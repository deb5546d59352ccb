// Goal: the HTTP client takes what HTTP allows, within its limits, and says what is wrong with all
// else. Method: a server on 127.0.0.1 that reads one request and answers with the bytes given;
// tests/e2e has real servers and TLS.
#include "tools/stele/http_client.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class OneAnswer {
 public:
  explicit OneAnswer(std::string bytes) : bytes_(std::move(bytes)) {
    thread_ = std::thread([this] {
      tcp::socket client = acceptor_.accept();
      boost::system::error_code ignored;
      const std::size_t header =
          asio::read_until(client, asio::dynamic_buffer(request), "\r\n\r\n", ignored);
      const bool question = request.compare(0, 4, "POST") == 0;
      if (question && header == request.size()) {
        asio::read_until(client, asio::dynamic_buffer(request), "?", ignored);
      }
      asio::write(client, asio::buffer(bytes_), ignored);
    });
  }
  ~OneAnswer() {
    if (thread_.joinable()) thread_.join();
  }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  void join() { thread_.join(); }
  std::string request;

 private:
  const std::string bytes_;
  asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::thread thread_;
};

int code_of(const std::string& bytes, HttpLimits limits = {}) {
  OneAnswer server(bytes);
  try {
    HttpClient(server.url(), {}, std::move(limits)).require("GET", "/x");
    return kDone;
  } catch (const CommandError& error) {
    return error.code();
  }
}

TEST(HttpUrl, SaysWhereAServiceIs) {
  const auto url = parse_http_url("https://log.example:8443/stele/");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "log.example");
  EXPECT_EQ(url->port, "8443");
  EXPECT_EQ(url->target("/v1/challenge"), "/stele/v1/challenge");
  EXPECT_EQ(url->target(""), "/stele/");  // the URL itself: a webhook's
  EXPECT_EQ(parse_http_url("http://a")->target(""), "/");
  EXPECT_EQ(parse_http_url("http://a//")->target("/b"), "/b");
  EXPECT_EQ(parse_http_url("unix:/x")->target("/b"), "/b");
  EXPECT_EQ(url->authority(), "log.example:8443");
  EXPECT_EQ(parse_http_url("https://[::1]")->authority(), "[::1]");
  EXPECT_EQ(parse_http_url("http://a")->port, "80");
  EXPECT_EQ(parse_http_url("unix:/run/stele/http.sock")->host, "/run/stele/http.sock");
}

TEST(HttpUrl, RefusesWhatNamesNoService) {
  for (const char* text :
       {"", "log.example", "ftp://a", "https://", "https://:443", "https://u@a", "https://a:0",
        "https://a:65536", "https://a:x", "https://a?b", "https://a b", "https://[a]",
        "https://[::1", "https://[::1]x", "unix:"}) {
    EXPECT_FALSE(parse_http_url(text)) << text;
  }
}

TEST(HttpClient, TakesAnAnswerByLengthInChunksAndUntilTheEnd) {
  for (const char* bytes : {"HTTP/1.1 200 OK\r\nX-Y: z\r\nContent-Length: 5\r\n\r\nhello",
                            "HTTP/1.1 200 OK\r\nX-Y: z\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nX-Y: z\r\n\r\nhello"}) {
    OneAnswer server(bytes);
    const HttpAnswer answer = HttpClient(server.url(), {}).ask("GET", "/a");
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.body, "hello") << bytes;
    EXPECT_EQ(answer.headers.at("x-y"), "z");
  }
}

TEST(HttpClient, SendsTheBodyWithItsLength) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  HttpClient(server.url() + "/base/", {}).require("POST", "/v1/challenge", "why?");
  server.join();
  EXPECT_EQ(server.request.find("POST /base/v1/challenge HTTP/1.1\r\nHost: 127.0.0.1:"), 0u);
  EXPECT_NE(server.request.find("\r\nContent-Length: 4\r\n"), std::string::npos);
  EXPECT_TRUE(server.request.ends_with("\r\n\r\nwhy?"));
}

TEST(HttpClient, RefusesWhatIsNotHttp) {
  EXPECT_EQ(code_of("SSH-2.0-x\r\n"), kMalformed);
  EXPECT_EQ(code_of("{\"ok\":false}\n"), kMalformed);
}

TEST(HttpClient, TakesAnAnswerThatEndsTooEarlyForNone) {
  EXPECT_EQ(code_of(""), kUnavailable);
  EXPECT_EQ(code_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), kUnavailable);
  EXPECT_EQ(code_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"), kUnavailable);
  EXPECT_EQ(code_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), kUnavailable);
}

// Until the end of the connection, as through an intermediary of HTTP/1.0: cut or whole, who knows.
TEST(HttpClient, GivesOutForJudgementOnlyWhatItKnowsToBeWhole) {
  OneAnswer server("HTTP/1.1 200 OK\r\n\r\nevidence");
  try {
    HttpClient(server.url(), {}).require("GET", "/x", {}, {}, [](std::string_view) {});
    FAIL() << "taken for whole";
  } catch (const CommandError& error) {
    EXPECT_EQ(error.code(), kUnavailable);
  }
}

TEST(HttpClient, GivesALongBodyOutAsItComes) {
  const std::string body(300'000, 'x');
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + body);
  std::string taken;
  const HttpAnswer answer =
      HttpClient(server.url(), {}).require("GET", "/x", {}, {}, [&](std::string_view some) {
        taken += some;
      });
  EXPECT_EQ(taken, body);
  EXPECT_TRUE(answer.body.empty());
}

TEST(HttpClient, TakesNoMoreThanItsLimits) {
  HttpLimits limits;
  limits.max_body_bytes = 4;
  EXPECT_EQ(code_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", limits), kMalformed);
  EXPECT_EQ(code_of("HTTP/1.1 200 OK\r\n\r\nhello", limits), kMalformed);
  EXPECT_EQ(code_of("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell", limits), kDone);
  std::string endless = "HTTP/1.1 200 OK\r\n";
  while (endless.size() < 200u << 10) endless += "X-Line: and one more\r\n";
  EXPECT_EQ(code_of(endless), kMalformed);
}

TEST(HttpClient, SaysWhyItWasRefused) {
  const std::string problem =
      R"({"title":"Forbidden","status":403,"detail":"this needs the role auditor\u001b["})";
  OneAnswer server("HTTP/1.1 403 Forbidden\r\nContent-Length: " + std::to_string(problem.size()) +
                   "\r\n\r\n" + problem);
  try {
    HttpClient(server.url(), {}).require("GET", "/v1/anchors");
    FAIL() << "403 is not 200";
  } catch (const CommandError& error) {
    EXPECT_EQ(error.code(), kPermission);
    EXPECT_NE(std::string(error.what()).find("the role auditor\\x1b["), std::string::npos)
        << error.what();
  }
}

TEST(HttpClient, TellsRefusalsApart) {
  const auto status = [](const std::string& line) {
    return code_of("HTTP/1.1 " + line + "\r\nContent-Length: 0\r\n\r\n");
  };
  EXPECT_EQ(status("404 Not Found"), kNoInput);
  EXPECT_EQ(status("429 Too Many Requests\r\nRetry-After: 1"), kTemporary);
  EXPECT_EQ(status("503 Service Unavailable"), kUnavailable);
  EXPECT_EQ(status("503 Service Unavailable\r\nRetry-After: 1"), kTemporary);
  EXPECT_EQ(status("500 Internal Server Error"), kUnavailable);
  EXPECT_EQ(status("302 Found"), kMalformed);  // no redirect is followed
}

TEST(HttpClient, GivesUpOnWhoNeverAnswers) {
  asio::io_context context;
  tcp::acceptor silent(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::string url = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
  HttpLimits limits;
  limits.timeout = std::chrono::milliseconds(1);
  EXPECT_THROW(HttpClient(url, {}, limits).ask("GET", "/"), CommandError);
  limits.timeout = std::chrono::hours(1);
  limits.cancelled = [] { return true; };
  EXPECT_THROW(HttpClient(url, {}, limits).ask("GET", "/"), CommandError);
}

TEST(HttpClient, SaysThatNobodyListens) {
  for (const char* url : {"http://127.0.0.1:1", "unix:/nonexistent/socket"}) {
    try {
      HttpClient(url, {}).ask("GET", "/");
      FAIL() << url;
    } catch (const CommandError& error) {
      EXPECT_EQ(error.code(), kUnavailable) << url;
    }
  }
}

TEST(HttpClient, MemoryIsForWhatComesNotForWhatALengthSays) {
  HttpLimits limits;
  limits.max_body_bytes = std::size_t{1} << 62;
  EXPECT_EQ(code_of("HTTP/1.1 200 OK\r\nContent-Length: 2305843009213693952\r\n\r\nx", limits),
            kUnavailable);
}

TEST(HttpClient, ARefusalIsNotHeldHoweverLongTheAnswerMayBe) {
  for (const std::size_t length : {std::size_t{1} << 10, std::size_t{1} << 20}) {
    OneAnswer server("HTTP/1.1 500 No\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" +
                     std::string(length, 'x'));
    std::string sunk;
    try {
      HttpClient(server.url(), {}).require("GET", "/x", {}, {}, [&](std::string_view some) {
        sunk += some;
      });
      ADD_FAILURE() << "500 is taken for 200";
    } catch (const CommandError& error) {
      EXPECT_EQ(error.code(), length > (64u << 10) ? kMalformed : kUnavailable);
    }
    EXPECT_EQ(sunk, "");
  }
}

}  // namespace
}  // namespace stele::tools
