// Goal: [[witness]], [[push]] and [[witnessed]] are taken as they are meant, shown as they were
// taken, and refused in words where they cannot be.
// Method: texts of configurations; each rule broken once; addresses of every form.
#include <gtest/gtest.h>

#include "attest/witness/cosignature.h"
#include "daemon/config.h"

namespace stele::daemon {
namespace {

std::string vkey(attest::NoteKeyType type) {
  attest::Hash seed;
  seed.bytes.fill(1);
  const attest::NoteSigner signer(seed, "w.example");
  return to_text(type == attest::NoteKeyType::note ? signer.key() : cosigner_key(signer));
}
const std::string kWitnessKey = vkey(attest::NoteKeyType::cosignature);
const std::string kLogKey = vkey(attest::NoteKeyType::note);

Config read(const std::string& text) {
  Config config;
  apply_config(config, text, "steled.toml");
  return config;
}

TEST(OutwardConfig, IsTakenAndShownAsItWasTaken) {
  const Config config = read("[[witness]]\nurl = \"https://w.example/p/\"\nkey = \"" + kWitnessKey +
                             "\"\ninterval = \"5min\"\nca = \"/ca.pem\"\n"
                             "[[push]]\nto = \"/mnt/receipts\"\nmax_bytes = \"1MiB\"\n"
                             "[[push]]\nto = \"http://[::1]:8080/x\"\n"
                             "[[witnessed]]\nkey = \"" +
                             kLogKey + "\"\n");
  ASSERT_EQ(config.witnesses.size(), 1u);
  EXPECT_EQ(config.witnesses[0].interval, std::chrono::minutes(5));
  EXPECT_EQ(config.witnesses[0].tls.ca, "/ca.pem");
  ASSERT_EQ(config.pushes.size(), 2u);
  EXPECT_EQ(config.pushes[0].max_bytes, 1u << 20);
  EXPECT_FALSE(config.pushes[0].same_mount);
  EXPECT_EQ(config.witnessed_logs, std::vector<std::string>{kLogKey});
  EXPECT_EQ(to_toml(read(to_toml(config))), to_toml(config));
}

TEST(OutwardConfig, WhatCannotBeIsRefused) {
  const std::string key = "key = \"" + kWitnessKey + "\"\n";
  for (const std::string& text :
       {"[[witness]]\n" + key, std::string("[[witness]]\nurl = \"https://w.example\"\n"),
        "[[witness]]\nurl = \"http://w.example\"\n" + key,
        "[[witness]]\nurl = \"https://w.example\"\nkey = \"" + kLogKey + "\"\n",
        "[[witness]]\nurl = \"https://w.example\"\ninterval = \"1ms\"\n" + key,
        "[[witness]]\nurl = \"https://w.example\"\ncertificate = \"/c\"\n" + key,
        "[[witness]]\nurl = \"https://w.example\"\nother = 1\n" + key, "[[witnessed]]\n" + key,
        std::string("[[witnessed]]\n"), std::string("[[push]]\nto = \"receipts\"\n"),
        std::string("push = 1\n")}) {
    EXPECT_THROW(read(text), ConfigError) << text;
  }
}

TEST(OutwardConfig, UrlsAreHttpsOrOfThisMachine) {
  for (const auto& [text, shown, path] :
       std::vector<std::tuple<const char*, const char*, const char*>>{
           {"https://w.example", "w.example:443", ""},
           {"https://w.example:8443/a/b/", "w.example:8443", "/a/b"},
           {"https://[2001:db8::1]:7/x", "[2001:db8::1]:7", "/x"},
           {"http://localhost:80", "localhost:80", ""},
           {"http://127.0.0.9/", "127.0.0.9:80", ""},
           {"http://[::1]/y", "[::1]:80", "/y"}}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(authority(*url), shown);
    EXPECT_EQ(url->target("/y"), std::string(path) + "/y");
    // And with nothing behind it, as it is written.
    const std::string_view all = text;
    const std::string_view written = all.substr(all.find("://") + 3);
    const std::size_t slash = written.find('/');
    EXPECT_EQ(url->target(""), slash == written.npos ? "/" : written.substr(slash));
  }
  for (const char* text :
       {"", "https://", "https:///x", "http://w.example/", "http://10.0.0.1/", "ftp://localhost/",
        "https://a b/", "https://a/b c", "https://a:0/", "https://a:65536/", "https://a:/",
        "https://a?x", "https://a/b?x", "https://a/b#x", "https://user@a/", "https://[::1/",
        "https://::1/", "https://a\r\nx: y/", "http://localhost.evil.example/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(OutwardConfig, AUrlsLengthIsBoundedWithThePortItMeans) {
  const std::string begin = "https://a";
  const auto fits = [&](const std::string& port, std::size_t size) {
    const std::string authority = begin + port;
    return parse_url(authority + "/" + std::string(size - authority.size() - 1, 'x')).has_value();
  };
  EXPECT_TRUE(fits(":443", kMaxUrlBytes));
  EXPECT_FALSE(fits(":443", kMaxUrlBytes + 1));
  EXPECT_TRUE(fits("", kMaxUrlBytes - 4));
  EXPECT_FALSE(fits("", kMaxUrlBytes - 3));
}

}  // namespace
}  // namespace stele::daemon
