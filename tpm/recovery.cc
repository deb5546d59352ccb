#include "tpm/recovery.h"

namespace stele::tpm {
namespace {

using Presence = IndexState::Presence;

Decision stop(std::string reason) {
  return {Action::stop, false, std::move(reason)};
}

// What is wrong with an index that cannot be read as ours; nothing if it can.
std::optional<std::string> unfit(const char* index, Presence presence) {
  const std::string subject = std::string("the TPM's ") + index;
  switch (presence) {
    case Presence::written:
      return std::nullopt;
    case Presence::unwritten:
      return subject + " index exists but was never written: it was deleted and defined again";
    case Presence::missing:
      return subject +
             " index is gone: it was deleted, or this is another TPM (a copy of another host's "
             "data "
             "directory? Take it back to its host)";
    case Presence::foreign:
      return subject + " index is not the one that was provisioned: its Name differs";
  }
  return subject + " index cannot be judged";
}

std::string counter_words(std::uint64_t expected, std::uint64_t found) {
  const std::string values = ": the journal leads to counter " + std::to_string(expected) +
                             ", the TPM shows " + std::to_string(found);
  if (found < expected) {
    return "the TPM was put back" + values +
           ": a virtual TPM's newer state, if it still exists, is what fits this log";
  }
  return "the data directory was put back, or somebody else anchors" + values +
         ": stop whoever anchors with a copy of this directory, and put the newest copy in its "
         "place";
}

std::string extend_words(const attest::Hash& expected, const attest::Hash& found) {
  return "the extend index is not what the journal leads to: expected " + attest::to_hex(expected) +
         ", the TPM shows " + attest::to_hex(found) +
         ": it was put back, or somebody else writes to it";
}

// C and E must be those of the newest receipt; nothing if they are.
std::optional<Decision> unlike_newest_receipt(const Recorded& recorded, const IndexState& indexes) {
  if (indexes.counter != recorded.counter)
    return stop(counter_words(recorded.counter, indexes.counter));
  if (indexes.extend != recorded.extend) return stop(extend_words(recorded.extend, indexes.extend));
  return std::nullopt;
}

Decision foreign_extend(const attest::Hash& expected, const attest::Hash& pcr) {
  return {Action::foreign_extend, false,
          "the PCR was extended by somebody else: expected " + attest::to_hex(expected) +
              ", found " + attest::to_hex(pcr)};
}

// The action for an open intent, once what P is has been explained.
Decision with_pcr(Action action, const attest::OpenIntent& intent, const attest::Hash& pcr,
                  bool same_run) {
  if (!same_run || pcr == intent.fold_with) return {action, false, {}};
  if (pcr == intent.fold_without) return {action, true, {}};
  return foreign_extend(intent.fold_without, pcr);
}

Decision finish_quote(const Recorded& recorded, const IndexState& indexes, const attest::Hash& pcr,
                      bool same_run) {
  if (auto unlike = unlike_newest_receipt(recorded, indexes)) return *unlike;
  // P was taken over since: no quote anchor on the new base before its counter anchor.
  const bool base_lost = recorded.intent->fold_with == recorded.intent->fold_without;
  if (!same_run || base_lost) return {Action::void_quote, false, {}};
  return with_pcr(Action::quote_again, *recorded.intent, pcr, same_run);
}

Decision finish_counter(const Recorded& recorded, const IndexState& indexes,
                        const attest::Hash& pcr, bool same_run) {
  const attest::OpenIntent& intent = *recorded.intent;
  const bool incremented = indexes.counter == intent.statement.counter;
  if (!incremented) {
    if (auto unlike = unlike_newest_receipt(recorded, indexes)) return *unlike;
    if (!same_run) return {Action::void_and_anew, false, {}};
    return with_pcr(Action::anchor_again, intent, pcr, same_run);
  }
  if (indexes.extend == intent.statement.prev_extend) {
    return with_pcr(Action::extend_and_read_back, intent, pcr, same_run);
  }
  if (indexes.extend == intent.extend_after)
    return with_pcr(Action::read_back, intent, pcr, same_run);
  return stop(extend_words(intent.extend_after, indexes.extend));
}

}  // namespace

Decision decide(const Recorded& recorded, const IndexState& indexes, const attest::Hash& pcr,
                bool same_run) {
  if (auto why = unfit("counter", indexes.counter_presence)) return stop(*why);
  if (auto why = unfit("extend", indexes.extend_presence)) return stop(*why);
  if (recorded.intent) {
    const auto finish = recorded.intent->statement.is_quote() ? finish_quote : finish_counter;
    return finish(recorded, indexes, pcr, same_run);
  }
  if (auto unlike = unlike_newest_receipt(recorded, indexes)) return *unlike;
  if (same_run && pcr != recorded.fold) return foreign_extend(recorded.fold, pcr);
  return {};
}

Decision decide(const attest::AnchorChain& chain, const IndexState& indexes,
                const attest::Hash& pcr, bool same_run) {
  return decide(Recorded{chain.counter(), chain.extend(), chain.fold(), chain.open_intent()},
                indexes, pcr, same_run);
}

}  // namespace stele::tpm
