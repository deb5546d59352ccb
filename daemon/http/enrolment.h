// The routes by which an auditor enrols this host: POST /v1/enroll/identity, /v1/enroll/activate.
//
// Body and reply are the bytes of attest/identity/enrolment.h, application/octet-stream. Role
// auditor. Thread safety: as RouteTable; the work is the anchorer's. Errors: problems: 400 a body
// that is no such request, 422 a credential that the TPM refuses, 429 with Retry-After too many of
// this caller's came to nothing (enrolment_gate.h), 503 too many of all, or the TPM is away, or there
// is no room for the access record that goes first. See: README.md, "Enrolment".
#pragma once

#include <memory>

#include "daemon/controlled_daemon.h"
#include "daemon/http/routes.h"
#include "daemon/refusal_ledger.h"

namespace stele::daemon {

void add_enrolment_routes(RouteTable& routes, const ControlledDaemon& daemon,
                          std::shared_ptr<RefusalLedger> ledger);

}  // namespace stele::daemon
