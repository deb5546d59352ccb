// C2SP tlog-policy: the logs, the witnesses and the quorum that whoever verifies believes in.
//
//   log VKEY [URL]                    any number; none: the log is known from elsewhere
//   witness NAME VKEY [URL]
//   group NAME all|any|K MEMBER…      members: witnesses and groups of lines before
//   quorum NAME|none                  exactly once
//
// Items are separated by spaces and tabs; empty lines and those that begin with # mean nothing.
// Thread safety: values. Errors: value_out_of_range, truncated, with the line. Trust: the policy is
// the verifier's own. Limits: beyond the specification's 32 of each. See: C2SP tlog-policy.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/checkpoint.h"

namespace stele::attest {

constexpr std::size_t kMaxPolicyBytes = 256u << 10;
constexpr std::size_t kMaxPolicyLogs = 256;
constexpr std::size_t kMaxPolicyWitnesses = 256;
constexpr std::size_t kMaxPolicyGroups = 256;

struct Policy {
  struct Log {
    NoteKey key;
    std::string url;
  };
  struct Witness {
    std::string name;
    NoteKey key;
    std::string url;
  };
  // What a quorum may name: a witness, or a group of what stands before it in `nodes`.
  struct Node {
    std::string name;
    std::optional<std::size_t> witness;  // else a group:
    std::size_t threshold = 0;           // k
    std::vector<std::size_t> members;
  };
  std::vector<Log> logs;
  std::vector<Witness> witnesses;
  std::vector<Node> nodes;
  std::optional<std::size_t> quorum;  // a node; none: "quorum none"

  // Whether those witnesses (one flag each) are enough.
  bool holds(const std::vector<bool>& cosigned) const;
};
Result<Policy> parse_policy(std::string_view text);
// In one form: what it reads is written back the same.
std::string to_text(const Policy& policy);

}  // namespace stele::attest
