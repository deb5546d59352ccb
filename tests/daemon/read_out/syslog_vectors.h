// Syslog messages of others, each with what its author says of it: valid or not.
#pragma once

#include <boost/json/parse.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "attest/base64.h"
#include "tests/support/vectors.h"

namespace stele::test {

struct SyslogVector {
  std::string text;
  bool valid = false;
};

inline std::vector<SyslogVector> syslog_vectors(const std::filesystem::path& file) {
  std::vector<SyslogVector> out;
  const boost::json::value document = boost::json::parse(read_file(file));
  for (const boost::json::value& entry : document.as_array()) {
    const auto bytes = attest::from_base64(std::string(entry.at("input_b64").as_string()));
    if (!bytes) throw std::runtime_error(file.string() + " holds no base64");
    out.push_back({std::string(bytes->begin(), bytes->end()), entry.at("valid").as_bool()});
  }
  return out;
}

}  // namespace stele::test
