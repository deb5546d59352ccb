#include "tpm/selftest.h"

#include <algorithm>

#include "attest/codec.h"
#include "tpm/anchor_session.h"
#include "tpm/hierarchies.h"
#include "tpm/inspect.h"
#include "tpm/scratch_objects.h"
#include "tpm/selftest_latency.h"
#include "tpm/templates.h"

namespace stele::tpm {
namespace {

constexpr std::uint16_t kTestedCounterBytes = 8;
constexpr std::uint16_t kTestedExtendBytes = 32;

std::uint64_t value_of(ScratchIndex& counter) {
  const attest::Bytes bytes = counter.read(kTestedCounterBytes);
  return attest::Reader(bytes).u64();
}

std::string prefixed_hex(std::uint32_t number) {
  char text[11];
  std::snprintf(text, sizeof text, "0x%X", number);
  return text;
}

// Owner and endorsement as the plan says; nothing is sent with a wrong guess.
void open_hierarchies(Device& device, const SelftestPlan& plan) {
  const HierarchyState state = hierarchy_state(device);
  if (state.owner_set && !plan.owner_auth) {
    throw SelftestRefused(
        "the owner hierarchy of this TPM is locked, and scratch indexes need it: run the selftest "
        "before provisioning in mode a, or let the auditor give its secret (--owner-auth FILE)");
  }
  use_auth(device, ESYS_TR_RH_OWNER, state.owner_set,
           plan.owner_auth ? attest::ByteView(*plan.owner_auth) : attest::ByteView());
  use_auth(device, ESYS_TR_RH_ENDORSEMENT, state.endorsement_set && plan.endorsement_auth,
           plan.endorsement_auth ? attest::ByteView(*plan.endorsement_auth) : attest::ByteView());
}

void require_free(Device& device) {
  for (const std::uint32_t handle : {kScratchCounter, kScratchExtend}) {
    if (!find_object(device, handle)) continue;
    throw SelftestRefused("there is an index at " + prefixed_hex(handle) +
                          " already: if an interrupted selftest left it, remove it with "
                          "`stele tpm selftest --clean`; a two-step one goes on with "
                          "--after-power-cycle");
  }
}

Check redefined_counter(Device& device) {
  std::uint64_t last = 0;
  {
    ScratchIndex counter(device, counter_public(kScratchCounter, false));
    for (int i = 0; i < 3; ++i) counter.increment();
    last = value_of(counter);
    counter.undefine();
  }
  ScratchIndex again(device, counter_public(kScratchCounter, false));
  again.increment();
  const std::uint64_t first = value_of(again);
  return {
      "redefined_counter_never_repeats", first > last,
      "deleted at " + std::to_string(last) + ", defined anew it shows " + std::to_string(first)};
}

// Runs `between` after the first command of an audit session, then demands exclusivity.
// Whether the TPM granted it; other errors are thrown.
bool stays_exclusive(Device& device, const std::function<void(Object& session)>& between) {
  ScratchIndex counter(device, counter_public(kScratchCounter, false));
  counter.increment();  // the written Name, as anchors use it
  Object session = start_audit_session(device);
  set_audit(device, session, true);
  counter.increment(session.get());
  between(session);
  set_audit(device, session, false);
  try {
    counter.read(kTestedCounterBytes, session.get());
    return true;
  } catch (const TpmError& error) {
    if (error.kind() != TpmError::Kind::not_exclusive) throw;
    return false;
  }
}

void get_random(Device& device) {
  EsysPtr<TPM2B_DIGEST> bytes;
  execute(device, "TPM2_GetRandom", [&] {
    return Esys_GetRandom(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 8, out(bytes));
  });
}

EsysPtr<TPMS_CONTEXT> save(Device& device, Object& session) {
  EsysPtr<TPMS_CONTEXT> context;
  execute(device, "TPM2_ContextSave",
          [&] { return Esys_ContextSave(device.esys(), session.get(), out(context)); });
  session.release();  // ESYS forgets a session that it saved
  return context;
}

Object load(Device& device, const TPMS_CONTEXT& context) {
  ESYS_TR session = ESYS_TR_NONE;
  execute(device, "TPM2_ContextLoad",
          [&] { return Esys_ContextLoad(device.esys(), &context, &session); });
  return Object(device, session, Object::End::flush);
}

Check undisturbed(Device& device) {
  const bool exclusive = stays_exclusive(device, [](Object&) {});
  return {"exclusive_session_holds_when_undisturbed", exclusive,
          exclusive ? "increment and read in one exclusive session" : "refused without a reason"};
}

Check broken_by_get_random(Device& device) {
  const bool exclusive = stays_exclusive(device, [&](Object&) { get_random(device); });
  return {"get_random_breaks_exclusivity", !exclusive,
          exclusive ? "the TPM did not notice another command in between"
                    : "refused with TPM_RC_EXCLUSIVE (0x121)"};
}

Check kept_by_contexts(Device& device) {
  const bool exclusive = stays_exclusive(
      device, [&](Object& session) { session = load(device, *save(device, session)); });
  return {"context_save_and_load_keep_exclusivity", exclusive,
          exclusive ? "a resource manager does no harm"
                    : "refused: anchors need a TPM without a resource manager in between"};
}

Check old_context(Device& device) {
  Object session = start_audit_session(device);
  const EsysPtr<TPMS_CONTEXT> old = save(device, session);
  session = load(device, *old);
  const EsysPtr<TPMS_CONTEXT> newer = save(device, session);
  Check check{"old_session_context_is_refused", false, "the TPM loaded a session a second time"};
  try {
    load(device, *old);
  } catch (const TpmError& error) {
    if (error.kind() == TpmError::Kind::lost_device) throw;
    check.passed = true;
    check.detail = "refused with " + prefixed_hex(error.rc());
  }
  if (check.passed) session = load(device, *newer);  // and flushed
  return check;
}

Check clock_after(const BeforePowerCycle& before, const Clock& now, std::uint32_t update_ms) {
  // Stored at least every update_ms; an unclean stop may lose as much.
  const bool kept = now.clock_ms + update_ms >= before.clock.clock_ms;
  return {"clock_survives_within_its_update_interval", kept,
          "was " + std::to_string(before.clock.clock_ms) + " ms, is " +
              std::to_string(now.clock_ms) + " ms, stored every " + std::to_string(update_ms) +
              " ms"};
}

}  // namespace

bool SelftestReport::passed() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.passed; });
}

SelftestReport selftest(Device& device, const SelftestPlan& plan) {
  open_hierarchies(device, plan);
  require_free(device);
  SelftestReport report;
  const auto run = [&](std::string_view step, Check (*check)(Device&)) {
    plan.progress(step);
    report.checks.push_back(check(device));
  };
  run("a counter is deleted and defined anew", redefined_counter);
  run("an exclusive session", undisturbed);
  run("an exclusive session, disturbed", broken_by_get_random);
  run("an exclusive session, put away and fetched back", kept_by_contexts);
  run("an old session context", old_context);
  report.clock_update_ms = inspect(device).clock_update_ms;
  if (!hierarchy_state(device).endorsement_set || plan.endorsement_auth) {
    report.latencies = measure_latencies(device, plan);
  }
  return report;
}

BeforePowerCycle before_power_cycle(Device& device, const SelftestPlan& plan) {
  open_hierarchies(device, plan);
  require_free(device);
  plan.progress("scratch indexes are written");
  ScratchIndex counter(device, counter_public(kScratchCounter, false));
  ScratchIndex extend(device, extend_public(kScratchExtend, false));
  for (int i = 0; i < 3; ++i) counter.increment();
  extend.extend(attest::hash(attest::view("before the power cycle")));
  BeforePowerCycle before;
  before.counter = value_of(counter);
  before.extend = attest::Reader(extend.read(kTestedExtendBytes)).hash();
  before.clock = read_clock(device);
  counter.keep();
  extend.keep();
  return before;
}

SelftestReport after_power_cycle(Device& device, const SelftestPlan& plan,
                                 const BeforePowerCycle& before) {
  open_hierarchies(device, plan);
  plan.progress("scratch indexes are read");
  const Clock now = read_clock(device);
  if (now.run.reset == before.clock.run.reset) {
    throw SelftestRefused(
        "the TPM was not reset since --before-power-cycle: power the machine off "
        "and on, then run this again");
  }
  ScratchIndex counter = ScratchIndex::adopt(device, kScratchCounter);
  ScratchIndex extend = ScratchIndex::adopt(device, kScratchExtend);
  SelftestReport report;
  const std::uint64_t value = value_of(counter);
  report.checks.push_back(
      {"counter_survives_a_power_cycle", value == before.counter,
       "was " + std::to_string(before.counter) + ", is " + std::to_string(value)});
  const attest::Hash chain = attest::Reader(extend.read(kTestedExtendBytes)).hash();
  report.checks.push_back({"extend_index_survives_a_power_cycle", chain == before.extend,
                           chain == before.extend ? "unchanged" : "another value"});
  report.clock_update_ms = inspect(device).clock_update_ms;
  report.checks.push_back(clock_after(before, now, report.clock_update_ms));
  counter.undefine();
  extend.undefine();
  return report;
}

unsigned clean_scratch(Device& device, const SelftestPlan& plan) {
  open_hierarchies(device, plan);
  unsigned removed = 0;
  for (const bool written : {false, true}) {
    for (const TPM2B_NV_PUBLIC& area :
         {counter_public(kScratchCounter, written), extend_public(kScratchExtend, written)}) {
      if (name_at(device, area.nvPublic.nvIndex) != name_of(area)) continue;
      ScratchIndex::adopt(device, area.nvPublic.nvIndex).undefine();
      ++removed;
    }
  }
  return removed;
}

}  // namespace stele::tpm
