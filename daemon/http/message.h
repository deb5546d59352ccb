// A request as a handler gets it, the reply that it gives, and the problems of RFC 9457.
//
// Thread safety: values. Trust: everything in a request comes from the client, but its Caller,
// which is what the kernel and TLS say.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attest/hash.h"
#include "daemon/http/roles.h"
#include "daemon/http/target.h"

namespace stele::daemon {

class BodyRoom;

// Who is at the other end of a connection.
struct Caller {
  std::string source;  // a source record's content: canonical JSON
  std::string name;  // the same sender in another connection has the same: what its keys belong to
  RoleSet roles;
};

struct HttpRequest {
  std::string method;
  Target target;
  PathValues path_values;
  std::multimap<std::string, std::string> headers;  // names in lower case
  attest::Bytes body;
  std::shared_ptr<const Caller> caller;
  // Held while the body takes room and the daemon, ending, must wait for this request; a handler
  // that has handed its events on lets go of it.
  std::shared_ptr<BodyRoom> being_received;

  // The one value; "" where there is none. More than one is refused before a handler sees it.
  std::string_view header(const std::string& name) const;
};

struct HttpReply {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  // In the place of `body`, for what is too long to be held at once: called until the last piece.
  struct Piece {
    std::string bytes;
    bool last = false;
  };
  std::function<boost::asio::awaitable<Piece>()> more = {};
};
HttpReply json_reply(unsigned status, std::string body);
HttpReply text_reply(unsigned status, std::string body);
// application/problem+json; title is the status's own.
HttpReply problem(unsigned status, std::string_view detail);
HttpReply busy(std::string_view detail, unsigned retry_after_s);  // 503, to be tried again
HttpReply no_room_for_body();

std::string_view reason_phrase(unsigned status);

}  // namespace stele::daemon
