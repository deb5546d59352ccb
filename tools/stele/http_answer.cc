#include "tools/stele/http_answer.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/json/parse.hpp>

#include <cctype>
#include <utility>

#include "attest/printable.h"
#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace http = boost::beast::http;

// A body as text. Its memory grows with the bytes that come, whatever length a header states.
struct GrowingBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool kIsRequest, class Fields>
    reader(http::header<kIsRequest, Fields>&, value_type& body) : body_(body) {}
    template <class Length>
    void init(const Length&, boost::system::error_code& error) {
      error = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      const std::size_t before = body_.size();
      for (const boost::asio::const_buffer piece : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(piece.data()), piece.size());
      }
      return body_.size() - before;
    }
    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};
using AnswerParser = http::response_parser<GrowingBody>;

// A header that has no end is refused before more than this beyond the limit was looked at.
constexpr std::size_t kAnswerStepBytes = 64u << 10;
constexpr std::size_t kMaxWhyBytes = 400;  // of a server's own words in a message
// Of any other answer where a 200 would go to a sink: its reason, and room for a page around it.
constexpr std::size_t kMaxRefusalBytes = 64u << 10;

std::string in_lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
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

struct HttpAnswerReader::State {
  const std::string server;
  const HttpAnswerLimits limits;
  const HttpSink sink;
  AnswerParser parser;
  std::string received;  // and not read yet
  std::size_t before_body = 0;

  State(std::string server_, const HttpAnswerLimits& limits_, HttpSink sink_)
      : server(std::move(server_)), limits(limits_), sink(std::move(sink_)) {}

  [[noreturn]] void refuse(const std::string& why) const {
    throw CommandError(kMalformed, server + " answers, but " + why);
  }
  [[noreturn]] void fail_early(const std::string& where) const {
    throw CommandError(kUnavailable, server + " ended the connection " + where);
  }
  bool is_ok() const { return parser.get().result_int() == 200; }
  void parse();
};

// All that has come is given to the parser, until it wants more than there is.
void HttpAnswerReader::State::parse() {
  while (!received.empty() && !parser.is_done()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(received), error);
    received.erase(0, used);
    if (error == http::error::need_more) return;
    if (error == http::error::body_limit) refuse("with more bytes than are taken");
    if (error) refuse("what it says is not HTTP: " + error.message());
  }
}

HttpAnswerReader::HttpAnswerReader(std::string server, const HttpAnswerLimits& limits, bool to_head,
                                   HttpSink sink)
    : state_(std::make_unique<State>(std::move(server), limits, std::move(sink))) {
  AnswerParser& parser = state_->parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser.body_limit(limits.body_bytes);
  parser.eager(true);
  parser.skip(to_head);
}

HttpAnswerReader::~HttpAnswerReader() = default;

void HttpAnswerReader::feed(std::string_view bytes) {
  State& s = *state_;
  // Beast limits what it sees at once; line by line a header could go on for ever.
  if (!s.parser.is_header_done()) s.before_body += bytes.size();
  if (s.before_body > s.limits.header_bytes + kAnswerStepBytes) s.refuse("its header has no end");
  s.received += bytes;
  s.parse();
  if (!s.sink || !s.parser.is_header_done()) return;
  std::string& body = s.parser.get().body();
  if (s.is_ok()) {
    s.sink(body);
    body.clear();
  } else if (body.size() > kMaxRefusalBytes) {
    s.refuse("with more bytes than are taken");
  }
}

void HttpAnswerReader::end() {
  State& s = *state_;
  if (!s.parser.got_some()) s.fail_early("without a word");
  // What is judged must not be what a broken connection left of it.
  if (s.sink && s.parser.is_header_done() && s.parser.need_eof() && s.is_ok()) {
    s.fail_early("and nothing in its answer says whether that is all of it");
  }
  boost::system::error_code error;
  s.parser.put_eof(error);
  if (error || !s.parser.is_done()) s.fail_early("within its answer");
}

bool HttpAnswerReader::is_done() const {
  return state_->parser.is_done();
}

HttpAnswer HttpAnswerReader::take() {
  AnswerParser& parser = state_->parser;
  HttpAnswer answer;
  answer.status = parser.get().result_int();
  for (const auto& field : parser.get()) {
    answer.headers[in_lower_case(field.name_string())] = std::string(field.value());
  }
  answer.body = std::move(parser.get().body());
  return answer;
}

}  // namespace stele::tools
