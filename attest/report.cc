#include "attest/report.h"

namespace stele::attest {

std::string_view name(Presented what) {
  switch (what) {
    case Presented::store:
      return "store";
    case Presented::bundle:
      return "bundle";
    case Presented::proof:
      return "proof";
    case Presented::tlog_proof:
      return "tlog-proof";
  }
  return "store";
}

std::string_view name(CheckpointReport::Signature signature) {
  switch (signature) {
    using enum CheckpointReport::Signature;
    case not_checked:
      return "not_checked";
    case verified:
      return "verified";
    case unknown_key:
      return "unknown_key";
    case invalid:
      return "invalid";
  }
  return "";
}

std::string_view name(BootFigures::Policy policy) {
  switch (policy) {
    case BootFigures::Policy::none:
      return "none";
    case BootFigures::Policy::record:
      return "record";
    case BootFigures::Policy::rules:
      return "rules";
  }
  return "none";
}

void describe(const TrustFile& trust, bool signature_checked, Report& report) {
  report.origin = trust.origin;
  report.log_id = trust.log_id;
  report.mode = trust.mode;
  if (trust.mode == Mode::a) report.locked_from_outside = trust.locked_from_outside;
  report.tpm_kind = trust.tpm_kind;
  report.tpm_manufacturer = trust.tpm_manufacturer;
  report.tpm_model = trust.tpm_model;
  report.identity = trust.enrolled && signature_checked ? "ek-chain" : "pinned-key";
  report.enrolment_claimed = trust.enrolled && !signature_checked;
  report.boots.policy = policy_of(trust);
}

BootFigures::Policy policy_of(const TrustPins& pins) {
  if (!pins.boot_policy) return BootFigures::Policy::none;
  return pins.boot_policy->records_only() ? BootFigures::Policy::record
                                          : BootFigures::Policy::rules;
}

std::string_view name(Conclusion conclusion) {
  switch (conclusion) {
    case Conclusion::verified:
      return "verified";
    case Conclusion::tampered:
      return "tampered";
    case Conclusion::undetermined:
      return "undetermined";
  }
  return "undetermined";
}

int exit_code(Conclusion conclusion) {
  switch (conclusion) {
    case Conclusion::verified:
      return 0;
    case Conclusion::tampered:
      return 1;
    case Conclusion::undetermined:
      return 2;
  }
  return 2;
}

}  // namespace stele::attest
