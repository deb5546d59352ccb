// Owned<T, T_free>: what OpenSSL made, freed by its own function.
//
// Thread safety: as std::unique_ptr.
#pragma once

#include <memory>

namespace stele::attest {

template <auto Free>
struct OpensslDeleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, OpensslDeleter<Free>>;

}  // namespace stele::attest
