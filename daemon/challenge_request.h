// An auditor's challenge: a nonce, and the statement that the answer may begin behind.
//
//   {"nonce":"64 hex","since":{"log_id":"64 hex","seq":17,"digest":"64 hex"},"boot_logs":true}
//
// boot_logs: absent, or true: with the logs of the boots, for whoever has rules for what was booted.
// since: absent at a first visit. seq: of the counter anchor that the remembered statement is or
// repeats; digest: its d. Unknown members are refused.
// Thread safety: pure. Errors: decode_challenge: value_out_of_range with what is allowed.
// Trust: from whoever has the role auditor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::daemon {

constexpr std::size_t kMaxChallengeBytes = 4096;  // a request has about 300

struct Since {
  attest::Hash log_id;
  std::uint64_t seq = 0;
  attest::Hash digest;
  bool operator==(const Since&) const = default;
};
struct Challenge {
  attest::Hash nonce;
  std::optional<Since> since;
  bool boot_logs = false;
  bool operator==(const Challenge&) const = default;
};
attest::Result<Challenge> decode_challenge(std::string_view json);
std::string to_json(const Challenge& challenge);

}  // namespace stele::daemon
