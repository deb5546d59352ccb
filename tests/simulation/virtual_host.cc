#include "tests/simulation/virtual_host.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <chrono>
#include <ctime>
#include <set>
#include <utility>

#include "attest/check.h"
#include "attest/hash.h"

namespace stele::test {
namespace {

VirtualHost* current = nullptr;

using attest::Bytes;
using attest::ByteView;

constexpr std::size_t kRemembered = 100'000;

// What OpenSSL found good once: points on the curve, and (point, message, signature).
std::set<Bytes>& known_good() {
  static std::set<Bytes> all;
  return all;
}
bool is_known(const Bytes& what) {
  return known_good().contains(what);
}
int remember(const Bytes& what, int result) {
  if (known_good().size() >= kRemembered) known_good().clear();
  if (result == 1) known_good().insert(what);
  return result;
}

// The public point of the key asked about last. It is kept, so that its address stays its own.
const Bytes& point_of(EVP_PKEY* key) {
  static EVP_PKEY* last = nullptr;
  static Bytes point;
  if (key == last) return point;
  point.resize(128);
  std::size_t size = 0;
  ENSURE(EVP_PKEY_get_octet_string_param(key, "pub", point.data(), point.size(), &size) == 1);
  point.resize(size);
  EVP_PKEY_up_ref(key);
  EVP_PKEY_free(last);
  last = key;
  return point;
}

// A verification that was begun here only: OpenSSL hears of it when the answer is not known.
struct Begun {
  EVP_MD_CTX* context = nullptr;
  EVP_PKEY* key = nullptr;
} last_begun;

}  // namespace

VirtualHost::VirtualHost(std::uint64_t seed, std::function<void(std::uint64_t)> passed)
    : state_(seed), passed_(std::move(passed)) {
  ENSURE(current == nullptr);
  current = this;
}
VirtualHost::~VirtualHost() {
  current = nullptr;
}

void VirtualHost::pass(std::uint64_t milliseconds) {
  now_ns_ += static_cast<std::int64_t>(milliseconds) * 1'000'000;
  if (passed_) passed_(milliseconds);
}

std::uint64_t VirtualHost::random() {  // splitmix64
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace stele::test

// The names are the linker's: --wrap sends every call of X to __wrap_X.
using Now = std::chrono::system_clock::time_point;
Now real_now() __asm__("__real__ZNSt6chrono3_V212system_clock3nowEv");
Now wrapped_now() __asm__("__wrap__ZNSt6chrono3_V212system_clock3nowEv");
Now wrapped_now() {
  if (stele::test::current == nullptr) return real_now();
  return Now(std::chrono::nanoseconds(stele::test::current->now_ns()));
}

extern "C" {

int __real_nanosleep(const timespec* wanted, timespec* left);
int __wrap_nanosleep(const timespec* wanted, timespec* left) {
  if (stele::test::current == nullptr) return __real_nanosleep(wanted, left);
  const auto milliseconds = wanted->tv_sec * 1000 + wanted->tv_nsec / 1'000'000;
  stele::test::current->pass(static_cast<std::uint64_t>(milliseconds));
  return 0;
}

ssize_t __real_getrandom(void* out, std::size_t size, unsigned flags);
ssize_t __wrap_getrandom(void* out, std::size_t size, unsigned flags) {
  if (stele::test::current == nullptr) return __real_getrandom(out, size, flags);
  auto* bytes = static_cast<std::uint8_t*>(out);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::uint8_t>(stele::test::current->random());
  return static_cast<ssize_t>(size);
}

int __real_EVP_PKEY_public_check(EVP_PKEY_CTX* context);
int __wrap_EVP_PKEY_public_check(EVP_PKEY_CTX* context) {
  const auto& point = stele::test::point_of(EVP_PKEY_CTX_get0_pkey(context));
  if (stele::test::is_known(point)) return 1;
  return stele::test::remember(point, __real_EVP_PKEY_public_check(context));
}

int __real_EVP_DigestVerifyInit(EVP_MD_CTX* context, EVP_PKEY_CTX** made, const EVP_MD* type,
                                ENGINE* engine, EVP_PKEY* key);
int __wrap_EVP_DigestVerifyInit(EVP_MD_CTX* context, EVP_PKEY_CTX** made, const EVP_MD* type,
                                ENGINE* engine, EVP_PKEY* key) {
  if (made != nullptr || type != EVP_sha256() || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
    return __real_EVP_DigestVerifyInit(context, made, type, engine, key);
  stele::test::last_begun = {context, key};
  return 1;
}

int __real_EVP_DigestVerify(EVP_MD_CTX* context, const unsigned char* signature, std::size_t length,
                            const unsigned char* message, std::size_t size);
int __wrap_EVP_DigestVerify(EVP_MD_CTX* context, const unsigned char* signature, std::size_t length,
                            const unsigned char* message, std::size_t size) {
  using stele::attest::ByteView;
  const auto begun = std::exchange(stele::test::last_begun, {});
  if (begun.context != context)
    return __real_EVP_DigestVerify(context, signature, length, message, size);
  const auto length_byte = static_cast<std::uint8_t>(length);
  const auto whole =
      stele::attest::hash({stele::test::point_of(begun.key), ByteView(&length_byte, 1),
                           ByteView(signature, length), ByteView(message, size)});
  const stele::attest::Bytes name(whole.bytes.begin(), whole.bytes.end());
  if (stele::test::is_known(name)) return 1;
  if (__real_EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, begun.key) != 1)
    return 0;
  return stele::test::remember(name,
                               __real_EVP_DigestVerify(context, signature, length, message, size));
}
}
