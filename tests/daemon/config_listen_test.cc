// Goal: the keys of the socket inputs are taken or refused with what is allowed, and addresses are
// what they look like. Method: texts as an operator writes them, as config_test.cc.
#include <gtest/gtest.h>

#include "daemon/address.h"
#include "daemon/config.h"
#include "tests/support/scratch.h"

namespace stele::daemon {
namespace {

std::string listen_refusal(const std::string& text) {
  Config config;
  try {
    apply_config(config, text, "steled.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

std::string refused_overrides(const std::vector<std::string>& overrides) {
  const test::Scratch scratch;
  const std::string path = scratch / "steled.toml";
  std::fclose(std::fopen(path.c_str(), "w"));
  try {
    load_config(path, overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(ConfigListen, OnlyTheIngestSocketIsOnByDefault) {
  const Config config;
  EXPECT_NE(config.listen_unix, "");
  EXPECT_EQ(config.listen_unix_datagram, "");
  EXPECT_TRUE(config.listen_udp.empty() && config.listen_tcp.empty() && config.listen_tls.empty());
}

TEST(ConfigListen, EveryKeyIsReadAndShown) {
  Config config;
  const std::string text = R"([listen.unix_datagram]
path = "/tmp/log"
mode = "0666"
[listen.udp]
addresses = ["127.0.0.1:514", "[::1]:5514"]
[listen.tcp]
addresses = ["0.0.0.0:601"]
framing = "lf"
[listen.tls]
addresses = ["[::]:6514"]
framing = "lf"
certificate = "/etc/c.pem"
key = "tls.key"
client_ca = "/etc/ca.pem"
crl = "/etc/crl.pem"
allowed_names = ["*.example", "192.0.2.7"]
[limits]
max_connections_per_address = 5
idle_timeout = "2h"
evict_after = "7s"
event_timeout = "5s"
handshake_timeout = "3s"
unfinished_bytes = "1MiB"
receive_buffer = "64KiB"
)";
  apply_config(config, text, "steled.toml");
  EXPECT_EQ(config.listen_unix_datagram_mode, 0666u);
  EXPECT_EQ(config.listen_udp, (std::vector<std::string>{"127.0.0.1:514", "[::1]:5514"}));
  EXPECT_EQ(config.tls_allowed_names, (std::vector<std::string>{"*.example", "192.0.2.7"}));
  EXPECT_EQ(config.event_timeout, std::chrono::seconds(5));
  EXPECT_EQ(config.receive_buffer, 64u << 10);
  const std::string shown = to_toml(config);
  for (const char* line :
       {"listen.unix_datagram.path = '/tmp/log'", "listen.unix_datagram.mode = 0o666",
        "listen.tcp.framing = 'lf'", "listen.tls.key = 'tls.key'", "limits.idle_timeout = '2h'",
        "limits.evict_after = '7s'",
        "limits.max_connections_per_address = 5", "limits.unfinished_bytes = '1MiB'"}) {
    std::string quoted = line;
    for (char& c : quoted) c = c == '\'' && shown.find(line) == std::string::npos ? '"' : c;
    EXPECT_NE(shown.find(quoted), std::string::npos) << line << " in " << shown;
  }
  Config again;
  apply_config(again, shown, "shown");
  EXPECT_EQ(to_toml(again), shown);
}

TEST(ConfigListen, AddressesAreDigitsWithAPort) {
  EXPECT_EQ(parse_address("127.0.0.1:514")->host, "127.0.0.1");
  EXPECT_EQ(parse_address("[2001:db8::1]:6514")->host, "2001:db8::1");
  EXPECT_EQ(parse_address("[::]:65535")->port, 65535);
  for (const char* text :
       {"", ":514", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "localhost:514", "::1:514",
        "[127.0.0.1]:514", "[::1]514", "127.0.0.1:+1", "127.0.0.1:5 ", "127.0.0.1:-1",
        " 127.0.0.1:1", "[]:1", "[:1"}) {
    EXPECT_FALSE(parse_address(text).has_value()) << text;
  }
  for (const char* list : {"[\"127.0.0.1:0\"]", "[\"host:514\"]", "\"127.0.0.1:514\"", "[514]"}) {
    for (const char* table : {"udp", "tcp", "tls"}) {
      const std::string text = "[listen." + std::string(table) + "]\naddresses = " + list;
      EXPECT_NE(listen_refusal(text).find("in digits, such as"), std::string::npos) << text;
    }
  }
}

TEST(ConfigListen, ValuesOutOfRangeAreRefused) {
  for (const char* text :
       {"[listen.tcp]\nframing = \"octets\"", "[listen.tls]\nallowed_names = [\"\"]",
        "[listen.tls]\nallowed_names = [1]", "[listen.unix_datagram]\nmode = 0o1777",
        "[limits]\nmax_connections_per_address = 0", "[limits]\nidle_timeout = \"10ms\"",
        "[limits]\nevent_timeout = 0", "[limits]\nevict_after = 0", "[limits]\nhandshake_timeout = \"1h\"",
        "[limits]\nunfinished_bytes = \"1KiB\"", "[limits]\nreceive_buffer = \"2GiB\""}) {
    EXPECT_NE(listen_refusal(text).find(" must be "), std::string::npos) << text;
  }
}

TEST(ConfigListen, TlsNeedsItsFilesAndNamesAndEachSocketItsOwnPath) {
  const std::string listening = "listen.tls.addresses=[\"127.0.0.1:6514\"]";
  std::vector<std::string> given{listening};
  for (const char* key : {"certificate", "key", "client_ca", "allowed_names"}) {
    EXPECT_NE(refused_overrides(given).find(std::string("needs listen.tls.") + key),
              std::string::npos);
    given.push_back("listen.tls." + std::string(key) +
                    (std::string(key) == "allowed_names" ? "=[\"*\"]" : "=file"));
  }
  EXPECT_EQ(refused_overrides(given), "");
  for (const char* other : {"listen.unix.path=/tmp/x", "control.path=/tmp/x"}) {
    EXPECT_NE(refused_overrides({"listen.unix_datagram.path=/tmp/x", other}).find("its own"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace stele::daemon
