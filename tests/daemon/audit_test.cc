// Goal: of auditd's stream every record is kept, once, with the others of its event; what is
// missing among the kernel's numbers is a gap record with its count, and nothing else is
// (family 67). Method: the outside logs, in both formats and cut at every byte; lives made from a
// fixed seed, with events lost, overtaking each other, over the counter's turn and reboots.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "daemon/ingest/audit_events.h"
#include "daemon/ingest/audit_stream.h"
#include "tests/support/vectors.h"

namespace stele::daemon {
namespace {

using Time = AuditEvents::Time;
using std::chrono::seconds;

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  EXPECT_FALSE(lines.empty()) << file;
  return lines;
}

std::string frame(std::uint32_t version, std::uint32_t type, const std::string& data, bool padded) {
  const std::uint32_t header[] = {version, 16, type, static_cast<std::uint32_t>(data.size())};
  std::string out(reinterpret_cast<const char*>(header), sizeof header);
  out += data;
  if (padded) out.resize(16 + AuditStream::kPaddedBytes, '\0');
  return out;
}

std::vector<std::string> taken(const std::string& stream, std::size_t piece) {
  AuditStream audit;
  std::vector<std::string> lines;
  const auto on_line = [&](std::string_view line) { lines.emplace_back(line); };
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    EXPECT_TRUE(audit.take(attest::view(stream.substr(at, piece)), on_line));
  }
  audit.finish(on_line);
  return lines;
}

TEST(AuditStream, BothFormatsGiveTheSameLinesHoweverTheyAreCut) {
  STELE_VECTORS_OR_SKIP(folder, "logs/auditd/go-libaudit");
  const std::vector<std::string> lines = lines_of(folder / "testdata/normal.log");
  std::string string, padded, compact;
  for (const std::string& line : lines) {
    string += line + "\n";
    padded += frame(1, 1300, line, true);
    compact += frame(1, 1300, line, false);
  }
  for (std::size_t piece = 1; piece <= string.size(); piece += piece < 300 ? 1 : 97) {
    EXPECT_EQ(taken(string, piece), lines) << piece;
    EXPECT_EQ(taken(compact, piece), lines) << piece;
  }
  for (const std::size_t piece : {1u, 15u, 16u, 17u, 4096u, 8985u, 8986u, 8987u, 9002u, 200'000u}) {
    EXPECT_EQ(taken(padded, piece), lines) << piece;
  }
}

TEST(AuditStream, WhatAuditdLeftUnformattedBecomesALineAsItWritesIt) {
  EXPECT_EQ(taken(frame(0, 1300, "audit(1.002:3): a=1", true), 7),
            std::vector<std::string>{"type=SYSCALL msg=audit(1.002:3): a=1"});
  EXPECT_EQ(taken(frame(0, 1999, "audit(1.002:3): a=1", true), 7),
            std::vector<std::string>{"type=UNKNOWN[1999] msg=audit(1.002:3): a=1"});
}

TEST(AuditStream, AHeaderThatIsNoneEndsTheStreamAndALongLineIsGivenInPieces) {
  AuditStream audit;
  const auto ignore = [](std::string_view) {};
  EXPECT_FALSE(audit.take(attest::view(std::string(16, '\0')), ignore));
  const std::string line(AuditStream::kMaxLineBytes + 10, 'x');
  const auto pieces = taken(line + "\nnext\n", 1000);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0] + pieces[1], line);
  EXPECT_EQ(pieces[2], "next");
}

TEST(AuditRecord, AStampIsReadOrTheLineIsNone) {
  const auto stamp =
      parse_audit_stamp("node=web type=SYSCALL msg=audit(1492037289.295:58): arch=c");
  ASSERT_TRUE(stamp);
  EXPECT_EQ(stamp->node, "web");
  EXPECT_EQ(stamp->type, "SYSCALL");
  EXPECT_EQ(stamp->time_ns, 1'492'037'289'295'000'000);
  EXPECT_EQ(stamp->serial, 58u);
  for (const char* line :
       {"", "type=", "type=X msg=audit(1.000:2)",
        "type=X msg=audit(1.1000:2): ", "type=X msg=audit(1.5:2): ", "type=X msg=audit(1.000:4294967296): ",
        "type=X msg=audit(9223372036.000:1): ", "node= type=X msg=audit(1.000:2): ",
        "type= msg=audit(1.000:2): ", "x=1 msg=audit(1.0:2): ", "type=X msg=audit(-1.000:2): "}) {
    EXPECT_FALSE(parse_audit_stamp(line)) << line;
  }
}

struct ToldOfAudit {
  std::vector<std::string> events;
  std::vector<attest::Gap> gaps;
  std::vector<std::string> positions;
  std::uint64_t lost = 0;
};

ToldOfAudit told(const std::vector<AuditItem>& items) {
  ToldOfAudit out;
  for (const AuditItem& item : items) {
    if (!item.is_gap) {
      out.events.push_back(item.content);
      out.positions.push_back(item.position);
      continue;
    }
    out.gaps.push_back(attest::decode_gap(attest::view(item.content)).value());
    out.lost += out.gaps.back().lost;
  }
  return out;
}

ToldOfAudit joined(const std::vector<std::string>& lines) {
  AuditEvents events(1 << 20);
  std::vector<AuditItem> items;
  for (const std::string& line : lines) events.take(line, Time{}, items);
  events.finish(items);
  events.expire(Time{} + seconds(60), items);
  return told(items);
}

// Lines by stamp, in the order of their first lines.
std::vector<std::string> by_stamp(const std::vector<std::string>& lines) {
  std::vector<std::string> order;
  std::map<std::string, std::string> events;
  for (const std::string& line : lines) {
    const std::size_t begin = line.find("audit(");
    const std::string stamp = line.substr(begin, line.find(')') - begin);
    if (events.contains(stamp)) {
      events[stamp] += "\n" + line;
    } else {
      order.push_back(stamp);
      events[stamp] = line;
    }
  }
  std::vector<std::string> out;
  for (const std::string& stamp : order) out.push_back(events[stamp]);
  return out;
}

TEST(AuditEvents, EveryLineOfTheOutsideLogsIsKeptInItsEvent) {
  STELE_VECTORS_OR_SKIP(folder, "logs/auditd/go-libaudit");
  for (const char* file : {"testdata/normal.log", "testdata/out_of_order.log"}) {
    const auto lines = lines_of(folder / file);
    const ToldOfAudit result = joined(lines);
    EXPECT_EQ(result.events, by_stamp(lines)) << file;
    EXPECT_EQ(result.lost, 0u) << file;
  }
  for (const char* name :
       {"test2", "test3", "audit-rhel6", "audit-ubuntu14", "audit-ubuntu16", "audit-ubuntu17"}) {
    const auto lines = lines_of(folder / "auparse/testdata" / (std::string(name) + ".log"));
    std::multiset<std::string> expected, found;
    for (const std::string& event : by_stamp(lines)) expected.insert(event);
    for (const std::string& event : joined(lines).events) found.insert(event);
    EXPECT_EQ(found, expected) << name;
  }
}

std::string record(std::uint64_t serial, std::int64_t second, const std::string& type = "SYSCALL",
                   const std::string& rest = "a=1") {
  return "type=" + type + " msg=audit(" + std::to_string(second) +
         ".000:" + std::to_string(serial) + "): " + rest;
}

TEST(AuditEvents, AnEventEndsWithItsEoeOrItsPatience) {
  AuditEvents events(1 << 20);
  std::vector<AuditItem> items;
  events.take(record(7, 1), Time{}, items);
  events.take(record(8, 1), Time{}, items);
  events.take(record(7, 1, "PATH"), Time{}, items);
  EXPECT_TRUE(items.empty());
  events.take(record(7, 1, "EOE", ""), Time{}, items);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].content, record(7, 1) + "\n" + record(7, 1, "PATH"));
  EXPECT_EQ(items[0].position, "9:8") << "8 is under way";
  events.expire(Time{} + seconds(1), items);
  EXPECT_EQ(items.size(), 1u);
  events.expire(Time{} + seconds(2), items);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[1].content, record(8, 1));
  EXPECT_EQ(items[1].position, "9");
  EXPECT_FALSE(events.waits());
  events.take(record(9, 1, "USER_LOGIN"), Time{}, items);
  EXPECT_EQ(items.size(), 3u) << "it stands alone";
  events.take("no record at all", Time{}, items);
  events.take("type=DAEMON_START msg=audit(5.000:9999): op=start", Time{}, items);
  ASSERT_EQ(items.size(), 5u);
  EXPECT_TRUE(std::none_of(items.begin(), items.end(), [](const auto& i) { return i.is_gap; }));
}

TEST(AuditEvents, TheTableIsBoundedAndLosesNothing) {
  AuditEvents events(1000);
  std::vector<AuditItem> items;
  std::size_t fed = 0;
  for (std::uint64_t serial = 1; serial <= 5000; ++serial) {
    for (int i = 0; i < 3; ++i) {
      const std::string line = record(serial, 1, "PATH", std::string(400, 'x'));
      fed += line.size();
      events.take(line, Time{}, items);
    }
  }
  EXPECT_GE(items.size(), 5000u - AuditEvents::kMaxOpen);
  events.finish(items);
  std::size_t kept = 0;
  for (const AuditItem& item : items) {
    EXPECT_LE(item.content.size(), 1000u);
    kept += item.content.size() -
            static_cast<std::size_t>(std::count(item.content.begin(), item.content.end(), '\n'));
  }
  EXPECT_EQ(kept, fed);
}

// A record that stands alone, of this node.
std::string alone(std::size_t node, std::uint64_t serial) {
  return "node=n" + std::to_string(node) + " type=USER_LOGIN msg=audit(100.000:" +
         std::to_string(serial) + "): x";
}

TEST(AuditEvents, ThatThereAreMoreNodesThanAreFollowedIsRecordedOnce) {
  AuditEvents events(1 << 20);
  std::vector<AuditItem> out;
  const Time now = Time() + seconds(100);
  const auto gaps = [&] {
    std::vector<std::string> contents;
    for (const AuditItem& one : out) {
      if (one.is_gap) contents.push_back(one.content);
    }
    return contents;
  };
  for (std::size_t node = 0; node < AuditEvents::kMaxNodes; ++node) {
    events.take(alone(node, 7), now, out);
    events.take(alone(node, 8), now, out);
  }
  EXPECT_TRUE(gaps().empty()) << "as many as are followed are no reason";
  EXPECT_EQ(events.unfollowed(), 0u);
  events.take(alone(AuditEvents::kMaxNodes, 7), now, out);
  EXPECT_EQ(gaps(), (std::vector<std::string>{R"({"lost":0,"reason":"audit_node_unfollowed"})"}));
  EXPECT_TRUE(out[out.size() - 2].is_gap) << "before the first event of which that holds";
  events.take(alone(AuditEvents::kMaxNodes + 1, 7), now, out);
  events.take(alone(AuditEvents::kMaxNodes, 9), now, out);
  EXPECT_EQ(gaps().size(), 1u);
  EXPECT_EQ(events.unfollowed(), 3u);
  EXPECT_EQ(out.size(), 2 * AuditEvents::kMaxNodes + 3 + 1) << "every record is kept";
  // Those that were there first are followed on.
  events.take(alone(3, 10), now, out);
  events.expire(now + seconds(60), out);
  EXPECT_EQ(gaps().back(), encode(attest::Gap{1, "audit_serial_gap",
                                              attest::GapSpan{100'000'000'000, 100'000'000'000}}));
}

TEST(AuditEvents, WhatTheKernelSaysItLostIsRecordedOnce) {
  const auto config = [](std::uint64_t serial, const std::string& rest) {
    return record(serial, 1, "CONFIG_CHANGE", rest);
  };
  const ToldOfAudit result = joined(
      {config(1, "op=set lost=0 old=0 auid=0"), config(2, "op=set lost=0 old=17 auid=0 res=1"),
       config(3, "op=set lost=0 old=5 auid=0 res=1"), config(4, "op=set lost=0 old=6 auid=0"),
       record(5, 1, "USER_CMD", "msg='cmd= op=set lost=0 old=99'")});
  std::vector<std::uint64_t> counts;
  for (const attest::Gap& gap : result.gaps) {
    EXPECT_EQ(gap.reason, "audit_kernel_lost");
    counts.push_back(gap.lost);
  }
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{17, 5, 6}));
}

TEST(AuditSerials, APositionIsWhatALaterLifeGoesOnFrom) {
  AuditEvents first(1 << 20);
  std::vector<AuditItem> items;
  for (const std::uint64_t serial : {100u, 101u, 105u}) {
    first.take(record(serial, 1, "USER_CMD"), Time{}, items);
  }
  EXPECT_EQ(items.back().position, "106:102-104");
  // 103 was under way; 106 to 109 came while nobody listened.
  AuditEvents second(1 << 20);
  ASSERT_TRUE(second.resume(items.back().position, 2'000'000'000, Time{}));
  items.clear();
  second.take(record(103, 1, "USER_CMD"), Time{}, items);
  second.take(record(110, 3, "USER_CMD"), Time{}, items);
  second.expire(Time{} + seconds(10), items);
  const ToldOfAudit result = told(items);
  std::vector<std::uint64_t> counts;
  for (const attest::Gap& gap : result.gaps) counts.push_back(gap.lost);
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{1, 1, 4})) << "102, 104, 106-109";
  EXPECT_EQ(items.back().position, "111") << "a third life counts none of them again";
  for (const char* none : {"", "0", "5:", "5:7", "5:3-2", "5:1,", "x", "5:1-", "5 "}) {
    EXPECT_FALSE(AuditEvents(1).resume(none, 0, Time{})) << none;
  }
}

// One life of a host: what it gives to auditd, and what must be recorded about it.
struct Life {
  std::vector<std::string> lines;
  std::vector<std::string> events;  // that came through
  std::uint64_t lost = 0;
};

Life live(std::mt19937& random, std::uint64_t serial, std::int64_t& second) {
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  struct Piece {
    std::uint64_t order;
    std::string line;
  };
  std::vector<Piece> pieces;
  Life life;
  const auto losing = static_cast<unsigned>(random() % 3 * 10);
  const std::size_t count = 20 + random() % 100;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t own = (serial + i) % (std::uint64_t{1} << 32);
    if (chance(20)) ++second;
    // The first and the last come through: beyond them nobody can know.
    if (i > 0 && i + 1 < count && chance(losing)) {
      ++life.lost;
      continue;
    }
    std::string text;
    const bool single = chance(30);
    const int parts = single ? 1 : static_cast<int>(1 + random() % 4);
    const std::int64_t began = second - (chance(10) ? 3 : 0);  // a system call that took long
    std::uint64_t order = i * 10;
    for (int part = 0; part < parts; ++part) {
      const std::string line =
          record(own, began, single ? "USER_CMD" : "PATH", "part=" + std::to_string(part));
      text += (part == 0 ? "" : "\n") + line;
      const bool is_edge = i == 0 || i + 1 == count;
      order += is_edge ? 0 : random() % 20;  // others come between, and overtake
      pieces.push_back({order, line});
    }
    if (!single) pieces.push_back({order + 1, record(own, began, "EOE", "")});
    life.events.push_back(text);
  }
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.order < b.order; });
  for (const Piece& piece : pieces) life.lines.push_back(piece.line);
  return life;
}

TEST(AuditSerials, GapRecordsEqualWhatWasLost) {
  std::mt19937 random(67);
  std::uint64_t injected = 0, lost = 0, false_alarms = 0, missed = 0, reboots = 0, turns = 0;
  for (int host = 0; host < 600; ++host) {
    AuditEvents events(1 << 20);
    std::vector<AuditItem> items;
    std::vector<std::string> expected;
    std::uint64_t expected_lost = 0;
    std::int64_t second = 1'700'000'000;
    std::uint64_t first =
        host % 3 == 0 ? (std::uint64_t{1} << 32) - 1 - random() % 60 : 1000 + random() % 100'000;
    turns += host % 3 == 0;
    // Another kernel just at the turn looks like the turn; the boot id tells for our own host.
    const int lives = host % 3 == 0 ? 1 : 1 + static_cast<int>(random() % 3);
    for (int life = 0; life < lives; ++life) {
      const Life one = live(random, first, second);
      const Time now = Time{} + seconds(second - 1'700'000'000);
      for (const std::string& line : one.lines) events.take(line, now, items);
      expected.insert(expected.end(), one.events.begin(), one.events.end());
      expected_lost += one.lost;
      injected += one.lost;
      first = 1 + random() % 15;  // the next kernel begins anew, after a while
      second += 60;
      reboots += life > 0;
    }
    events.finish(items);
    events.expire(Time{} + seconds(1'000'000), items);
    ToldOfAudit result = told(items);
    std::sort(expected.begin(), expected.end());
    std::sort(result.events.begin(), result.events.end());
    lost += result.events != expected;
    if (result.lost > expected_lost) ++false_alarms;
    if (result.lost < expected_lost) ++missed;
    EXPECT_EQ(result.lost, expected_lost) << "host " << host;
  }
  EXPECT_EQ(lost + false_alarms + missed, 0u);
  EXPECT_GT(injected, 1000u);
  EXPECT_GT(reboots, 100u);
  EXPECT_EQ(turns, 200u);
  std::cout << "family 67: injected " << injected << ", lost " << lost << ", false alarms "
            << false_alarms << ", missed " << missed << " (serials lost on 600 hosts; " << reboots
            << " reboots and " << turns << " turns of the counter are no gap)\n";
}

}  // namespace
}  // namespace stele::daemon
