// Goal: a configuration is taken whole or refused with file:line:column, the key, and what to do.
// Method: texts and files as an operator writes them; messages are compared by their beginning and
// key words.
#include "daemon/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/scratch.h"

namespace stele::daemon {
namespace {

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

// The message that refusing this text gives; empty if it is accepted.
std::string refusal(const std::string& text) {
  Config config;
  try {
    apply_config(config, text, "steled.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

testing::AssertionResult starts(const std::string& text, const std::string& beginning) {
  if (text.starts_with(beginning)) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << '"' << text << "\" does not begin with \"" << beginning << '"';
}

TEST(Config, MappingsOfJsonAreReadAndShownAsTheyWere) {
  Config config;
  apply_config(config, R"(
[[read_out.json]]
format = "door"
when = "/schema"
begins_with = "door/"
actor = ["/who/badge", "/who/name"]
action = "/what"
time = "/when"
[[read_out.json]]
format = "lift"
when = ["/lift", "/elevator"]
)",
               "steled.toml");
  ASSERT_EQ(config.json_mappings.size(), 2u);
  EXPECT_EQ(config.json_mappings[0].signs[0].begins_with, "door/");
  EXPECT_EQ(config.json_mappings[0].pointers[0], (std::vector<std::string>{"/who/badge", "/who/name"}));
  EXPECT_EQ(config.json_mappings[0].pointers[1], std::vector<std::string>{"/what"});
  EXPECT_EQ(config.json_mappings[0].time, std::vector<std::string>{"/when"});
  EXPECT_EQ(config.json_mappings[1].signs[0].pointers.size(), 2u);
  Config again;
  apply_config(again, to_toml(config), "shown");
  EXPECT_EQ(to_toml(again), to_toml(config));
  EXPECT_EQ(again.json_mappings.size(), 2u);
}

TEST(Config, MappingsOfJsonThatCannotBeUsedAreRefused) {
  for (const char* const table :
       {"format = \"x\"", "when = \"/a\"", "format = \"x\"\nwhen = \"a\"",
        "format = \"x\"\nwhen = \"/a\"\nactor = []", "format = \"x\"\nwhen = \"/a~2\"",
        "format = \"x\"\nwhen = \"/a\"\nwho = \"/b\"", "format = 7\nwhen = \"/a\""}) {
    EXPECT_TRUE(starts(refusal(std::string("[[read_out.json]]\n") + table),
                       "steled.toml:1:1: read_out.json must be at most 32 tables"))
        << table << ": " << refusal(std::string("[[read_out.json]]\n") + table);
  }
}

TEST(Config, EveryKeyIsRead) {
  Config config;
  apply_config(config, R"(
data = "/srv/log"
origin = "example.com/log"
[tpm]
tcti = "swtpm:host=127.0.0.1,port=2321"
pcr = 12
[listen.unix]
path = "/tmp/in.sock"
mode = 0o600
[input.audit]
path = "/run/audit.sock"
[input.journal]
enabled = true
directory = "/srv/journal"
namespace = ""
units = ["ssh.service"]
[control]
path = "/tmp/control.sock"
[anchor]
heartbeat = "15min"
quote_interval = 250
burst = 3
refill = "2h"
[on]
tpm_failure = "halt"
disk_low = "suspend"
disk_full = "drop-with-record"
queue_overflow = "halt"
[limits]
disk_low_bytes = "2GiB"
write_patience = "10s"
max_event_bytes = "64KiB"
max_connections = 7
queue_bytes = 2097152
queue_records = 8192
segment_bytes = "1MiB"
[look_up]
enabled = false
)",
               "steled.toml");
  using namespace std::chrono_literals;
  EXPECT_EQ(config.data, "/srv/log");
  EXPECT_EQ(config.origin, "example.com/log");
  EXPECT_EQ(config.tcti, "swtpm:host=127.0.0.1,port=2321");
  EXPECT_EQ(config.pcr, 12);
  EXPECT_EQ(config.listen_unix, "/tmp/in.sock");
  EXPECT_EQ(config.listen_unix_mode, 0600u);
  EXPECT_EQ(config.control_unix, "/tmp/control.sock");
  EXPECT_EQ(config.heartbeat, 15min);
  EXPECT_EQ(config.quote_interval, 250ms);
  EXPECT_EQ(config.anchor_burst, 3u);
  EXPECT_EQ(config.anchor_refill, 2h);
  EXPECT_EQ(config.on_tpm_failure, Config::OnTpmFailure::halt);
  EXPECT_EQ(config.audit_path, "/run/audit.sock");
  EXPECT_TRUE(config.journal);
  EXPECT_EQ(config.journal_directory, "/srv/journal");
  EXPECT_EQ(config.journal_units, std::vector<std::string>{"ssh.service"});
  EXPECT_FALSE(refusal("[input.journal]\nunits = [\"\"]").empty());
  EXPECT_FALSE(refusal("[input.audit]\npath = \"" + std::string(108, 'x') + "\"").empty());
  EXPECT_EQ(config.on_disk_low, OnTrouble::suspend);
  EXPECT_EQ(config.on_disk_full, OnTrouble::drop_with_record);
  EXPECT_EQ(config.on_queue_overflow, OnTrouble::halt);
  EXPECT_EQ(config.disk_low_bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(config.write_patience, 10s);
  EXPECT_TRUE(refusal("[on]\ndisk_full = \"warn\"").find("on.disk_full must be one of") !=
              std::string::npos);
  EXPECT_TRUE(refusal("[on]\nqueue_overflow = \"warn\"").find("drop-with-record") !=
              std::string::npos);
  EXPECT_TRUE(refusal("[on]\ndisk_low = \"warn\"").empty());
  EXPECT_EQ(config.max_event_bytes, 65536u);
  EXPECT_EQ(config.max_connections, 7u);
  EXPECT_EQ(config.queue_bytes, 2097152u);
  EXPECT_EQ(config.queue_records, 8192u);
  EXPECT_EQ(config.segment_bytes, 1u << 20);
  EXPECT_FALSE(config.look_up);
}

TEST(Config, WhatIsShownIsReadBackToTheSame) {
  Config config;
  apply_config(
      config,
      "data = \"/a \\\"b\\\\\"\norigin = \"o\"\n[anchor]\nheartbeat = 90001\n[tpm]\npcr = 14\n",
      "x");
  Config again;
  apply_config(again, to_toml(config), "shown");
  EXPECT_EQ(to_toml(again), to_toml(config));
  EXPECT_EQ(again.data, config.data);
  EXPECT_EQ(again.heartbeat, config.heartbeat);
  EXPECT_EQ(again.pcr, config.pcr);
}

TEST(Config, UnknownKeysAreRefusedWithTheirPlace) {
  EXPECT_TRUE(starts(refusal("\n\nheartbeat = 1\n"),
                     "steled.toml:3:1: unknown key heartbeat; known here: data"));
  EXPECT_TRUE(starts(refusal("[anchor]\n  hartbeat = 1\n"),
                     "steled.toml:2:3: unknown key anchor.hartbeat; known here: anchor.heartbeat"));
  EXPECT_TRUE(
      starts(refusal("[listen.pigeon]\nport = 1\n"), "steled.toml:1:9: unknown key listen.pigeon"));
  EXPECT_TRUE(starts(refusal("\"anchor.heartbeat\" = \"1h\"\n"), "steled.toml:1:1: unknown key"));
}

TEST(Config, WrongTypesAreRefusedWithWhatIsAllowed) {
  EXPECT_TRUE(starts(refusal("data = 1\n"), "steled.toml:1:8: data must be a path"));
  EXPECT_TRUE(starts(refusal("[look_up]\nenabled = \"yes\"\n"),
                     "steled.toml:2:11: look_up.enabled must be true or false"));
  EXPECT_TRUE(
      starts(refusal("anchor = 3\n"), "steled.toml:1:1: anchor is a table; write [anchor]"));
  EXPECT_TRUE(starts(refusal("[data]\nx = 1\n"), "steled.toml:1:1: data must be a path"));
}

TEST(Config, ValuesOutOfRangeAreRefused) {
  for (const char* text :
       {"[anchor]\nheartbeat = \"0s\"", "[anchor]\nheartbeat = \"1 h\"",
        "[anchor]\nheartbeat = \"1w\"", "[anchor]\nheartbeat = -1",
        "[anchor]\nquote_interval = \"9223372036854775807d\"", "[anchor]\nburst = 0",
        "[limits]\nmax_event_bytes = 67108865", "[limits]\nqueue_records = 1",
        "[limits]\nmax_event_bytes = \"\"", "[tpm]\npcr = 10", "[tpm]\npcr = 16",
        "[listen.unix]\nmode = 0o1777", "[listen.unix]\nmode = \"0668\"",
        "[on]\ntpm_failure = \"stop\"", "data = \"\"", "origin = \"a b\""}) {
    EXPECT_NE(refusal(text), "") << text;
  }
  EXPECT_NE(refusal("[control]\npath = \"/" + std::string(107, 'x') + "\""), "");
  EXPECT_EQ(refusal("[control]\npath = \"/" + std::string(106, 'x') + "\""), "");
}

TEST(Config, CriticalPatternsAreAShortListOfShortStrings) {
  Config config;
  apply_config(config, "[anchor]\ncritical = [\"sudo:\", \"a\\tb\\\"c\"]\n", "x");
  EXPECT_EQ(config.critical_events, (std::vector<std::string>{"sudo:", "a\tb\"c"}));
  Config again;
  apply_config(again, to_toml(config), "shown");
  EXPECT_EQ(again.critical_events, config.critical_events);
  apply_config(config, "[anchor]\ncritical = []\n", "x");
  EXPECT_TRUE(config.critical_events.empty());
  const std::string longest(kMaxCriticalBytes, 'x');
  EXPECT_EQ(refusal("[anchor]\ncritical = [\"" + longest + "\"]"), "");
  EXPECT_NE(refusal("[anchor]\ncritical = [\"" + longest + "x\"]"), "");
  for (const char* bad : {"\"sudo\"", "[\"abc\"]", "[\"sudo\", 1]", "[[\"sudo\"]]", "true"}) {
    EXPECT_NE(refusal(std::string("[anchor]\ncritical = ") + bad), "") << bad;
  }
  std::string list;
  for (std::size_t i = 0; i < kMaxCriticalPatterns; ++i) list += "\"sudo\",";
  EXPECT_EQ(refusal("[anchor]\ncritical = [" + list + "]"), "");
  EXPECT_NE(refusal("[anchor]\ncritical = [" + list + "\"sudo\"]"), "");
}

TEST(Config, WhatIsNotTomlIsRefusedWithItsPlace) {
  EXPECT_TRUE(starts(refusal("data = \"/a\"\n[anchor\n"), "steled.toml:2:"));
  EXPECT_TRUE(starts(refusal("data = \"/a\"\ndata = \"/b\"\n"), "steled.toml:2:"));
}

TEST(Config, ATableNameThatBeginsWithNoNameIsRefused) {
  for (const char* text : {"[=]", "[ ? ]", "[[.]]", "[a.=]", "=", "a.=1", "{"}) {
    EXPECT_TRUE(starts(refusal(text), "steled.toml:1:")) << text;
  }
}

TEST(Config, LettersThatAreNotAsciiAreNoSpacesBetweenNames) {
  for (const char* text : {"d\u00e4ta = 1", "\u00e9 = 1", "a.\u03b1 = 1", "data\u0416 = 1"}) {
    EXPECT_TRUE(starts(refusal(text), "steled.toml:1:")) << text;
  }
}

TEST(Config, DropInsAndOverridesReplaceWhatCameBefore) {
  test::Scratch scratch;
  std::filesystem::create_directory(scratch / "conf.d");
  write(scratch / "steled.toml", "data = \"/one\"\n[anchor]\nburst = 1\nheartbeat = \"1s\"\n");
  write(scratch / "conf.d/20.toml", "data = \"/three\"\n[anchor]\nburst = 3\n");
  write(scratch / "conf.d/10.toml", "data = \"/two\"\n");
  write(scratch / "conf.d/30.toml.off", "nonsense");
  const Config config =
      load_config(scratch / "steled.toml", {"anchor.burst=4", "tpm.tcti=swtpm:port=1,host=h"});
  EXPECT_EQ(config.data, "/three");
  EXPECT_EQ(config.anchor_burst, 4u);
  EXPECT_EQ(config.tcti, "swtpm:port=1,host=h");
  EXPECT_EQ(config.heartbeat, std::chrono::seconds(1));
}

TEST(Config, AnEmptyFileHoldsTheDefaults) {
  test::Scratch scratch;
  write(scratch / "steled.toml", "");
  EXPECT_EQ(to_toml(load_config(scratch / "steled.toml", {})), to_toml(Config{}));
}

TEST(Config, AMissingFileIsRefusedByName) {
  EXPECT_THROW(load_config("/nowhere/steled.toml", {}), ConfigError);
  test::Scratch scratch;
  EXPECT_THROW(load_config(scratch.path().string(), {}), ConfigError);
}

TEST(Config, BadOverridesAreRefused) {
  test::Scratch scratch;
  write(scratch / "steled.toml", "");
  for (const char* text :
       {"data", "nothing=1", "anchor.burst=x", "anchor=1", "anchor.burst=1\nburst=2"}) {
    EXPECT_THROW(load_config(scratch / "steled.toml", {text}), ConfigError) << text;
  }
}

TEST(Config, LimitsThatContradictEachOtherAreRefused) {
  test::Scratch scratch;
  write(scratch / "steled.toml", "[limits]\nmax_event_bytes = \"1MiB\"\nqueue_bytes = \"1MiB\"\n");
  EXPECT_THROW(load_config(scratch / "steled.toml", {}), ConfigError);
  EXPECT_THROW(load_config(scratch / "steled.toml",
                           {"limits.queue_bytes=2MiB", "control.path=/a", "listen.unix.path=/a"}),
               ConfigError);
}

TEST(Config, EveryKeyIsDescribedWithDefaultAndReason) {
  const std::string text = describe_config();
  for (const char* key : {"data", "anchor.heartbeat", "limits.max_event_bytes", "on.tpm_failure",
                          "look_up.enabled"}) {
    const std::size_t at = text.find(std::string(key) + " (");
    ASSERT_NE(at, std::string::npos) << key;
    EXPECT_LT(text.find("default", at), text.find('\n', at)) << key;
  }
}

}  // namespace
}  // namespace stele::daemon
