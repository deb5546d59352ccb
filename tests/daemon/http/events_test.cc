// Goal: a key's request is taken once: while the first is under way, afterwards, and by a daemon
// that reads the log anew; another body, another sender and an old key are told apart. Method: the
// intake over a real store and sequencer whose answers the test holds back. And that a request
// holds no more of what all share than it needs.
#include "daemon/http/events.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>

#include "daemon/http/body_room.h"
#include "tests/daemon/http/gzip.h"
#include "tests/daemon/ingest_bed.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

class Intake : public testing::Test {
 protected:
  explicit Intake(OnTrouble on_disk_low = Config{}.on_disk_low) {
    config_.on_disk_low = on_disk_low;
    buffers_->limit = 1u << 20;
    caller_->source = "{}";
    caller_->name = "one";
    config_.data = scratch_.path().string();
    sequencer_.emplace(test::new_store(storage::posix(), config_.data), config_,
                       answers_.get_executor(), Sequencer::Hooks{});
    intake_ = std::make_shared<EventIntake>(config_, context_.get_executor(), *sequencer_);
  }
  ~Intake() override { sequencer_->drain(); }

  // A request that begins at the next run().
  std::shared_ptr<std::optional<HttpReply>> take(std::shared_ptr<HttpRequest> request) {
    auto reply = std::make_shared<std::optional<HttpReply>>();
    asio::co_spawn(
        context_, [this, request] { return intake_->take(*request); },
        [reply](const std::exception_ptr&, HttpReply got) { *reply = std::move(got); });
    return reply;
  }
  std::shared_ptr<HttpRequest> request(const std::string& body, const std::string& key,
                                       const std::string& sender = "one") {
    auto request = std::make_shared<HttpRequest>();
    request->body.assign(body.begin(), body.end());
    request->headers.emplace("content-type", "application/x-ndjson");
    if (!key.empty()) request->headers.emplace("idempotency-key", key);
    auto caller = std::make_shared<Caller>(*caller_);
    caller->name = sender;
    request->caller = caller;
    return request;
  }
  // As the connection gives it on: its body is counted.
  std::shared_ptr<HttpRequest> counted(const std::string& body, const std::string& key) {
    auto request = this->request(body, key);
    request->being_received = std::make_shared<BodyRoom>(buffers_);
    EXPECT_TRUE(request->being_received->add(body.size()));
    return request;
  }
  std::shared_ptr<std::optional<HttpReply>> post(const std::string& body, const std::string& key,
                                                 const std::string& sender = "one") {
    return take(request(body, key, sender));
  }
  // Until all of them are answered.
  void run(const std::vector<std::shared_ptr<std::optional<HttpReply>>>& replies) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (const auto& reply : replies) {
      while (!*reply && std::chrono::steady_clock::now() < deadline) {
        context_.run_one_for(std::chrono::milliseconds(5));
        answers_.poll();
        answers_.restart();
        context_.restart();
      }
      ASSERT_TRUE(*reply);
    }
  }
  static std::uint64_t first(const HttpReply& reply) {
    return boost::json::parse(reply.body).at("first").to_number<std::uint64_t>();
  }
  static bool repeated(const HttpReply& reply) {
    return boost::json::parse(reply.body).as_object().contains("repeated");
  }
  std::size_t events() const {
    std::size_t count = 0;
    const storage::Store& store = sequencer_->store();
    store.visit(1, store.head().size, [&](const storage::StoredRecord& record) {
      count += record.leaf.kind == attest::Kind::event;
      return true;
    });
    return count;
  }

  test::Scratch scratch_;
  Config config_;
  asio::io_context context_;
  asio::io_context answers_;  // the sequencer's: polled when the test lets it
  std::optional<Sequencer> sequencer_;
  std::shared_ptr<EventIntake> intake_;
  std::shared_ptr<Caller> caller_ = std::make_shared<Caller>();
  std::shared_ptr<BodyBuffers> buffers_ = std::make_shared<BodyBuffers>();
};

TEST_F(Intake, ASecondRequestWaitsForTheFirstAndIsToldTheSame) {
  const auto one = post("a\nb\n", "k");
  const auto two = post("a\nb\n", "k");
  const auto other = post("a\nc\n", "k");
  context_.poll();  // all three have begun; nobody has been told of anything
  context_.restart();
  EXPECT_FALSE(*one);
  EXPECT_FALSE(*two);
  ASSERT_TRUE(*other);
  EXPECT_EQ((*other)->status, 422u);
  run({one, two});
  EXPECT_EQ((*one)->status, 200u);
  EXPECT_EQ(first(**one), first(**two));
  EXPECT_FALSE(repeated(**one));
  EXPECT_TRUE(repeated(**two));
  EXPECT_EQ(events(), 2u);
}

TEST_F(Intake, ADaemonThatReadsTheLogAnewKnowsTheKey) {
  const auto one = post("a\nb\n", "k");
  run({one});
  intake_ = std::make_shared<EventIntake>(config_, context_.get_executor(), *sequencer_);
  const auto again = post("a\nb\n", "k");
  const auto other_body = post("a\n", "k");
  const auto other_sender = post("a\nb\n", "k", "two");
  const auto no_key = post("a\nb\n", "");
  run({again, other_body, other_sender, no_key});
  EXPECT_EQ(first(**again), first(**one));
  EXPECT_TRUE(repeated(**again));
  EXPECT_EQ((*other_body)->status, 422u);
  EXPECT_FALSE(repeated(**other_sender));
  EXPECT_FALSE(repeated(**no_key));
  EXPECT_EQ(events(), 6u);
}

TEST_F(Intake, SealedIsToldWhenSealedAndNotSealedWhenTimeIsUp) {
  config_.http_answer_time = std::chrono::milliseconds(300);
  auto sealed = request("x", "");
  sealed->target.query.emplace("wait", "sealed");
  const auto reply = take(sealed);
  run({reply});
  EXPECT_EQ((*reply)->status, 202u);
  EXPECT_FALSE(boost::json::parse((*reply)->body).at("sealed").as_bool());
}

TEST_F(Intake, ARepeatedRequestHoldsNoRoomWhileItWaits) {
  run({take(counted("a\n", "k"))});
  auto again = counted("a\n", "k");
  again->target.query.emplace("wait", "sealed");
  const auto reply = take(again);
  context_.poll();
  context_.restart();
  EXPECT_FALSE(*reply);
  EXPECT_EQ(buffers_->used, 0u);
  EXPECT_EQ(buffers_->receiving, 0u);
  EXPECT_TRUE(again->body.empty());
  intake_->sealed(100);
  run({reply});
  EXPECT_TRUE(repeated(**reply));
}

TEST_F(Intake, APackedBodyCountsAsUnpacked) {
  buffers_->limit = 100'000;
  const std::string body = std::string(60'000, 'a') + "\n";
  const auto packed = [&] {
    const attest::Bytes bytes = test::gzip(attest::view(body));
    auto request = counted({bytes.begin(), bytes.end()}, "");
    request->headers.emplace("content-encoding", "gzip");
    return request;
  };
  const auto reply = take(packed());
  run({reply});
  EXPECT_EQ((*reply)->status, 200u);
  EXPECT_EQ(buffers_->used, 0u) << "handed on";
  auto held = std::make_shared<BodyRoom>(buffers_);
  ASSERT_TRUE(held->add(50'000));
  const auto refused = take(packed());
  run({refused});
  EXPECT_EQ((*refused)->status, 503u);
  held.reset();
  const auto there_is_room = take(packed());
  run({there_is_room});
  EXPECT_EQ((*there_is_room)->status, 200u);
  EXPECT_EQ(events(), 2u);
}

struct SuspendedIntake : Intake {
  SuspendedIntake() : Intake(OnTrouble::suspend) {}
};

TEST_F(SuspendedIntake, OneStandsInTheQueuesLineForAll) {
  sequencer_->set_disk_low(true);
  std::vector<std::shared_ptr<std::optional<HttpReply>>> replies;
  for (int i = 0; i < 50; ++i) replies.push_back(post("a\n", ""));
  run(replies);
  for (const auto& reply : replies) EXPECT_EQ((*reply)->status, 503u);
  EXPECT_EQ(intake_.use_count(), 2) << "the test's own, and the one that stands in line";
  const auto later = post("b\n", "");
  context_.poll();
  context_.restart();
  EXPECT_FALSE(*later);
  sequencer_->set_disk_low(false);
  run({later});
  EXPECT_EQ((*later)->status, 200u);
  EXPECT_EQ(events(), 1u);
}

TEST(RecentKeys, TheOldestGoesFirstAndTimeEndsThem) {
  RecentKeys keys(2);
  const auto request = [](const char* key) {
    return idempotent_request("sender", key, false, {}, 1);
  };
  constexpr std::int64_t kHour = 3'600'000'000'000;
  keys.remember(request("a"), 1, 0);
  keys.remember(request("b"), 2, kHour);
  EXPECT_EQ(keys.find(request("a").key, kHour)->first, 1u);
  keys.remember(request("c"), 3, kHour);
  EXPECT_FALSE(keys.find(request("a").key, kHour));
  EXPECT_TRUE(keys.find(request("b").key, 25 * kHour));
  EXPECT_FALSE(keys.find(request("b").key, 25 * kHour + 1));
  keys.remember(request("b"), 9, 26 * kHour);
  EXPECT_EQ(keys.find(request("b").key, 26 * kHour)->first, 9u);
  EXPECT_EQ(keys.size(), 2u);
}

TEST(IdempotencyKey, IsVisibleAsciiOfAtMost255AndComesBackFromItsTlv) {
  EXPECT_EQ(parse_idempotency_key("\"a-b\""), "a-b");
  EXPECT_EQ(parse_idempotency_key("a-b"), "a-b");
  EXPECT_TRUE(parse_idempotency_key(std::string(255, 'k')));
  for (const std::string bad : {"", "\"\"", "\"", "a b", "a\"b", "a\\b", "\x7f", "\xc3\xa4"}) {
    EXPECT_FALSE(parse_idempotency_key(bad)) << bad;
  }
  EXPECT_FALSE(parse_idempotency_key(std::string(256, 'k')));
  const auto request = idempotent_request("sender", "key", true, {}, 7);
  EXPECT_EQ(find_idempotent_request(encode_tlv(request)), request);
  EXPECT_TRUE(attest::verify_tlvs(encode_tlv(request)));
  EXPECT_FALSE(find_idempotent_request({}));
  EXPECT_NE(request.key, idempotent_request("sende", "rkey", true, {}, 7).key);
  EXPECT_NE(request.request, idempotent_request("sender", "key", false, {}, 7).request);
}

}  // namespace
}  // namespace stele::daemon
