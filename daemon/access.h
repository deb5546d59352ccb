// Access records: the log's own word on who had evidence or records read out of it, or changed what
// they are worth, and on what came of it.
//
// Durable before anything that it names is given out. Where the outcome is known before that, one
// record says all; where what is given out must cover the record, or streams, a first one says who
// asked, and a second one, naming it, the outcome. A first one alone: the daemon ended in between.
// Thread safety: awaited on any executor, where it goes on; leave_outcome() from any. Errors: as
// words, for the one who asked. See: README.md, "Records of the daemon's own".
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/refusal_cause.h"
#include "daemon/refusal_ledger.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

struct AccessOutcome {
  enum class Kind : std::uint8_t { done, refused, broken_off } kind = Kind::done;
  RefusalCause cause = RefusalCause::io_error;  // unless done

  static AccessOutcome refused(RefusalCause cause) { return {Kind::refused, cause}; }
  static AccessOutcome broken_off(RefusalCause cause) { return {Kind::broken_off, cause}; }
};

struct AccessRecorded {
  std::uint64_t index = 0;
  std::string trouble;  // empty: it is durable; else why it is not, a trouble that passes
};

// asked: who, and for what. outcome: nothing while it is not known.
boost::asio::awaitable<AccessRecorded> record_access(Sequencer& sequencer,
                                                     const boost::json::object& asked,
                                                     std::optional<AccessOutcome> outcome);
// The same of what a caller may ask for again and again: with how many refusals of his left no
// record, and where this is one too many, itself only counted. index is then none's.
boost::asio::awaitable<AccessRecorded> record_access(Sequencer& sequencer, RefusalLedger& ledger,
                                                     const std::string& caller,
                                                     const boost::json::object& asked,
                                                     std::optional<AccessOutcome> outcome);
// Of what the record `asked` began. Where there is no room for it, the first record stands alone.
boost::asio::awaitable<void> record_outcome(Sequencer& sequencer, std::uint64_t asked,
                                            AccessOutcome outcome);
// The same, waiting for nothing.
void leave_outcome(Sequencer& sequencer, std::uint64_t asked, AccessOutcome outcome);

}  // namespace stele::daemon
