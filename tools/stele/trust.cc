#include "tools/stele/trust.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/stele/acknowledge.h"
#include "tools/stele/auditor_key.h"
#include "tools/stele/boot_policy.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/output.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

struct TrustArguments {
  std::string output;
  std::string boot_policy;  // kind or file; empty: as it is
  std::string trust;        // the file to start from; empty: the host's
  std::string key, name;    // the auditor's; empty: not signed
  bool checkpoint_key = false;
  bool witness_key = false;
};

void give(const std::string& text, const std::string& output) {
  if (output.empty()) {
    std::cout << text;
  } else {
    write_output(output, attest::view(text));
  }
}

// Worth little beside the trust file: whoever is root on the host can sign with it too.
void verifier_key(const Common& common, const std::string& name, const std::string& output) {
  const Site site = find_site(common);
  require_log(site);
  const std::string path = site.config.data + "/" + name;
  if (!storage::posix().exists(path)) {
    throw CommandError(kNoInput,
                       "this log has no key for its checkpoints: run `stele provision` again with "
                       "steled stopped (mode a: with --escrow-plain), then start steled");
  }
  give(read_text_file(path), output);
}

// A signature says more than that the file is this one: it approves how earlier eras ended, and
// vouches for an enrolment or a lock. Both are judged elsewhere; what of that this key has signed
// before is signed again.
void require_signable(const attest::TrustFile& trust, const std::string& before,
                      const std::string& key) {
  if (attest::parse_trust(before, key)) return;
  if (trust.era > 0) {
    throw CommandError(kUndetermined,
                       "era " + std::to_string(trust.era) +
                           " follows others, and signing approves how they ended: with `stele era "
                           "sign` or `stele enroll --succeeds`; what this key has signed already, "
                           "change and sign in one step");
  }
  if (trust.enrolled || trust.locked_from_outside) {
    throw CommandError(kUndetermined,
                       "the file says that its TPM was enrolled, or locked from outside, and this "
                       "key has not signed that: have `stele enroll` or `stele lock` sign it; what "
                       "they have signed, change and sign in one step");
  }
}

void sign(const attest::TrustFile& trust, const std::string& before,
          const TrustArguments& arguments) {
  const attest::NoteSigner signer = read_signer(arguments.key, arguments.name);
  const std::string key = attest::to_text(signer.key());
  require_signable(trust, before, key);
  const std::string text = attest::to_text(signer.sign(attest::to_text(trust)));
  require_trust_fits(text);
  give(text, arguments.output);
  std::cerr << "stele: signed; a verdict holds it against the key with --auditor-key FILE, where "
               "FILE holds\n"
            << key << '\n';
}

void export_trust(const std::string& text, const std::string& output) {
  give(text, output);
  std::cerr << "stele: give it to the auditor by a way that this host's root does not control.\n"
            << "stele: SHA-256 to compare over another channel: "
            << attest::to_hex(attest::hash(attest::view(text))) << '\n';
}

void trust(const Common& common, const TrustArguments& arguments) {
  const bool is_asked_to_sign = !arguments.key.empty();
  if (!arguments.trust.empty() && arguments.boot_policy.empty() && !is_asked_to_sign)
    throw CommandError(kUsage, "--trust goes with --boot-policy or --auditor-key-file");
  // An auditor's machine has neither a configuration nor a log.
  const bool is_elsewhere = !arguments.trust.empty() && !is_of_this_host(arguments.boot_policy);
  const Site site = is_elsewhere ? Site{} : find_site(common);
  StoredTrust stored =
      arguments.trust.empty() ? read_trust(site) : read_trust_file(arguments.trust);
  const std::string before = stored.text;
  if (!arguments.boot_policy.empty()) {
    const bool was_signed = before != to_text(stored.trust);
    set_boot_policy(site, arguments.boot_policy, stored.trust);
    stored.text = to_text(stored.trust);
    require_trust_fits(stored.text);
    if (was_signed && !is_asked_to_sign) {
      std::cerr << "stele: the signature does not hold any more: the auditor sets the policy's "
                   "lines and signs in one step, with --boot-policy FILE and --auditor-key-file.\n";
    }
  }
  if (is_asked_to_sign) return sign(stored.trust, before, arguments);
  export_trust(stored.text, arguments.output);
}

void add_boot_policy(CLI::App& command, TrustArguments& arguments) {
  auto* policy = command.add_option(
      "--boot-policy", arguments.boot_policy,
      "With a boot policy: record (judge no boot), exact (add the PCR values of this host's newest "
      "boot), digests (add what its event log measured), ima (add its measured files), or a file "
      "of policy lines");
  policy->type_name("record|exact|digests|ima|FILE");
  command
      .add_option("--trust", arguments.trust,
                  "Set the policy in this trust file, or sign it, instead of the host's copy")
      ->type_name("FILE");
}

void add_signing(CLI::App& command, TrustArguments& arguments) {
  auto* const key =
      command
          .add_option("--auditor-key-file", arguments.key,
                      "The auditor's: sign it, with an Ed25519 key (openssl genpkey -algorithm "
                      "ed25519)")
          ->type_name("FILE");
  auto* const name =
      command.add_option("--name", arguments.name, "The key's name in notes, e.g. auditor.example")
          ->type_name("NAME")
          ->needs(key);
  key->needs(name);
}

}  // namespace

void add_trust(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<TrustArguments>();
  CLI::App* command =
      app.add_subcommand("trust", "Print or export the trust file that an auditor pins");
  command->add_option("-o,--output", arguments->output, "Write it to this file")->type_name("FILE");
  add_boot_policy(*command, *arguments);
  add_signing(*command, *arguments);
  command
      ->add_flag("--checkpoint-key", arguments->checkpoint_key,
                 "Instead: the C2SP verifier key of the signature on the log's checkpoints")
      ->excludes("--boot-policy")
      ->excludes("--auditor-key-file");
  command
      ->add_flag("--witness-key", arguments->witness_key,
                 "Instead: the C2SP verifier key of what this host cosigns for other logs")
      ->excludes("--checkpoint-key")
      ->excludes("--boot-policy")
      ->excludes("--auditor-key-file");
  add_acknowledge(*command);
  command->callback([&common, arguments, command] {
    if (!command->get_subcommands().empty()) return;  // it has done all
    if (arguments->checkpoint_key) {
      return verifier_key(common, "checkpoint.vkey", arguments->output);
    }
    if (arguments->witness_key) return verifier_key(common, "witness.vkey", arguments->output);
    trust(common, *arguments);
  });
}

}  // namespace stele::tools
