// POST /v1/challenge: the TPM's answer to an auditor's nonce, and all statements since his last
// visit, as one evidence bundle.
//
// Thread safety: as RouteTable; files are read on the reader. Errors: problems; 503 with
// Retry-After where a later try may succeed, without where the TPM is not there or the daemon ends;
// a stream that cannot be gone on with ends unfinished. See: README.md, "POST /v1/challenge".
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "daemon/controlled_daemon.h"
#include "daemon/http/routes.h"
#include "daemon/refusal_ledger.h"

namespace stele::daemon {

// Answers being given out at once: each reads the journal, and an auditor asks seldom.
constexpr std::size_t kMaxChallenges = 4;

void add_challenge_route(RouteTable& routes, const ControlledDaemon& daemon,
                         boost::asio::any_io_executor reader,
                         std::shared_ptr<RefusalLedger> ledger);

}  // namespace stele::daemon
