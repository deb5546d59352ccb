// Goal: a request is understood as it stands or refused in words; nothing in it is passed over.
// Method: each kind of request, and requests that are wrong in one place each.
#include "daemon/control_request.h"

#include <gtest/gtest.h>

#include "attest/base64.h"

namespace stele::daemon {
namespace {

using Do = ControlRequest::Do;

TEST(ControlRequest, EveryKindIsUnderstood) {
  EXPECT_EQ(decode_control_request(R"({"do":"status"})")->what, Do::status);
  EXPECT_EQ(decode_control_request(R"({"do":"anchor"})")->what, Do::anchor);
  const auto answer =
      decode_control_request(R"({"do":"answer","nonce":")" + std::string(64, 'a') + R"("})");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->nonce.bytes[31], 0xaa);
  EXPECT_EQ(decode_control_request(R"({"do":"show","index":18446744073709551615})")->index,
            ~std::uint64_t{0});
  const auto prove = decode_control_request(R"({"index":7,"content":true,"do":"prove"})");
  ASSERT_TRUE(prove.has_value());
  EXPECT_TRUE(prove->content);
  EXPECT_FALSE(prove->tlog_proof);
  EXPECT_EQ(prove->canonical, R"({"index":7,"content":true,"do":"prove"})");
  const auto to_tlogs = decode_control_request(R"({"do":"prove","index":7,"format":"tlog-proof"})");
  ASSERT_TRUE(to_tlogs.has_value());
  EXPECT_TRUE(to_tlogs->tlog_proof);
  const auto own = decode_control_request(R"({"do":"prove","index":7,"format":"proof"})");
  EXPECT_FALSE(own->tlog_proof);
}

TEST(ControlRequest, AnEnrolmentsRequestIsTakenAsItsBytes) {
  const attest::EnrolmentRequest asked = attest::IdentityRequest{{}, 0x01c00002};
  const std::string text = attest::to_base64(attest::encode(asked));
  const auto request = decode_control_request(R"({"do":"enroll","request":")" + text + R"("})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->what, Do::enroll);
  EXPECT_EQ(request->enrolment, asked);
  for (const std::string& line :
       {std::string(R"({"do":"enroll"})"), std::string(R"({"do":"enroll","request":7})"),
        std::string(R"({"do":"enroll","request":"AAAA"})"),
        R"({"do":"enroll","request":")" + text.substr(4) + R"("})",
        R"({"do":"enroll","x":1,"request":")" + text + R"("})"}) {
    EXPECT_FALSE(decode_control_request(line).has_value()) << line;
  }
}

TEST(ControlRequest, ABundleIsNamedAndItsOutcomeIsOneOfAClosedSet) {
  std::string many = "[0,1]";
  for (std::size_t i = 1; i < kMaxBundleIntervals; ++i) many += ",[0,1]";
  const std::string begin = R"({"do":"bundle","records":)";
  for (const std::string& records :
       {std::string("\"all\"}"), std::string("\"none\"}"), std::string("[]}"),
        std::string("[[0,18446744073709551615]]}"), "[" + many + "]}",
        R"("all","boot_logs":true,"answer":false,"since":")" + std::string(64, 'a') + "\"}"}) {
    const auto request = decode_control_request(begin + records);
    ASSERT_TRUE(request.has_value()) << records;
    EXPECT_EQ(request->what, Do::bundle);
    EXPECT_EQ(request->canonical, begin + records);
  }
  for (const std::string& records :
       {std::string("\"some\"}"), std::string("7}"), std::string("[7]}"), std::string("[[0]]}"),
        std::string("[[0,-1]]}"), std::string("[[0,1,2]]}"), "[" + many + ",[0,1]]}",
        std::string("\"all\",\"boot_logs\":1}"), std::string("\"all\",\"since\":\"aa\"}"),
        std::string("\"all\",\"x\":1}")}) {
    EXPECT_FALSE(decode_control_request(begin + records).has_value()) << records;
  }
  EXPECT_FALSE(decode_control_request(R"({"do":"bundle"})").has_value());

  const auto done = decode_control_request(R"({"do":"outcome","outcome":"done"})");
  ASSERT_TRUE(done.has_value());
  EXPECT_FALSE(done->refused_for);
  const auto refused =
      decode_control_request(R"({"do":"outcome","outcome":"refused","reason":"not_anchored"})");
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->refused_for, RefusalCause::not_anchored);
  for (const char* line :
       {R"({"do":"outcome"})", R"({"do":"outcome","outcome":"refused"})",
        R"({"do":"outcome","outcome":"refused","reason":"a whim"})",
        R"({"do":"outcome","outcome":"done","reason":"io_error"})",
        R"({"do":"outcome","outcome":"broken_off","reason":"io_error"})"}) {
    EXPECT_FALSE(decode_control_request(line).has_value()) << line;
  }
}

TEST(ControlRequest, WhatTheToolReadsItselfIsNamed) {
  for (const auto& [line, what] :
       {std::pair(R"({"do":"export_anchor","seq":7})", Do::export_anchor),
        std::pair(R"({"do":"era_request"})", Do::era_request),
        std::pair(R"({"do":"boot_policy","kind":"ima"})", Do::boot_policy)}) {
    const auto request = decode_control_request(line);
    ASSERT_TRUE(request.has_value()) << line;
    EXPECT_EQ(request->what, what);
    EXPECT_EQ(request->canonical, line);
  }
  for (const char* line :
       {R"({"do":"export_anchor"})", R"({"do":"export_anchor","seq":-1})",
        R"({"do":"export_anchor","seq":1,"x":1})", R"({"do":"era_request","era":1})",
        R"({"do":"boot_policy"})", R"({"do":"boot_policy","kind":"record"})",
        R"({"do":"boot_policy","kind":7})"}) {
    EXPECT_FALSE(decode_control_request(line).has_value()) << line;
  }
}

TEST(ControlRequest, EveryCauseOfARefusalHasItsOwnName) {
  for (int i = 0; i <= static_cast<int>(RefusalCause::peer_gone); ++i) {
    const auto cause = static_cast<RefusalCause>(i);
    EXPECT_EQ(refusal_cause(name(cause)), cause);
  }
  EXPECT_FALSE(refusal_cause(""));
}

TEST(ControlRequest, AQueryHasEveryBoundAndALimit) {
  const auto all = decode_control_request(R"({"do":"query"})");
  ASSERT_TRUE(all.has_value());
  EXPECT_FALSE(all->query.since_ns || all->query.until_ns || all->query.begin || all->query.end ||
               all->query.source);
  EXPECT_EQ(all->query.limit, 1000u);
  const auto some = decode_control_request(
      R"({"do":"query","since_ns":-5,"until_ns":9,"begin":1,"end":2,"source":3,"limit":99999999})");
  ASSERT_TRUE(some.has_value());
  EXPECT_EQ(some->query.since_ns, -5);
  EXPECT_EQ(some->query.until_ns, 9);
  EXPECT_EQ(some->query.begin, 1u);
  EXPECT_EQ(some->query.end, 2u);
  EXPECT_EQ(some->query.source, 3u);
  EXPECT_EQ(some->query.limit, kMaxQueryRecords);
  const auto said = decode_control_request(
      R"({"do":"query","actor":"alice","severity":"err","grep":"x y","follow":true})");
  ASSERT_TRUE(said);
  EXPECT_EQ(said->query.terms[0], "alice");
  EXPECT_FALSE(said->query.terms[1]);
  EXPECT_EQ(said->query.terms[5], "err");
  EXPECT_EQ(said->query.grep, "x y");
  EXPECT_TRUE(said->follow);
  EXPECT_EQ(said->query.scan_limit, kMaxScannedRecords);
}

TEST(ControlRequest, AnythingElseIsRefusedInWords) {
  for (const char* line :
       {"", "status", "[]", "{}", R"({"do":"reboot"})", R"({"do":1})", R"({"do":"status","x":1})",
        R"({"do":"show"})", R"({"do":"show","index":-1})", R"({"do":"show","index":1.0})",
        R"({"do":"show","index":"1"})", R"({"do":"show","index":1,"content":true})",
        R"({"do":"prove","index":1,"content":1})",
        R"({"do":"prove","index":1,"format":"pdf"})", R"({"do":"prove","index":1,"format":1})",
        R"({"do":"show","index":1,"format":"tlog-proof"})", R"({"do":"answer"})",
        R"({"do":"answer","nonce":"ab"})", R"({"do":"query","limt":1})",
        R"({"do":"query","actor":7})",
        R"({"do":"query","end":18446744073709551616})", R"({"do":"status"} {})"}) {
    const auto request = decode_control_request(line);
    ASSERT_FALSE(request.has_value()) << line;
    EXPECT_NE(request.error().detail, "") << line;
  }
}

}  // namespace
}  // namespace stele::daemon
