// A receipt as files that other people's tools check: tpm2_checkquote and openssl.
//
//   statement                                    the 256 bytes; its d is both attestations'
//   extraData attest sig.tss sig.der pcrs                  the quote, if the receipt has one
//   audit.attest audit.sig.tss audit.sig.der     the session audit digest, if the receipt has one
//   ak.pem                                       SubjectPublicKeyInfo of the AK
//
//   tpm2_checkquote -u ak.pem -m attest -s sig.tss -f pcrs -q D
//   openssl dgst -sha256 -verify ak.pem -signature audit.sig.der audit.attest
//
// sig.tss is a TPMT_SIGNATURE. pcrs is what `tpm2_quote -o` writes: the TSS's C structures as they
// lie in the memory of a little-endian host (TPML_PCR_SELECTION, u32 number of lists, TPML_DIGEST
// each). Thread safety: pure. See: TPM 2.0 Library Part 2, 11.3.4 (TPMT_SIGNATURE).
#pragma once

#include <string>
#include <vector>

#include "attest/receipt.h"

namespace stele::attest {

struct ExportedFile {
  std::string name;
  Bytes bytes;
};
std::vector<ExportedFile> export_receipt(const Receipt& receipt, const TpmIdentity& identity,
                                         ByteView encoded_statement);

Bytes signature_tss(const SignedAttestation& signed_attestation);
Bytes checkquote_pcrs(const PcrValues& values, std::uint8_t pcr);

}  // namespace stele::attest
