// Goal: a certificate's names are read as they stand, and the list of allowed names means what it
// says. Method: certificates made by the openssl command; each rule of the list with its near miss.
#include "attest/certificate.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/scratch.h"
#include "tests/support/vectors.h"

namespace stele::attest {
namespace {

CertificateNames names_of(const std::string& subject, const std::string& san) {
  const test::Scratch scratch;
  const std::string command =
      "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
      "-utf8 -keyout /dev/null -outform DER -out " +
      (scratch / "c.der") + " -subj '" + subject + "' " +
      (san.empty() ? "" : "-addext 'subjectAltName=" + san + "' ") + "2>/dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  const std::string der = test::read_file(scratch / "c.der");
  const auto names = decode_certificate(view(der));
  EXPECT_TRUE(names.has_value());
  return names ? *names : CertificateNames{};
}

TEST(Certificate, SubjectAndAlternativeNamesAreRead) {
  const CertificateNames names =
      names_of("/O=Ex\"ample/CN=m\xc3\xbcller",
               "DNS:Web1.example,IP:192.0.2.7,IP:2001:db8::1,email:a@b.c,URI:spiffe://ex/web");
  EXPECT_EQ(names.subject, "CN=m\\C3\\BCller,O=Ex\\\"ample");
  EXPECT_EQ(names.common_names, (std::vector<std::string>{"m\xc3\xbcller"}));
  EXPECT_EQ(names.dns, (std::vector<std::string>{"Web1.example"}));
  EXPECT_EQ(names.uris, (std::vector<std::string>{"spiffe://ex/web"}));
  EXPECT_EQ(names.emails, (std::vector<std::string>{"a@b.c"}));
  EXPECT_EQ(names.addresses, (std::vector<std::string>{"192.0.2.7", "2001:db8:0:0:0:0:0:1"}));
  const CertificateNames bare = names_of("/CN=web1.example", "");
  EXPECT_TRUE(bare.dns.empty() && bare.addresses.empty() && bare.uris.empty());
}

TEST(Certificate, TheListAllowsWhatItSaysAndNothingNearIt) {
  CertificateNames names;
  names.subject = "CN=only.subject";
  names.common_names = {"only.subject"};
  names.dns = {"web1.db.Example"};
  names.addresses = {"192.0.2.7", "2001:db8:0:0:0:0:0:1"};
  for (const char* allowed :
       {"web1.db.example", "WEB1.DB.EXAMPLE", "*.db.example", "*", "192.0.2.7", "2001:db8::1"}) {
    EXPECT_TRUE(allows({"other.example", allowed}, names)) << allowed;
  }
  for (const char* allowed :
       {"", "db.example", "*.example", "*.b.example", "*eb1.db.example", "web1.*.example",
        "web1.db.example.", "only.subject", "192.0.2.70", "2001:db8::2", "**"}) {
    EXPECT_FALSE(allows({allowed}, names)) << allowed;
  }
  EXPECT_FALSE(allows({}, names));
  names.dns = {".example", "example"};
  EXPECT_FALSE(allows({"*.example"}, names));
}

TEST(Certificate, WhatIsNoneIsRefused) {
  for (const char* text : {"", "x", "-----BEGIN CERTIFICATE-----"}) {
    EXPECT_FALSE(decode_certificate(view(std::string(text))).has_value());
  }
}

}  // namespace
}  // namespace stele::attest
