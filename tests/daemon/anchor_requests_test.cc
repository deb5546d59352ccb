// Goal: the queue before the anchorer's thread is bounded, loses nothing it took, and takes nothing
// after its end.
// Method: one thread, except where waking is the point; there the waiter is joined, not timed.
#include "daemon/anchor_requests.h"

#include <gtest/gtest.h>

#include <thread>

namespace stele::daemon {
namespace {

AnchorRequest counting(int& count) {
  return {[&count](AnchorOutcome) { ++count; }};
}

TEST(AnchorRequests, RefusesMoreThanItsLimitAndTakesAgainWhenThereIsRoom) {
  AnchorRequests requests;
  int count = 0;
  for (std::size_t i = 0; i < kMaxAnchoringRequests; ++i) {
    ASSERT_EQ(requests.push(counting(count)), AnchorRequests::Push::taken);
  }
  EXPECT_EQ(requests.push(counting(count)), AnchorRequests::Push::full);
  ASSERT_TRUE(requests.take());
  EXPECT_EQ(requests.push(counting(count)), AnchorRequests::Push::taken);
}

TEST(AnchorRequests, GivesEachRequestOnceAndInOrder) {
  AnchorRequests requests;
  for (std::uint8_t i = 0; i < 3; ++i) {
    attest::Hash nonce;
    nonce.bytes[0] = i;
    requests.push(AnswerRequest{nonce, {}});
  }
  for (std::uint8_t i = 0; i < 3; ++i) {
    const auto request = requests.take();
    ASSERT_TRUE(request);
    EXPECT_EQ(std::get<AnswerRequest>(*request).nonce.bytes[0], i);
  }
  EXPECT_FALSE(requests.take());
}

TEST(AnchorRequests, TakesNothingAfterItsEndButGivesOutWhatItHad) {
  AnchorRequests requests;
  int count = 0;
  requests.push(counting(count));
  requests.close();
  EXPECT_EQ(requests.push(counting(count)), AnchorRequests::Push::closed);
  EXPECT_TRUE(requests.take());
  EXPECT_TRUE(requests.closed());
}

TEST(AnchorRequests, TellsOfNewRecordsOnceHoweverManyThereWere) {
  AnchorRequests requests;
  EXPECT_FALSE(requests.take_new_records());
  requests.new_records();
  requests.new_records();
  EXPECT_TRUE(requests.take_new_records());
  EXPECT_FALSE(requests.take_new_records());
}

TEST(AnchorRequests, WakesAWaiterForARequestForNewRecordsAndForTheEnd) {
  const auto forever = AnchorRequests::Time::max();
  int count = 0;
  const std::function<void(AnchorRequests&)> causes[] = {
      [&](AnchorRequests& requests) { requests.push(counting(count)); },
      [](AnchorRequests& requests) { requests.new_records(); },
      [](AnchorRequests& requests) { requests.close(); }};
  for (const auto& cause : causes) {
    AnchorRequests requests;
    std::thread waiter([&] { requests.wait_until(forever, true); });
    cause(requests);
    waiter.join();
  }
}

}  // namespace
}  // namespace stele::daemon
