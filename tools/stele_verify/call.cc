#include "tools/stele_verify/call.h"

#include <CLI/CLI.hpp>

namespace stele::tools {

void describe(CLI::App& app, Call& call) {
  app.set_version_flag("--version", std::string("stele-verify ") + STELE_VERSION);
  app.add_option("PATH", call.path,
                 "A data directory, an evidence bundle (stele bundle; -: standard input), or a "
                 "single proof (stele prove), also as C2SP tlog-proof")
      ->required();
  app.add_option("--trust", call.trust_path,
                 "The trust file that pins the log; without it nothing is better than undetermined")
      ->type_name("FILE");
  auto* key = app.add_option(
      "--auditor-key", call.auditor_key,
      "File with the verifier key (name+hash+base64) that must have signed the trust file; "
      "needed to approve an era later than the first, and for the identity ek-chain. Without --trust: "
      "the trust file in the bundle counts if this key signed it");
  key->type_name("FILE");
  auto* nonce =
      app.add_option("--nonce", call.nonce, "The 32 random bytes that the host was asked with");
  nonce->type_name("HEX");
  app.add_option("--answer", call.answer_path, "The host's live answer to the nonce (stele answer)")
      ->type_name("FILE")
      ->needs(nonce);
  app.add_option(
         "--memory", call.memory_path,
         "What you remember of this log: read if it exists, written when the log is verified; "
         "FILE.anchor and FILE.counter-anchor keep what the TPM signed about it")
      ->type_name("FILE");
  auto* policy = app.add_option(
      "--policy", call.policy_path,
      "C2SP tlog-policy: the witnesses you believe, and how many must have seen the log (a data "
      "directory, a bundle or a proof)");
  policy->type_name("FILE");
  app.add_option("--cosignatures", call.cosignatures_path,
                 "What witnesses signed (default: what the data directory or the bundle holds)")
      ->type_name("FILE")
      ->needs(policy);
  app.add_option("--receipts", call.receipts_path,
                 "Receipts that the host handed out at once ([[push]]), as you kept them: each must be "
                 "in the data directory or the bundle, which is tampered with otherwise")
      ->type_name("FILE");
  app.add_option("--log-key", call.log_key_path,
                 "Of a tlog-proof: file with the key that must have signed its checkpoint (stele "
                 "trust --checkpoint-key); default: the policy's of this log")
      ->type_name("FILE");
  app.add_option("--leaf-hash", call.leaf_hash,
                 "Of a proof: the leaf hash of the record that it must be of (stele show)")
      ->type_name("HEX");
  app.add_option("--require", call.require, "Findings that make the conclusion undetermined")
      ->type_name("NAME");
  app.add_option("-o,--output", call.output, "How to report")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--jobs", call.jobs, "Threads that check records")
      ->check(CLI::Range(1u, 64u))
      ->capture_default_str();
  app.footer(
      "Exit codes: 0 verified, 1 evidence of tampering, 2 cannot tell; 64 usage, 65 malformed "
      "input,\n"
      "66 no input, 74 input or output error, 77 no permission.");
}

}  // namespace stele::tools
