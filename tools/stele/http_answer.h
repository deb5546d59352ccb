// Reads one HTTP/1.1 answer as its bytes come: whole and within its limits, or not at all.
//
// Thread safety: one thread. Memory: what has come and is not read, the header, and the body where
// there is no sink. Errors: CommandError 65 where it is not HTTP, or larger than the limits; 69
// where it ends too early. Trust: the bytes are whatever the server likes to say.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace stele::tools {

struct HttpAnswer {
  unsigned status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of several
  std::string body;
  // What the server says about a refusal: its problem's detail, or the body's beginning.
  std::string why() const;
};

// Takes an answer's body as it comes, where it is too long to be held at once.
using HttpSink = std::function<void(std::string_view)>;

struct HttpAnswerLimits {
  std::size_t header_bytes = 0, body_bytes = 0;
};

class HttpAnswerReader {
 public:
  // server: its name, for messages. to_head: the answer to HEAD, which has no body. sink: takes the
  // body of a 200.
  HttpAnswerReader(std::string server, const HttpAnswerLimits& limits, bool to_head, HttpSink sink);
  ~HttpAnswerReader();
  void feed(std::string_view bytes);  // not empty
  void end();                         // the server has ended the connection
  bool is_done() const;               // all of the answer has been read
  HttpAnswer take();                  // once it is done

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::tools
