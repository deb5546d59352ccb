// Stands before libcrypto's OSSL_LIB_CTX_new(): one library context for all who ask.
//
// ESYS makes and frees one for each hash and HMAC, which is most of the time that a session played
// from a tape takes. To be linked into tests that play or make many thousands of sessions: what
// ESYS computes stays the same.
// Thread safety: any; a library context may be shared.
#include <dlfcn.h>
#include <openssl/crypto.h>

#include <cstdlib>

namespace {

OSSL_LIB_CTX* make_real() {
  void* const found = dlsym(RTLD_NEXT, "OSSL_LIB_CTX_new");
  if (found == nullptr) std::abort();
  return reinterpret_cast<OSSL_LIB_CTX* (*)()>(found)();
}

}  // namespace

extern "C" {

OSSL_LIB_CTX* OSSL_LIB_CTX_new(void) {
  static OSSL_LIB_CTX* const shared = make_real();
  return shared;
}

void OSSL_LIB_CTX_free(OSSL_LIB_CTX*) {}  // it lives as long as the process
}
