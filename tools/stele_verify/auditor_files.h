// The auditor's files: what is trusted, believed, remembered and held, as the call names it.
//
// Thread safety: functions. Blocks: reads and writes files. Errors: CallError (malformed, 65);
// std::system_error naming the file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "attest/appraiser.h"
#include "tools/stele_verify/call.h"
#include "tools/stele_verify/kept_halves.h"

namespace stele::tools {

// Empty: none given.
std::string read_auditor_key(const Call& call);
attest::Options read_options(const Call& call);
// That trust is given with what means nothing without it. in_bundle: a trust file may stand inside.
void require_trust(const Call& call, bool in_bundle);
// The file named; else the data directory's, if that is what is judged. Nothing: neither.
std::optional<std::string> read_cosignatures(const Call& call);
// Each whole line of --receipts, without its LF, and its number from 1; empty ones are left out. Of
// a longer one than a receipt can be, the first kMaxPushedLineBytes + 1 bytes: refused as too long.
// Memory: a line, however long the file, which grows for years.
void each_held_receipt(const Call& call,
                       const std::function<void(std::string_view line, std::uint64_t number)>& take);
// Replaces the memory file, and the halves beside it that `halves_of` finds, if the log is verified.
void keep_memory(const Call& call, const attest::Report& report,
                 const std::optional<attest::Memory>& memory,
                 const std::function<KeptHalves(const attest::Memory&)>& halves_of);

}  // namespace stele::tools
