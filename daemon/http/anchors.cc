#include "daemon/http/anchors.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "attest/base64.h"
#include "attest/decimal.h"
#include "attest/rfc3339.h"
#include "daemon/http/records.h"
#include "daemon/journal_files.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using attest::EntryKind;

json::object to_json(const attest::Statement& statement, attest::ByteView receipt) {
  return {{"seq", statement.seq},
          {"era", statement.era},
          {"counter", statement.counter},
          {"tree_size", statement.tree.size},
          {"root", attest::to_hex(statement.tree.root)},
          {"time", attest::to_rfc3339(statement.wallclock_ns)},
          {"statement", attest::to_base64(encode(statement))},
          {"receipt", attest::to_base64(receipt)}};
}

// The newest era's counter anchors from `from` on, as many as fit.
std::string read_page(const std::string& directory, const attest::Hash& log_id, std::uint64_t from,
                      std::uint64_t newest) {
  json::array anchors;
  std::uint64_t next = from;
  const std::uint64_t first_file = file_before(storage::posix(), directory, log_id, from);
  storage::EntryReader reader(storage::posix(), directory, first_file);
  std::optional<attest::Statement> open;
  std::size_t read = 0;
  while (anchors.size() < kMaxPageAnchors && read < kMaxPageBytes && next <= newest) {
    const auto entry = reader.next();
    if (!entry) break;
    if (!anchors.empty()) read += entry->payload.size();  // a page is never empty for want of room
    const auto kind = static_cast<EntryKind>(entry->kind);
    if (kind == EntryKind::intent) {
      const auto statement = attest::decode_statement(entry->payload);
      const bool wanted = statement && statement->log_id == log_id && !statement->is_quote() &&
                          statement->seq >= from;
      open = wanted ? std::optional(*statement) : std::nullopt;
    } else if (kind == EntryKind::receipt && open) {
      anchors.push_back(to_json(*open, entry->payload));
      next = open->seq + 1;
      open.reset();
    } else if (kind == EntryKind::voided) {
      open.reset();
    }
  }
  check_reader(reader);
  return json::serialize(
             json::object{{"log_id", attest::to_hex(log_id)},
                          {"anchors", std::move(anchors)},
                          {"next", next <= newest ? json::value(next) : json::value(nullptr)},
                          {"newest", newest}}) +
         "\n";
}

asio::awaitable<HttpReply> page(const ControlledDaemon& daemon, asio::any_io_executor reader,
                                HttpRequest& request) {
  std::uint64_t from = 1;
  for (const auto& [name, value] : request.target.query) {
    const auto number = attest::parse_decimal(value);
    if (name != "from" || !number || *number == 0) {
      co_return problem(400, "the query may be from=SEQ, counted from 1, and nothing else");
    }
    from = *number;
  }
  const auto newest = daemon.anchorer.newest_counter_anchor();
  std::function<HttpReply()> read = [&daemon, from,
                                     last = newest ? newest->statement.seq : std::uint64_t{0}] {
    return json_reply(200,
                      read_page(daemon.config.data, daemon.sequencer.store().log_id(), from, last));
  };
  co_return co_await give_out(daemon, reader, request, read);
}

asio::awaitable<HttpReply> newest_anchor(const ControlledDaemon& daemon,
                                         asio::any_io_executor reader, HttpRequest& request) {
  if (!request.target.query.empty()) co_return problem(400, "there is nothing to choose here");
  const auto newest = daemon.anchorer.newest_counter_anchor();
  if (!newest) co_return problem(404, "there is no counter anchor yet");
  std::function<HttpReply()> read = [anchor = *newest] {
    const json::object found = to_json(anchor.statement, attest::encode(anchor.receipt));
    return json_reply(200, json::serialize(found) + "\n");
  };
  co_return co_await give_out(daemon, reader, request, read);
}

}  // namespace

void add_anchor_routes(RouteTable& routes, const ControlledDaemon& daemon,
                       asio::any_io_executor reader) {
  const RoleSet who{Role::auditor, Role::admin};
  routes.add({"GET", "/v1/anchors", who, 0,
              [&daemon, reader](HttpRequest& request) { return page(daemon, reader, request); }});
  routes.add({"GET", "/v1/anchors/newest", who, 0, [&daemon, reader](HttpRequest& request) {
                return newest_anchor(daemon, reader, request);
              }});
}

}  // namespace stele::daemon
