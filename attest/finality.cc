#include "attest/finality.h"

namespace stele::attest {

std::string_view name(FinalThrough::By by) {
  switch (by) {
    case FinalThrough::By::mode_a:
      return "mode_a";
    case FinalThrough::By::two_behind:
      return "two_behind";
    case FinalThrough::By::memory:
      return "memory";
  }
  return "";
}

void Finality::counter_anchor(std::uint64_t seq, std::uint64_t size, ReceiptKind kind) {
  if (mode_ == Mode::a) {
    through_ = FinalThrough{seq, size, FinalThrough::By::mode_a};
    return;
  }
  const Anchor anchor{seq, size, kind == ReceiptKind::read_back};
  const auto& [older, newer] = behind_;
  if (anchor.read_back && ((older && older->read_back) || (newer && newer->read_back)))
    broken_ = true;
  if (older && !broken_) {
    through_ = FinalThrough{older->seq, older->size, FinalThrough::By::two_behind};
  }
  behind_ = {newer, anchor};
}

}  // namespace stele::attest
