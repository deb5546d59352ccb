#include "tpm/selftest_latency.h"

#include <algorithm>
#include <chrono>

#include "tpm/anchor_session.h"
#include "tpm/scratch_objects.h"
#include "tpm/templates.h"

namespace stele::tpm {
namespace {

// The debug PCR: nobody measures into it, and whoever uses it may reset it.
constexpr std::uint8_t kDebugPcr = 16;

class Measuring {
 public:
  Measuring(Device& device, const SelftestPlan& plan)
      : device_(device),
        plan_(plan),
        counter_(device, counter_public(kScratchCounter, false)),
        extend_(device, extend_public(kScratchExtend, false)),
        key_(make_scratch_key(device)) {
    counter_.increment();  // the first write of an index is another matter
    extend_.extend(digest_);
  }

  std::vector<Latency> run() {
    Object session = start_audit_session(device_);
    measure("TPM2_ReadClock", [&] { read_clock(device_); });
    measure("TPM2_PCR_Extend", [&] { extend_pcr(device_, kDebugPcr, digest_); });
    measure("TPM2_StartAuthSession", [&] { start_audit_session(device_); });
    measure("TPM2_NV_Increment", [&] { increment(session); });
    measure("TPM2_NV_Extend", [&] { extend_.extend(digest_, session.get()); });
    measure("TPM2_NV_Read", [&] { counter_.read(8, session.get()); });
    measure("TPM2_GetSessionAuditDigest", [&] { sign(session); });
    session.reset();
    measure("TPM2_Quote", [&] { quote(); });
    measure("counter anchor", [&] { anchor(); });
    return std::move(latencies_);
  }

 private:
  template <class Work>
  void measure(const char* command, const Work& work) {
    using Clock = std::chrono::steady_clock;
    plan_.progress(command);
    std::vector<double> ms;
    for (unsigned i = 0; i < std::max(plan_.samples, 1u); ++i) {
      const auto start = Clock::now();
      work();
      ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    std::sort(ms.begin(), ms.end());
    const std::size_t half = ms.size() / 2;
    const double median = ms.size() % 2 == 1 ? ms[half] : (ms[half - 1] + ms[half]) / 2;
    latencies_.push_back(
        {command, median, ms.front(), ms.back(), static_cast<unsigned>(ms.size())});
  }

  void increment(const Object& session) {
    set_audit(device_, session, true);
    counter_.increment(session.get());
  }

  void sign(const Object& session) {
    const TPM2B_DATA extra_data = to_qualifying_data(digest_);
    const TPMT_SIG_SCHEME of_key{.scheme = TPM2_ALG_NULL, .details = {}};
    EsysPtr<TPM2B_ATTEST> attest;
    EsysPtr<TPMT_SIGNATURE> signature;
    execute(device_, "TPM2_GetSessionAuditDigest", [&] {
      return Esys_GetSessionAuditDigest(
          device_.esys(), ESYS_TR_RH_ENDORSEMENT, key_.get(), session.get(), ESYS_TR_PASSWORD,
          ESYS_TR_PASSWORD, ESYS_TR_NONE, &extra_data, &of_key, out(attest), out(signature));
    });
  }

  void quote() {
    const TPM2B_DATA extra_data = to_qualifying_data(digest_);
    const TPMT_SIG_SCHEME of_key{.scheme = TPM2_ALG_NULL, .details = {}};
    TPML_PCR_SELECTION pcrs{};  // as an anchor's: 0-7 and one more
    pcrs.count = 1;
    pcrs.pcrSelections[0].hash = TPM2_ALG_SHA256;
    pcrs.pcrSelections[0].sizeofSelect = 3;
    pcrs.pcrSelections[0].pcrSelect[0] = 0xff;
    pcrs.pcrSelections[0].pcrSelect[1] = 0x10;
    EsysPtr<TPM2B_ATTEST> attest;
    EsysPtr<TPMT_SIGNATURE> signature;
    execute(device_, "TPM2_Quote", [&] {
      return Esys_Quote(device_.esys(), key_.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                        &extra_data, &of_key, &pcrs, out(attest), out(signature));
    });
  }

  // A3 to A6, without the look-ups of an anchor's handles.
  void anchor() {
    const Object session = start_audit_session(device_);
    increment(session);
    set_audit(device_, session, false);
    extend_.extend(digest_, session.get());
    counter_.read(8, session.get());
    extend_.read(32, session.get());
    sign(session);
    quote();
  }

  Device& device_;
  const SelftestPlan& plan_;
  const attest::Hash digest_ = attest::hash(attest::view("stele/selftest"));
  ScratchIndex counter_, extend_;
  Object key_;
  std::vector<Latency> latencies_;
};

}  // namespace

std::vector<Latency> measure_latencies(Device& device, const SelftestPlan& plan) {
  return Measuring(device, plan).run();
}

}  // namespace stele::tpm
