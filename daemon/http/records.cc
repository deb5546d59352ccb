#include "daemon/http/records.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "attest/decimal.h"
#include "daemon/access.h"
#include "daemon/http/away.h"
#include "daemon/record_proof.h"
#include "daemon/replies.h"
#include "storage/damage.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr unsigned kRetryAnchor_s = 60;  // a heartbeat may be an hour away, an anchor on demand not
constexpr unsigned kRetryRecord_s = 5;
// Of what cannot be given out, as `read` says it.
constexpr unsigned kErased = 410;
constexpr unsigned kTooLong = 422;

struct Asked {
  std::uint64_t index = 0;
  std::optional<HttpReply> refusal;
};

Asked asked_index(const ControlledDaemon& daemon, const HttpRequest& request) {
  const auto index = attest::parse_decimal(request.path_values.at("index"));
  const std::uint64_t size = daemon.sequencer.head().size;
  if (index && *index < size) return {*index, std::nullopt};
  return {0, problem(404, "there is no such record: the log holds " + std::to_string(size) +
                              ", from 0")};
}

asio::awaitable<HttpReply> record(const ControlledDaemon& daemon, asio::any_io_executor reader,
                                  HttpRequest& request) {
  if (!request.target.query.empty()) co_return problem(400, "there is nothing to choose here");
  Asked asked = asked_index(daemon, request);
  if (asked.refusal) co_return std::move(*asked.refusal);
  const storage::Store& store = daemon.sequencer.store();
  std::function<HttpReply()> read = [&store, index = asked.index] {
    return json_reply(200, record_object(store.read(index)) + "\n");
  };
  co_return co_await give_out(daemon, reader, request, read);
}

// Precondition: the signer has its key, which it keeps.
HttpReply tlog_reply(const ControlledDaemon& daemon, attest::Proof proof,
                     const attest::TreeHead& head) {
  const bool content = proof.content.has_value();
  const auto note = signed_head(daemon.signer, daemon.config.data, head);
  const auto tlog = attest::make_tlog_proof(std::move(proof), *note);
  return tlog ? text_reply(200, to_text(*tlog)) : problem(kTooLong, tlog_proof_too_long(content));
}

asio::awaitable<HttpReply> proof(const ControlledDaemon& daemon, asio::any_io_executor reader,
                                 HttpRequest& request) {
  bool content = false, as_tlog_proof = false;
  for (const auto& [name, value] : request.target.query) {
    const bool is_content = name == "content" && (value == "true" || value == "false");
    const bool is_format = name == "format" && (value == "proof" || value == "tlog-proof");
    if (!is_content && !is_format) {
      co_return problem(400,
                        "the query may be content=true or content=false, format=proof or "
                        "format=tlog-proof, and nothing else");
    }
    (is_content ? content : as_tlog_proof) = value == "true" || value == "tlog-proof";
  }
  if (content && !RoleSet{Role::reader}.meets(request.caller->roles)) {
    co_return problem(403, "a record's content needs the role reader");
  }
  Asked asked = asked_index(daemon, request);
  if (asked.refusal) co_return std::move(*asked.refusal);
  const auto anchor = daemon.anchorer.newest_counter_anchor();
  if (!anchor || anchor->statement.tree.size <= asked.index) {
    co_return busy("no counter anchor covers this record yet", kRetryAnchor_s);
  }
  if (as_tlog_proof && !daemon.signer.key()) co_return busy(kNoCheckpointKey, kRetryAnchor_s);
  std::function<HttpReply()> read = [&daemon, index = asked.index, anchor = *anchor, content,
                                     as_tlog_proof] {
    auto proof = prove_record(daemon.sequencer.store(), anchor, index, content);
    if (!proof) return problem(kErased, "the content of this record was erased");
    if (as_tlog_proof) return tlog_reply(daemon, *std::move(proof), anchor.statement.tree);
    const attest::Bytes bytes = attest::encode(*proof);
    return HttpReply{200, "application/octet-stream", std::string(bytes.begin(), bytes.end())};
  };
  co_return co_await give_out(daemon, reader, request, read);
}

}  // namespace

asio::awaitable<HttpReply> give_out(const ControlledDaemon& daemon, asio::any_io_executor reader,
                                    const HttpRequest& request, std::function<HttpReply()>& read) {
  HttpReply reply;
  std::optional<std::string> damaged;
  try {
    reply = co_await away(reader, read);
  } catch (const storage::Damage& damage) {
    damaged = damage.what();
  }
  AccessOutcome outcome;
  if (damaged) {
    reply = problem(500, *damaged + "; stele-verify says what it means");
    outcome = AccessOutcome::refused(RefusalCause::log_damaged);
  } else if (reply.status == kErased) {
    outcome = AccessOutcome::refused(RefusalCause::content_erased);
  } else if (reply.status == kTooLong) {
    outcome = AccessOutcome::refused(RefusalCause::proof_too_long);
  }
  const json::object asked = access_text(request);
  const AccessRecorded recorded = co_await record_access(daemon.sequencer, asked, outcome);
  if (!recorded.trouble.empty()) co_return busy(recorded.trouble, kRetryRecord_s);
  co_return reply;
}

json::object access_text(const HttpRequest& request) {
  std::string target = request.target.path;
  for (const auto& [name, value] : request.target.query) {
    target += (target.find('?') == std::string::npos ? "?" : "&") + name + "=" + value;
  }
  return {{"caller", json::parse(request.caller->source)},
          {"request", json::object{{"method", request.method}, {"target", target}}}};
}

void add_record_routes(RouteTable& routes, const ControlledDaemon& daemon,
                       asio::any_io_executor reader) {
  routes.add(
      {"GET", "/v1/events/{index}", {Role::reader}, 0, [&daemon, reader](HttpRequest& request) {
         return record(daemon, reader, request);
       }});
  routes.add({"GET",
              "/v1/events/{index}/proof",
              {Role::reader, Role::auditor},
              0,
              [&daemon, reader](HttpRequest& request) { return proof(daemon, reader, request); }});
}

}  // namespace stele::daemon
