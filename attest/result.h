// Result<T>: what a function returns that judges outside bytes: a value, or the Defect that says why not.
//
// A Result cannot be ignored ([[nodiscard]] class), nor be made without deciding (no default
// constructor). It has only what std::expected has too (has_value, bool, *, ->, value, error), so
// that C++23 can replace it. Not boost::system::result: that one is default-constructed as success.
// Thread safety: a value. Errors: value() on a defect throws std::logic_error (a bug of the caller).
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "attest/fault.h"

namespace stele::attest {

// Bytes refused: what is wrong, where, and the detail for a person.
struct Defect {
  Defect(Fault fault_, Place at_ = {}, std::string detail_ = {})
      : fault(fault_), at(at_), detail(std::move(detail_)) {}
  Fault fault;
  Place at;
  std::string detail;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result() = delete;
  Result(T value) : inner_(std::in_place_index<0>, std::move(value)) {}
  Result(Defect defect) : inner_(std::in_place_index<1>, std::move(defect)) {}

  bool has_value() const { return inner_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  const T& value() const& { return check(), std::get<0>(inner_); }
  T& value() & { return check(), std::get<0>(inner_); }
  T&& value() && { return check(), std::get<0>(std::move(inner_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }
  const Defect& error() const { return std::get<1>(inner_); }

 private:
  void check() const {
    if (!has_value()) throw std::logic_error("Result::value() on defect " + describe(error()));
  }
  static std::string describe(const Defect& d) { return std::string(name(d.fault)) + ": " + d.detail; }
  std::variant<T, Defect> inner_;
};

struct Nothing {};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = delete;
  Result(Nothing) {}
  Result(Defect defect) : defect_(std::move(defect)) {}
  bool has_value() const { return !defect_; }
  explicit operator bool() const { return has_value(); }
  const Defect& error() const { return *defect_; }

 private:
  std::optional<Defect> defect_;
};

// What a function that only checks returns when it found nothing wrong.
inline Result<void> ok() { return Nothing{}; }

}  // namespace stele::attest
