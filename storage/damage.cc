#include "storage/damage.h"

namespace stele::storage {
namespace {

std::string describe(const attest::Defect& defect) {
  std::string text(name(defect.fault));
  if (defect.at.what != attest::Place::What::nothing) {
    text += " at " + std::string(name(defect.at.what)) + " " + std::to_string(defect.at.value);
  }
  return text + ": " + defect.detail;
}

}  // namespace

Damage::Damage(attest::Defect defect)
    : std::runtime_error(describe(defect)), defect_(std::move(defect)) {}

}  // namespace stele::storage
