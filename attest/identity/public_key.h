// PublicKey: an RSA or NIST-curve public key that secrets are sent to, as an endorsement key is.
//
// Thread safety: const members from any thread. Errors: make_*: value_out_of_range; OpenSSL failing
// throws std::runtime_error. Trust: says nothing about whose key it is.
// See: TPM 2.0 Library Part 1, B.4 (RSA OAEP), C.6.1 (ECDH); RFC 8017, 7.1.1.
#pragma once

#include <memory>
#include <optional>

#include "attest/boot/bank.h"
#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

enum class Curve : std::uint16_t { p256 = 0x0003, p384 = 0x0004, p521 = 0x0005 };

class PublicKey {
 public:
  // 2,048 to 4,096 bits; exponent 0 means 65,537, as in a TPMT_PUBLIC.
  static Result<PublicKey> rsa(ByteView modulus, std::uint32_t exponent);
  static Result<PublicKey> ecc(Curve curve, ByteView x, ByteView y);  // the point must be on it
  // Takes over the key of a certificate; nothing if it is of another kind than those two.
  static std::optional<PublicKey> of_openssl(std::shared_ptr<void> evp_pkey);

  bool is_rsa() const { return !curve_; }
  std::optional<Curve> curve() const { return curve_; }
  std::size_t size_bytes() const { return size_bytes_; }  // of the modulus, or of a coordinate
  std::string words() const;                              // "RSA 2048", "ECC P-256"
  bool operator==(const PublicKey& other) const;

  // RSAES-OAEP with this hash for all of it. The label's NUL is added here.
  // Precondition: is_rsa(), salt of the hash's size, message short enough for the modulus.
  Bytes encrypt_oaep(boot::Algorithm algorithm, std::string_view label, ByteView message,
                     ByteView salt) const;
  // One-pass Diffie-Hellman with the ephemeral key `random mod (n - 1) + 1`; coordinates padded
  // left. Precondition: !is_rsa().
  struct Agreement {
    Bytes ephemeral_x, ephemeral_y;
    Bytes own_x;     // of this key
    Bytes shared_x;  // the secret
  };
  Agreement agree(ByteView random) const;

 private:
  PublicKey() = default;
  std::shared_ptr<void> key_;  // EVP_PKEY
  std::optional<Curve> curve_;
  std::size_t size_bytes_ = 0;
};

}  // namespace stele::attest
