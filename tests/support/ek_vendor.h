// A maker of TPMs on paper: a root, an intermediate authority, and EK certificates as asked for.
//
// Made with the openssl command, so that no certificate here is of our own making. Thread safety:
// none. Blocks: each call, some tens of milliseconds. Errors: std::runtime_error.
#pragma once

#include <string>

#include "attest/hash.h"
#include "tests/support/scratch.h"

namespace stele::test {

struct EkRequest {
  std::string key =
      "ec -pkeyopt ec_paramgen_curve:P-256";  // as `openssl genpkey -algorithm` takes it
  std::string subject = "/";
  std::string usage = "2.23.133.8.1";  // extendedKeyUsage; empty: none
  bool critical_names = true;
  bool names = true;  // a subjectAltName at all
  // Each left out if empty.
  std::string manufacturer = "id:49465800", model = "SLB9672", version = "id:000F0016";
  bool one_set = false;  // manufacturer, model and version in one set, as some makers have it
  bool authority = false;
  std::string not_after = "99991231235959Z";
  std::string extra = {};  // further lines of the extensions
};

class EkVendor {
 public:
  explicit EkVendor(const std::string& name = "Vendor");
  attest::Bytes root_der() const;          // self-signed
  attest::Bytes intermediate_der() const;  // by the root; signs what issue() makes
  std::string root_pem() const;
  attest::Bytes issue(const EkRequest& request = {});

 private:
  void run(const std::string& command) const;
  Scratch scratch_;
};

}  // namespace stele::test
