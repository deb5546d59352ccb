// An HTTP answer, as any server may give it to an auditor who challenges, enrols or tells: read or
// refused, within the limits, and the same however it is cut on its way.
#include "tests/fuzz/fuzz.h"
#include "tools/stele/command.h"
#include "tools/stele/http_answer.h"

using namespace stele::tools;

namespace {

constexpr HttpAnswerLimits kSmallLimits{512, 4096};

struct HttpReading {
  int code = kDone;
  HttpAnswer answer;
  std::string sunk;
};

HttpReading read_in_pieces(std::string_view text, std::size_t piece, bool with_sink) {
  HttpReading reading;
  HttpSink sink;
  if (with_sink) sink = [&reading](std::string_view some) { reading.sunk += some; };
  HttpAnswerReader reader("server", kSmallLimits, false, sink);
  try {
    for (; !text.empty() && !reader.is_done(); text.remove_prefix(std::min(piece, text.size()))) {
      reader.feed(text.substr(0, piece));
    }
    if (!reader.is_done()) reader.end();
    reading.answer = reader.take();
  } catch (const CommandError& error) {
    reading.code = error.code();
    ENSURE(reading.code == kMalformed || reading.code == kUnavailable);
  }
  return reading;
}

}  // namespace

FUZZ_TARGET(http_answer) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const HttpReading whole = read_in_pieces(text, text.size() + 1, false);
  const HttpReading cut = read_in_pieces(text, 3, false);
  // Of a header near its limit Beast takes more where it comes whole: line by line it is refused.
  if (text.substr(0, kSmallLimits.header_bytes).find("\r\n\r\n") == text.npos) return false;
  // What is refused for its size may be found out earlier or later; what is taken is taken whole.
  ENSURE((whole.code == kDone) == (cut.code == kDone));
  const HttpReading sunk = read_in_pieces(text, 7, true);
  if (whole.code != kDone) {
    ENSURE(sunk.code != kDone);
    return false;
  }
  ENSURE(whole.answer.status == cut.answer.status && whole.answer.headers == cut.answer.headers);
  ENSURE(whole.answer.body == cut.answer.body && whole.answer.body.size() <= kSmallLimits.body_bytes);
  whole.answer.why();
  if (sunk.code == kDone && whole.answer.status == 200) {
    ENSURE(sunk.sunk == whole.answer.body && sunk.answer.body.empty());
  }
  return true;
}
