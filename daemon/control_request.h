// A request on the control socket: one line of JSON, judged before anything is done.
//
// Every member is checked, unknown ones are refused: a misspelt limit must not widen an answer.
// Thread safety: pure. Errors: decode_control_request: value_out_of_range with what is allowed.
// Trust: the line comes from root or the daemon's own user.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attest/hash.h"
#include "attest/identity/enrolment.h"
#include "attest/result.h"
#include "daemon/challenge_request.h"
#include "daemon/refusal_cause.h"
#include "storage/look_up.h"

namespace stele::daemon {

constexpr std::size_t kMaxRequestBytes = 64u << 10;
// Intervals of records that one request names for a bundle: what an access record is to hold at most.
// A tool that shows more joins the last ones, with all that lies between.
constexpr std::size_t kMaxBundleIntervals = 256;
constexpr std::uint64_t kMaxQueryRecords = 10'000;  // of one reply; "next" leads on
// Looked at one by one for one reply: some tenths of a second, for which others have to wait.
constexpr std::uint64_t kMaxScannedRecords = 1u << 18;

struct ControlRequest {
  enum class Do : std::uint8_t {
    status,
    anchor,
    answer,
    enroll,
    challenge,
    show,
    query,
    prove,
    // What the tool reads out of the log's files itself, and only tells of:
    bundle,
    export_anchor,
    era_request,
    boot_policy,
    // what came of that
    outcome
  } what = Do::status;
  attest::Hash nonce;                                 // answer
  std::optional<attest::EnrolmentRequest> enrolment;  // enroll
  Challenge challenge;                                // challenge
  std::uint64_t index = 0;  // show, prove
  bool content = false;     // prove
  bool tlog_proof = false;  // prove: as C2SP tlog-proof
  storage::Query query;     // query
  bool follow = false;      // query: goes on with what comes, until the peer ends it
  // outcome: of what the tool said last on this connection to read; nothing: it was done.
  std::optional<RefusalCause> refused_for;
  std::string canonical;    // as JSON, for the access record
};
attest::Result<ControlRequest> decode_control_request(std::string_view line);

}  // namespace stele::daemon
