#include "tests/support/ek_vendor.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "tests/support/vectors.h"

namespace stele::test {
namespace {

constexpr const char* kConfig = R"(oid_section = oids
[oids]
tpmManufacturer = 2.23.133.2.1
tpmModel = 2.23.133.2.2
tpmVersion = 2.23.133.2.3
[req]
distinguished_name = none
[none]
[ca]
default_ca = vendor
[vendor]
database = ./index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = optional
organizationName = optional
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
)";

attest::Bytes bytes_of(const std::string& path) {
  const std::string text = read_file(path);
  return {text.begin(), text.end()};
}

std::string extensions(const EkRequest& request) {
  std::string text = "[ek]\n";
  text += request.authority ? "basicConstraints = critical,CA:TRUE\n"
                            : "basicConstraints = critical,CA:FALSE\n";
  if (!request.usage.empty()) text += "extendedKeyUsage = " + request.usage + "\n";
  if (request.names) {
    text += std::string("subjectAltName = ") + (request.critical_names ? "critical," : "") +
            "dirName:tpm\n";
  }
  text += request.extra + "[tpm]\n";
  const char* const prefix = request.one_set ? "+" : "";
  if (!request.manufacturer.empty()) text += "tpmManufacturer = " + request.manufacturer + "\n";
  if (!request.model.empty()) text += std::string(prefix) + "tpmModel = " + request.model + "\n";
  if (!request.version.empty()) {
    text += std::string(prefix) + "tpmVersion = " + request.version + "\n";
  }
  return text;
}

}  // namespace

EkVendor::EkVendor(const std::string& name) {
  std::ofstream(scratch_ / "config") << kConfig;
  std::ofstream(scratch_ / "index");
  const std::string sign =
      "ca -batch -config config -notext -startdate 20200101000000Z -enddate 21250101000000Z "
      "-extensions authority ";
  run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out root.key");
  run("req -new -key root.key -subj '/O=" + name + "/CN=" + name +
      " Root' -config config -out root.csr");
  run(sign + "-selfsign -keyfile root.key -in root.csr -out root.pem");
  run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out between.key");
  run("req -new -key between.key -subj '/O=" + name + "/CN=" + name +
      " Intermediate' -config config -out between.csr");
  run(sign + "-cert root.pem -keyfile root.key -in between.csr -out between.pem");
}

void EkVendor::run(const std::string& command) const {
  const std::string line =
      "cd " + scratch_.path().string() + " && openssl " + command + " > log 2>&1";
  if (std::system(line.c_str()) != 0) {
    throw std::runtime_error("openssl " + command + ": " + read_file(scratch_ / "log"));
  }
}

attest::Bytes EkVendor::root_der() const {
  run("x509 -in root.pem -outform DER -out root.der");
  return bytes_of(scratch_ / "root.der");
}

attest::Bytes EkVendor::intermediate_der() const {
  run("x509 -in between.pem -outform DER -out between.der");
  return bytes_of(scratch_ / "between.der");
}

std::string EkVendor::root_pem() const {
  return read_file(scratch_ / "root.pem");
}

attest::Bytes EkVendor::issue(const EkRequest& request) {
  std::ofstream(scratch_ / "config") << kConfig << extensions(request);
  run("genpkey -algorithm " + request.key + " -out ek.key");
  run("req -new -key ek.key -subj '" + request.subject + "' -config config -out ek.csr");
  run("ca -batch -config config -notext -in ek.csr -cert between.pem -keyfile between.key "
      "-startdate 20200101000000Z -enddate " +
      request.not_after + " -extensions ek -out ek.pem");
  run("x509 -in ek.pem -outform DER -out ek.der");
  return bytes_of(scratch_ / "ek.der");
}

}  // namespace stele::test
