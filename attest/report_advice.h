// What a person does next with a report: each open question has its own advice, and none of them
// hides another.
//
// Thread safety: a pure function. Trust: the report's; every sentence is our own.
#pragma once

#include <string>
#include <vector>

#include "attest/report.h"

namespace stele::attest {

// At least one; what is to be done first comes first.
std::vector<std::string> next_steps(const Report& report);

}  // namespace stele::attest
