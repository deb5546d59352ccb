// The bytes of streams: the ingest socket's opening line, its frames lf and len32, syslog's octet
// counts, acknowledgement lines; pure, no I/O.
//
//   opening   "STELE/1" [" frame=lf|len32"] [" ack=none|durable|sealed"] LF     absent: lf, none
//   lf        event LF event LF …     the LF is no part of the event, a CR is; an empty line is an
//             event of no bytes; the end of the stream ends the last event, if it has any byte
//   len32     length u32 (big-endian), then the event: any bytes
//   octets    length in decimal, SP, then the event: any bytes (RFC 6587); where a frame does not
//             begin so, the stream goes on as lf from there: nothing that came is thrown away
//   ack       {"first":N,"next":M,"refused":[{"at":K,"fault":"too_long","limit":L}]} LF
//
// A refused event costs no memory: it is skipped up to its LF, or by its length.
// Thread safety: a value. Errors: decode_opening: value_out_of_range with what is allowed.
// Trust: the bytes come from whoever may connect. See: README.md, "Ingest".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attest/hash.h"
#include "attest/result.h"
#include "daemon/ingest/octet_count.h"

namespace stele::daemon {

enum class Frame : std::uint8_t { lf, len32, octets };
enum class Ack : std::uint8_t { none, durable, sealed };

// How a stream begins. length: of the opening line, LF included; 0 where there is none.
struct Opening {
  bool decided = false;  // false: more bytes are needed
  Frame frame = Frame::lf;
  Ack ack = Ack::none;
  std::size_t length = 0;
};
constexpr std::size_t kMaxOpeningBytes = 256;
// bytes: the stream so far, from its beginning; ended: no more will come.
attest::Result<Opening> decode_opening(attest::ByteView bytes, bool ended);

// An event as found: where in the bytes given.
struct Framed {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};
// An event not taken. at: the connection's events counted from 0, refused ones included.
struct Refused {
  enum class Fault : std::uint8_t { too_long, truncated, dropped } fault = Fault::too_long;
  std::uint64_t at = 0;
};
std::string_view name(Refused::Fault);

class Framing {
 public:
  Framing(Frame frame, std::uint32_t max_event_bytes) : frame_(frame), max_(max_event_bytes) {}

  // Finds events in the bytes, appends at most `limit` events and refusals together, and returns
  // how many bytes are done with. What is left must be the beginning of the bytes of the next call;
  // it is never longer than max_event_bytes + kMaxCountDigits + 1.
  std::size_t decode(attest::ByteView bytes, std::size_t limit, std::vector<Framed>& events,
                     std::vector<Refused>& refused);
  // The stream is over: `rest` is what decode() left of all its bytes. clean: by the sender's
  // own end, not by a broken connection.
  void finish(attest::ByteView rest, bool clean, std::vector<Framed>& events,
              std::vector<Refused>& refused);
  Frame frame() const { return frame_; }  // lf, once a stream of octets has gone on as lf

 private:
  std::size_t decode_lf(attest::ByteView, std::size_t limit, std::vector<Framed>&,
                        std::vector<Refused>&);
  std::size_t decode_len32(attest::ByteView, std::size_t limit, std::vector<Framed>&,
                           std::vector<Refused>&);
  std::size_t decode_octets(attest::ByteView, std::size_t limit, std::vector<Framed>&,
                            std::vector<Refused>&);
  void refuse(Refused::Fault fault, std::vector<Refused>& refused) {
    refused.push_back({fault, ordinal_++});
  }

  Frame frame_;
  std::uint32_t max_;
  std::uint64_t ordinal_ = 0;   // of the next event
  std::uint64_t skip_ = 0;      // len32, octets: bytes of a refused event still to come
  bool skipping_line_ = false;  // lf: the LF of a refused event is still to come
  std::size_t scanned_ = 0;     // lf: bytes of what is left known to hold no LF
};

// The acknowledgement line. first == next: no event became durable with it, only refusals are told.
std::string acknowledgement(std::uint64_t first, std::uint64_t next,
                            const std::vector<Refused>& refused, std::uint32_t limit_bytes);

}  // namespace stele::daemon
