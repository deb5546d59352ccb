// Goal: an event is critical exactly when one event holds a whole pattern. Method: batches as
// connections make them, with bytes between the events; every cut of a pattern over two events.
#include "daemon/critical_events.h"

#include <gtest/gtest.h>

#include "daemon/config.h"

namespace stele::daemon {
namespace {

// As frame=lf leaves them: the line ends stay between the events.
Batch critical_batch(const std::vector<std::string>& events,
                     attest::Kind kind = attest::Kind::event) {
  Batch batch;
  for (const std::string& event : events) {
    batch.items.push_back({kind, static_cast<std::uint32_t>(batch.bytes.size()),
                           static_cast<std::uint32_t>(event.size()), 0});
    batch.bytes.insert(batch.bytes.end(), event.begin(), event.end());
    batch.bytes.push_back('\n');
  }
  return batch;
}

TEST(CriticalEvents, ArePatternsAnywhereInAnEvent) {
  const CriticalEvents critical({"sudo", std::string("\0\xff\n.", 4)});
  EXPECT_TRUE(critical.are_in(critical_batch({"a", "sudo", "b"})));
  EXPECT_TRUE(critical.are_in(critical_batch({"by sudo: root"})));
  EXPECT_TRUE(critical.are_in(critical_batch({"ends with sudo"})));
  EXPECT_TRUE(critical.are_in(critical_batch({std::string("any \0\xff\n. bytes", 14)})));
  EXPECT_FALSE(critical.are_in(critical_batch({"a", "Sudo", "sud", "", "o"})));
  EXPECT_FALSE(critical.are_in(critical_batch({""})));
  EXPECT_FALSE(critical.are_in(Batch()));
}

TEST(CriticalEvents, NeverReachFromOneEventIntoTheNext) {
  const std::string pattern = "ab\ncd";  // holds the line end that lies between two events
  const CriticalEvents critical({pattern});
  EXPECT_FALSE(critical.are_in(critical_batch({"xab", "cdx"})));
  EXPECT_TRUE(critical.are_in(critical_batch({"xab", "cdx", "xab\ncdx"}))) << "a later one counts";
  for (std::size_t cut = 1; cut < 4; ++cut) {
    Batch batch = critical_batch({"wxyz"});
    batch.items[0].length = static_cast<std::uint32_t>(cut);
    EXPECT_FALSE(CriticalEvents({"wxyz"}).are_in(batch)) << cut;
    batch.items[0] = {attest::Kind::event, static_cast<std::uint32_t>(cut),
                      static_cast<std::uint32_t>(4 - cut), 0};
    EXPECT_FALSE(CriticalEvents({"wxyz"}).are_in(batch)) << cut;
  }
}

TEST(CriticalEvents, AreEventsOnly) {
  EXPECT_FALSE(CriticalEvents({"sudo"}).are_in(critical_batch({"sudo"}, attest::Kind::access)));
  EXPECT_FALSE(CriticalEvents(Config().critical_events).are_in(critical_batch({"sudo"})));
}

}  // namespace
}  // namespace stele::daemon
