#include "daemon/http/events.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "attest/failpoint.h"
#include "daemon/http/body_room.h"
#include "daemon/log.h"
#include "storage/damage.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// A full queue empties within a sync or two; whoever waits longer had better come again.
constexpr auto kRoomLimit = 5s;

Signal::Time after(std::chrono::milliseconds duration) {
  return std::chrono::steady_clock::now() + duration;
}

std::string refusals(const BodyEvents& found, std::uint32_t limit) {
  return std::to_string(found.refused.size()) + " refused: longer than limits.max_event_bytes, " +
         std::to_string(limit) + " bytes";
}

}  // namespace

EventIntake::EventIntake(const Config& config, asio::any_io_executor executor, Sequencer& sequencer)
    : config_(config), executor_(std::move(executor)), sequencer_(sequencer) {
  try {
    recent_.rebuild(sequencer.store(), read_clocks().wall_ns);
  } catch (const storage::Damage& damage) {
    // Not a reason to take nothing in; the verdict on the log is not ours.
    log(Priority::error, std::string("the newest records cannot be read, so idempotency keys of "
                                     "before this start may be forgotten: ") +
                             damage.what() + "; stele-verify says what it means");
  }
}

asio::awaitable<HttpReply> EventIntake::take(HttpRequest& request) {
  Understood understood;
  if (auto refusal = understand(request, understood)) {
    refused += understood.found.refused.size();
    co_return std::move(*refusal);
  }
  if (understood.id) {
    if (auto taking = known(*understood.id)) {
      if (taking->id->request != understood.id->request) {
        co_return problem(
            422, "this Idempotency-Key stands for another body: give each request its own");
      }
      ++repeated;
      request.body = {};  // nothing of it is taken in
      request.being_received.reset();
      co_return co_await answer(std::move(taking), understood, true);
    }
  }
  const SequencerStatus status = sequencer_.status();
  if (status.failed) co_return busy("writing failed: the daemon is ending", 30);
  if (status.disk_full) co_return busy("the disk is full: nothing is taken until it has room", 5);
  auto taking = std::make_shared<Taking>();
  taking->id = understood.id;
  taking->count = understood.found.events.size();
  if (taking->id) under_way_.emplace(taking->id->key, taking);
  co_await submit(request, understood, taking);
  request.being_received.reset();
  co_return co_await answer(std::move(taking), understood, false);
}

std::optional<HttpReply> EventIntake::understand(HttpRequest& request, Understood& out) const {
  for (const auto& [name, value] : request.target.query) {
    if (name != "wait" || (value != "durable" && value != "sealed")) {
      return problem(400, "the query may be wait=durable or wait=sealed and nothing else");
    }
    out.wait_sealed = value == "sealed";
  }
  const auto packing = packing_of(request.header("content-encoding"));
  if (!packing) {
    HttpReply reply = problem(415, "Content-Encoding may be gzip, zstd, or none");
    reply.headers.emplace_back("Accept-Encoding", "gzip, zstd");
    return reply;
  }
  std::optional<std::string> key;
  if (request.headers.contains("idempotency-key")) {
    key = parse_idempotency_key(request.header("idempotency-key"));
    if (!key) {
      return problem(400, "Idempotency-Key: 1 to 255 visible ASCII characters without \" and \\");
    }
  }
  if (*packing != Packing::none) {
    auto body = unpack(*packing, request.body, config_.http_max_body_bytes);
    if (!body) {
      const bool too_long = body.error().fault == attest::Fault::value_out_of_range;
      return problem(too_long ? 413 : 400, "the body: " + body.error().detail);
    }
    const std::size_t packed = request.body.size();
    request.body = std::move(*body);
    const std::size_t more = std::max(request.body.size(), packed) - packed;
    if (request.being_received && !request.being_received->add(more)) return no_room_for_body();
  }
  const bool lines = is_lines(request.header("content-type"));
  if (auto refusal = understand_body(request, out, lines)) return refusal;
  if (key) {
    out.id = idempotent_request(request.caller->name, *key, lines, request.body,
                                static_cast<std::uint32_t>(out.found.events.size()));
  }
  return std::nullopt;
}

std::optional<HttpReply> EventIntake::understand_body(HttpRequest& request, Understood& out,
                                                      bool lines) const {
  auto found = split_body(lines, request.body, config_.max_event_bytes, kMaxWholeBatchRecords);
  if (!found) {
    return problem(413, "more than " + std::to_string(kMaxWholeBatchRecords) +
                            " events: a request becomes durable whole, send several");
  }
  out.found = std::move(*found);
  if (!out.found.events.empty()) return std::nullopt;
  if (out.found.refused.empty()) return problem(400, "there is no line, so no event, in the body");
  return problem(413, refusals(out.found, config_.max_event_bytes));
}

// What has the same key: under way, or in its place.
std::shared_ptr<EventIntake::Taking> EventIntake::known(const IdempotentRequest& id) const {
  const auto waiting = under_way_.find(id.key);
  if (waiting != under_way_.end()) return waiting->second;
  const auto placed = recent_.find(id.key, read_clocks().wall_ns);
  if (!placed) return nullptr;
  auto taking = std::make_shared<Taking>();
  taking->id = {id.key, placed->request, placed->count};
  taking->first = placed->first;
  taking->count = placed->count;
  taking->placed = true;
  return taking;
}

Batch EventIntake::make_batch(HttpRequest& request, const Understood& understood) const {
  Batch batch;
  batch.clocks = read_clocks();
  batch.source = {request.caller, &request.caller->source};
  batch.bytes = std::move(request.body);
  batch.items.reserve(understood.found.events.size());
  for (const Framed& event : understood.found.events) {
    batch.items.push_back({attest::Kind::event, event.offset, event.length, batch.clocks->wall_ns});
  }
  if (understood.id) {
    const attest::Bytes tlv = encode_tlv(*understood.id);
    batch.items.front().tlv_offset = static_cast<std::uint32_t>(batch.bytes.size());
    batch.items.front().tlv_length = static_cast<std::uint32_t>(tlv.size());
    batch.bytes.insert(batch.bytes.end(), tlv.begin(), tlv.end());
  }
  return batch;
}

// Waits for room in the queue; then the events are on their way, whatever becomes of the client.
asio::awaitable<void> EventIntake::submit(HttpRequest& request, const Understood& understood,
                                          std::shared_ptr<Taking> taking) {
  const auto self = shared_from_this();
  const std::size_t body_bytes = request.body.size();
  Batch batch = make_batch(request, understood);
  batch.placed = [self, taking, time_ns = batch.clocks->wall_ns](std::uint64_t first) {
    asio::post(self->executor_,
               [self, taking, first, time_ns] { self->placed(taking, first, time_ns); });
  };
  batch.dropped = [self, taking] {
    asio::post(self->executor_, [self, taking] {
      self->dropped += taking->count;
      self->give_up(taking, busy("the events were dropped and recorded as lost, for want of room: "
                                 "[on] says so; send them again when there is room",
                                 30));
    });
  };
  const Time deadline = after(kRoomLimit);
  while (!hand_on(batch)) {
    if (!co_await room_.wait_until(deadline)) {
      give_up(taking, busy("the queue is full: events come in faster than the disk takes them", 1));
      co_return;
    }
  }
  events += understood.found.events.size();
  refused += understood.found.refused.size();
  bytes += body_bytes;
}

// One stands in the queue's line for all of them: it keeps whoever it is given.
bool EventIntake::hand_on(Batch& batch) {
  std::function<void()> room;
  if (!stands_in_line_) {
    room = [self = shared_from_this()] {
      asio::post(self->executor_, [self] {
        self->stands_in_line_ = false;
        self->room_.notify();
      });
    };
  }
  if (sequencer_.submit(std::move(batch), std::move(room))) return true;
  stands_in_line_ = true;
  return false;
}

void EventIntake::placed(const std::shared_ptr<Taking>& taking, std::uint64_t first,
                         std::int64_t time_ns) {
  FAILPOINT("http.placed");  // durable, and nobody has been told
  taking->placed = true;
  taking->first = first;
  if (taking->id) {
    recent_.remember(*taking->id, first, time_ns);
    under_way_.erase(taking->id->key);
  }
  taking->changed.notify();
}

void EventIntake::give_up(const std::shared_ptr<Taking>& taking, HttpReply reply) {
  taking->failed = std::move(reply);
  if (taking->id) under_way_.erase(taking->id->key);
  taking->changed.notify();
}

asio::awaitable<HttpReply> EventIntake::answer(std::shared_ptr<Taking> taking,
                                               const Understood& understood, bool again) {
  const Time deadline = after(config_.http_answer_time);
  // The waits stand alone: g++ 12 takes one on the right of && whatever stands on the left.
  for (bool in_time = true; in_time && !taking->placed && !taking->failed;) {
    in_time = co_await taking->changed.wait_until(deadline);
  }
  if (taking->failed) co_return *taking->failed;
  if (!taking->placed) {
    co_return busy(
        "the events are taken but not yet durable: ask again with the same "
        "Idempotency-Key, or they may be there twice",
        5);
  }
  const std::uint64_t next = taking->first + taking->count;
  for (bool in_time = true; in_time && understood.wait_sealed && sealed_size_ < next;) {
    in_time = co_await sealed_changed_.wait_until(deadline);
  }
  std::string line =
      acknowledgement(taking->first, next, understood.found.refused, config_.max_event_bytes);
  line.resize(line.rfind('}'));
  if (again) line += ",\"repeated\":true";
  const bool sealed = sealed_size_ >= next;
  if (understood.wait_sealed) line += sealed ? ",\"sealed\":true" : ",\"sealed\":false";
  co_return json_reply(understood.wait_sealed && !sealed ? 202 : 200, line + "}\n");
}

void EventIntake::sealed(std::uint64_t size) {
  asio::post(executor_, [self = shared_from_this(), size] {
    self->sealed_size_ = size;
    self->sealed_changed_.notify();
  });
}

}  // namespace stele::daemon
