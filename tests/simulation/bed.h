// A machine with a log, and what the people around it do: the daemon's work, an auditor, a thief.
//
// For tests that walk through cases one by one; histories by seed are history.h's.
// Thread safety: one thread, one Bed at a time. Errors: what must not fail fails the test.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "attest/appraiser.h"
#include "storage/store_reader.h"
#include "tests/simulation/machine.h"
#include "tpm/error.h"

namespace stele::test {

struct Bed {
  explicit Bed(attest::Mode mode = attest::Mode::a) : machine(1, mode) {
    EXPECT_EQ(machine.start(), Ended::done) << machine.why();
  }

  void grow() {
    const std::string event = "event " + std::to_string(machine.store().head().size);
    storage::NewRecord record;
    record.time_ns = machine.host.now_ns();
    record.bytes = attest::view(event);
    ASSERT_EQ(machine.append({&record, 1}), Ended::done);
    machine.pass(500);
  }
  daemon::AnchorRounds::DurableHead head() {
    return [this] { return machine.store().head(); };
  }
  Ended counter(std::uint16_t flags = 0) {
    return machine.attempt([&] { machine.rounds().counter(head(), flags); });
  }
  Ended quote() {
    return machine.attempt([&] { (void)machine.rounds().quote(head()); });
  }
  attest::Bytes answer(const attest::Hash& nonce) {
    attest::Bytes made;
    EXPECT_EQ(machine.attempt([&] { made = encode(machine.rounds().answer(nonce, head())); }),
              Ended::done);
    return made;
  }

  attest::AnchorChain chain() {
    storage::EntryReader entries(*machine.files, kLog);
    auto made = attest::AnchorChain::begin(entries.next()->payload, machine.credentials.identity);
    while (const auto entry = entries.next())
      made->apply(attest::EntryKind{entry->kind}, entry->payload).value();
    return *made;
  }
  attest::Report appraise(attest::Options options = {}, const attest::Bytes& answer_bytes = {}) {
    options.trust = machine.trust;
    attest::Appraiser appraiser(options);
    if (!answer_bytes.empty()) appraiser.answer(answer_bytes);
    storage::present(*machine.files, kLog, appraiser, 1, {});
    attest::Report made = appraiser.report();
    if (appraiser.memory()) memory = appraiser.memory();
    return made;
  }
  // Whoever is root lets the TPM answer for the log that lies there.
  attest::Report challenge() {
    const attest::AnchorChain now = chain();
    attest::Answer answer;
    answer.nonce = attest::hash(attest::view("a fresh nonce"));
    answer.log_id = now.log_id();
    answer.seq = now.newest_statement()->seq;
    answer.quote_seq = now.newest_statement()->quote_seq;
    answer.digest = now.newest_digest();
    answer.tree_size = now.newest_statement()->tree.size;
    attest::Options options;
    options.nonce = answer.nonce;
    attest::Bytes bytes;
    try {
      machine.device()->answer(answer);
      bytes = encode(answer);
    } catch (const tpm::TpmError&) {
      // The TPM cannot: a nonce stays without its answer.
    }
    return appraise(options, bytes);
  }

  Machine machine;
  std::optional<attest::Memory> memory;
};

}  // namespace stele::test
