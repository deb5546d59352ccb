#include "tpm/device.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>

#include "tpm/bounded_connect.h"
#include "tpm/bounded_tcti.h"
#include "tpm/esys.h"

namespace stele::tpm {
namespace {

// The TSS writes every refused command to stderr by itself; we say it once, in words. Set before
// main: later, other threads may be reading the environment. TSS2_LOG, if set, wins.
const int kQuietTss = setenv("TSS2_LOG", "all+none", 0);

constexpr std::string_view kDevicePrefix = "device:";

bool is_device(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 && S_ISCHR(found.st_mode);
}

// What the operator can do about a TCTI that cannot be opened.
std::string remedy(const std::string& tcti) {
  const std::string kind = tcti.substr(0, tcti.find(':'));
  const std::string rest = kind.size() < tcti.size() ? tcti.substr(kind.size() + 1) : "";
  if (kind == "device") {
    const std::string path = rest.empty() ? "/dev/tpm0" : rest;
    struct stat found {};
    if (stat(path.c_str(), &found) != 0) {
      return "no " + path + " (" + std::strerror(errno) +
             "): is the TPM enabled in the firmware's set-up, and its kernel driver loaded?";
    }
    if (!S_ISCHR(found.st_mode)) return path + " is not a device";
    if (access(path.c_str(), R_OK | W_OK) != 0) {
      return "no permission for " + path + ": run as root, or as a member of the group tss";
    }
    return path + " cannot be opened: /dev/tpm0 serves one program at a time, use /dev/tpmrm0";
  }
  if (kind == "swtpm" || kind == "mssim") {
    return "nothing answers there: is " + kind +
           " started, with its control channel on the port after" +
           " (swtpm socket --tpm2 --server type=tcp,port=P --ctrl type=tcp,port=P+1)?";
  }
  if (kind == "tabrmd" || kind == "cmd" || kind == "pcap") {
    return "the TCTI '" + kind + "' could not start: is its library (libtss2-tcti-" + kind +
           ") installed?";
  }
  return "unknown TCTI '" + kind + "': use device:/dev/tpmrm0, or swtpm:host=HOST,port=PORT";
}

std::string printable(std::uint32_t word) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const char c = static_cast<char>((word >> shift) & 0xff);
    if (c > ' ' && c < 0x7f) text += c;
    if (c == ' ' && !text.empty()) text += c;
  }
  return text;
}

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
  while (!text.empty() && text.front() == ' ') text.erase(0, 1);
  return text;
}

}  // namespace

struct Device::State {
  std::optional<BoundedTcti> tcti;
  ESYS_CONTEXT* esys = nullptr;
  Limits limits;

  ~State() {
    if (esys != nullptr) Esys_Finalize(&esys);
  }

  void begin(TSS2_TCTI_CONTEXT* inner, std::function<void(TSS2_TCTI_CONTEXT*)> end) {
    tcti.emplace(inner, std::move(end), limits.response);
    const TSS2_RC rc = Esys_Initialize(&esys, tcti->get(), nullptr);
    if (rc != TSS2_RC_SUCCESS) throw TpmError(rc, "starting ESYS");
  }
};

Device::Device(const std::string& tcti, Limits limits) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  // The device TCTI writes a command to whatever file it is given: never let it near another.
  const bool is_file =
      tcti.starts_with(kDevicePrefix) && !is_device(tcti.substr(kDevicePrefix.size()));
  const std::string what = "cannot reach a TPM at '" + tcti + "'";
  if (is_file) throw TpmError(TSS2_TCTI_RC_IO_ERROR, what, remedy(tcti));
  auto opened = open_tcti(tcti, limits.response);
  if (!opened) {
    throw TpmError(TSS2_TCTI_RC_IO_ERROR, what,
                   "something is there and does not answer: is it stopped, or do its packets get "
                   "lost on the way?");
  }
  if (opened->rc != TSS2_RC_SUCCESS) throw TpmError(opened->rc, what, remedy(tcti));
  const CloseTcti close = opened->context.get_deleter();
  state_->begin(opened->context.release(), close);
}

Device::Device(TSS2_TCTI_CONTEXT* tcti, Limits limits) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  state_->begin(tcti, {});
}

Device::Device(Device&&) noexcept = default;
Device::~Device() = default;

ESYS_CONTEXT* Device::esys() const {
  return state_->esys;
}
const Device::Limits& Device::limits() const {
  return state_->limits;
}

Device::Kind Device::kind() {
  EsysPtr<TPMS_CAPABILITY_DATA> found;
  execute(*this, "TPM2_GetCapability", [&] {
    return Esys_GetCapability(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              TPM2_CAP_TPM_PROPERTIES, TPM2_PT_FIXED, TPM2_MAX_TPM_PROPERTIES,
                              nullptr, out(found));
  });
  Kind kind;
  const TPML_TAGGED_TPM_PROPERTY& list = found->data.tpmProperties;
  for (std::uint32_t i = 0; i < list.count; ++i) {
    const std::uint32_t value = list.tpmProperty[i].value;
    switch (list.tpmProperty[i].property) {
      case TPM2_PT_MANUFACTURER:
        kind.manufacturer = trimmed(printable(value));
        break;
      case TPM2_PT_VENDOR_STRING_1:
      case TPM2_PT_VENDOR_STRING_2:
      case TPM2_PT_VENDOR_STRING_3:
      case TPM2_PT_VENDOR_STRING_4:
        kind.model += printable(value);
        break;
      case TPM2_PT_FIRMWARE_VERSION_1:
        kind.firmware |= std::uint64_t{value} << 32;
        break;
      case TPM2_PT_FIRMWARE_VERSION_2:
        kind.firmware |= value;
        break;
      default:
        break;
    }
  }
  kind.model = trimmed(kind.model);
  // libtpms says IBM, "SW   TPM"; Microsoft's reference code says "xCG fTPM".
  kind.simulator =
      kind.manufacturer == "IBM" || kind.model.starts_with("SW") || kind.model == "xCG fTPM";
  return kind;
}

}  // namespace stele::tpm
