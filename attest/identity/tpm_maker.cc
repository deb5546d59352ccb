#include "attest/identity/tpm_maker.h"

namespace stele::attest {
namespace {

struct Maker {
  std::string_view id;
  TpmKind kind;
};
constexpr Maker kMakers[] = {
    {"IFX", TpmKind::discrete},          {"STM", TpmKind::discrete},  {"NTC", TpmKind::discrete},
    {"ATML", TpmKind::discrete},         {"NTZ", TpmKind::discrete},  {"NSG", TpmKind::discrete},
    {"SNS", TpmKind::discrete},          {"WEC", TpmKind::discrete},  {"TXN", TpmKind::discrete},
    {"SMSN", TpmKind::discrete},         {"SEAL", TpmKind::discrete}, {"INTC", TpmKind::firmware},
    {"AMD", TpmKind::firmware},          {"QCOM", TpmKind::firmware}, {"ROCC", TpmKind::firmware},
    {"MSFT", TpmKind::virtual_},         {"VMW", TpmKind::virtual_},  {"GOOG", TpmKind::virtual_},
    {"AMZN", TpmKind::virtual_},         {"QEMU", TpmKind::virtual_}, {"IBM", TpmKind::simulator},
    {"id:00001014", TpmKind::simulator},  // libtpms, as swtpm's own authority writes it
};

}  // namespace

TpmKind kind_of(std::string_view manufacturer, std::string_view model) {
  // libtpms says "SW   TPM"; Microsoft's reference code "xCG fTPM"; swtpm's certificates "swtpm".
  if (model.starts_with("SW") || model.starts_with("swtpm") || model == "xCG fTPM") {
    return TpmKind::simulator;
  }
  for (const Maker& maker : kMakers) {
    if (maker.id == manufacturer) return maker.kind;
  }
  return TpmKind::unknown;
}

}  // namespace stele::attest
