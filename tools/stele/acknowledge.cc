#include "tools/stele/acknowledge.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "attest/evidence/appraise.h"
#include "attest/printable.h"
#include "attest/rfc3339.h"
#include "storage/store_reader.h"
#include "tools/stele/auditor_desk.h"
#include "tools/stele/auditor_key.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/number.h"
#include "tools/stele/output.h"
#include "tools/stele/trust_file.h"
#include "tools/stele_verify/input_file.h"

namespace stele::tools {
namespace {

using attest::ForeignWindow;

struct AcknowledgeArguments {
  std::string path, trust, auditor_key, key, name, output = "-";
  std::uint64_t anchor = 0;
  std::optional<std::uint32_t> era;
};

attest::Report appraise(const AcknowledgeArguments& arguments, const AuditorDesk& desk) {
  attest::EvidenceOptions options;
  options.trust = desk.trust();
  options.eras_approved = desk.eras_approved();
  if (!std::filesystem::exists(arguments.path)) {
    throw CommandError(kNoInput,
                       arguments.path + " does not exist: give a data directory or a bundle");
  }
  if (std::filesystem::is_directory(arguments.path)) {
    if (!storage::looks_like_store(storage::posix(), arguments.path)) {
      throw CommandError(kMalformed, arguments.path + " is no data directory of Stele's");
    }
    attest::Appraiser appraiser(std::move(options));
    storage::present(storage::posix(), arguments.path, appraiser, 1, {});
    return appraiser.report();
  }
  InputFile input(arguments.path);
  if (!input.begins_with(attest::kEvidenceMagic)) {
    throw CommandError(kMalformed, arguments.path + " is neither a data directory nor a bundle");
  }
  attest::EvidenceAppraiser appraiser(std::move(options));
  for (auto bytes = input.next(); !bytes.empty(); bytes = input.next()) appraiser.feed(bytes);
  return appraiser.report();
}

// A signature of the TPM's stands behind each anchor of what passes.
void require_judged(const attest::Report& report, const std::string& path) {
  if (report.conclusion == attest::Conclusion::tampered) {
    throw CommandError(kTampered,
                       path + " is tampered (" + std::string(name(report.defects[0].fault)) +
                           "): nothing in it can be acknowledged; stele-verify says more");
  }
  if (report.integrity != attest::Outcome::pass) {
    throw CommandError(kUndetermined, path + " cannot be judged as it is: stele-verify says why");
  }
}

const ForeignWindow& find_window(const attest::Report& report, std::uint64_t anchor,
                                 std::uint32_t era) {
  std::string others;
  for (const ForeignWindow& window : report.foreign_windows) {
    if (!window.end) {
      others += "; one has no counter anchor yet that bears the flag (stele anchor)";
    } else if (window.end->seq == anchor && window.era == era) {
      return window;
    } else {
      others += "; there is one at anchor " + std::to_string(window.end->seq) + " of era " +
                std::to_string(window.era);
    }
  }
  throw CommandError(kNoInput, "no foreign extend is recorded at anchor " + std::to_string(anchor) +
                                   " of era " + std::to_string(era) + others);
}

std::string anchor_line(std::uint64_t seq, std::uint64_t quote_seq, std::uint64_t size,
                        std::int64_t wallclock_ns) {
  std::string out = "anchor " + std::to_string(seq);
  if (quote_seq > 0) out += " (quote " + std::to_string(quote_seq) + ")";
  out += ", over the first " + std::to_string(size) + " records";
  return wallclock_ns == 0 ? out : out + ", of " + attest::to_rfc3339(wallclock_ns);
}

void show_window(const attest::Report& report, const ForeignWindow& window) {
  const ForeignWindow::Begin& begin = window.begin;
  const ForeignWindow::End& end = *window.end;
  std::cerr
      << "foreign extend in era " << window.era << " of " << attest::printable(report.origin)
      << "\n  after   " << anchor_line(begin.seq, begin.quote_seq, begin.size, begin.wallclock_ns)
      << "\n  before  " << anchor_line(end.seq, 0, end.size, end.wallclock_ns) << "\n  its d   "
      << attest::to_hex(end.digest)
      << "\nWhat quote anchors alone held between the two may have been cut before the second was "
         "made, and by these words is accepted as lost. What either covers is there.\n";
}

attest::TrustPins& pins_of(attest::TrustFile& trust, std::uint32_t era) {
  if (era > trust.era) {
    throw CommandError(kUsage, "the trust file knows eras 0 to " + std::to_string(trust.era));
  }
  return era == trust.era ? trust : trust.earlier[trust.era - era - 1].pins;
}

void add(attest::TrustPins& pins, const ForeignWindow::End& end) {
  auto& lines = pins.acknowledged;
  const auto place = std::find_if(lines.begin(), lines.end(),
                                  [&](const auto& line) { return line.seq >= end.seq; });
  if (place != lines.end() && place->seq == end.seq) {
    throw CommandError(kUndetermined, "the trust file acknowledges another anchor " +
                                          std::to_string(end.seq) +
                                          " than this evidence holds: one of the two is wrong");
  }
  if (lines.size() == attest::kMaxAcknowledgedExtends) {
    throw CommandError(kCannotCreate,
                       "the trust file acknowledges " + std::to_string(lines.size()) +
                           " foreign extends of this era, and holds no more: another program uses "
                           "P; provision with another PCR");
  }
  lines.insert(place, {end.seq, end.digest});
}

std::string signed_text(const AcknowledgeArguments& arguments, const attest::TrustFile& trust) {
  const std::string text = attest::to_text(trust);
  if (arguments.key.empty()) return text;
  return attest::to_text(read_signer(arguments.key, arguments.name).sign(text));
}

void acknowledge(const AcknowledgeArguments& arguments) {
  if (arguments.key.empty() != arguments.name.empty()) {
    throw CommandError(kUsage, "--auditor-key-file and --name go together");
  }
  const AuditorDesk desk(arguments.trust, arguments.auditor_key, "", "");
  attest::TrustFile trust = desk.trust();
  attest::TrustPins& pins = pins_of(trust, arguments.era.value_or(trust.era));
  const attest::Report report = appraise(arguments, desk);
  require_judged(report, arguments.path);
  const ForeignWindow& window = find_window(report, arguments.anchor, pins.era);
  show_window(report, window);
  if (window.acknowledged) {
    std::cerr << "stele: it is acknowledged already.\n";
  } else {
    add(pins, *window.end);
  }
  const std::string text = signed_text(arguments, trust);
  require_trust_fits(text);
  const bool was_signed = desk.trust_text() != attest::to_text(desk.trust());
  write_output(arguments.output, attest::view(text));
  if (was_signed && arguments.key.empty()) {
    std::cerr << "stele: your signature is not over it any more: sign it again (--key, --name).\n";
  }
}

}  // namespace

void add_acknowledge(CLI::App& trust) {
  auto arguments = std::make_shared<AcknowledgeArguments>();
  const std::vector<CLI::Option*> others = trust.get_options();
  CLI::App* command = trust.add_subcommand(
      "acknowledge",
      "The auditor's: accept in the own trust file what one foreign extend may hide");
  // It takes options of its own by the same names; those of `stele trust` would do nothing.
  for (CLI::Option* other : others) {
    if (other != trust.get_help_ptr()) command->excludes(other);
  }
  command->add_option("PATH", arguments->path, "The evidence: a data directory, or a bundle")
      ->required();
  command->add_option("--trust", arguments->trust, "Your own trust file of the log")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--anchor", arguments->anchor,
                   "The counter anchor that bears the flag, as the verdict's next step names it")
      ->type_name("SEQ")
      ->check(is_number())
      ->required();
  command->add_option("--era", arguments->era, "Its era (default: the trust file's newest)")
      ->type_name("N")
      ->check(CLI::Range(std::uint32_t{0}, attest::kMaxEra));
  command
      ->add_option("--auditor-key", arguments->auditor_key,
                   "Your verifier key, which must have signed the trust file")
      ->type_name("FILE");
  command->add_option("--auditor-key-file", arguments->key, "Sign what is written: an Ed25519 key")
      ->type_name("FILE");
  command->add_option("--name", arguments->name, "The key's name in notes, e.g. auditor.example")
      ->type_name("NAME");
  command->add_option("-o,--output", arguments->output, "Where it goes; -: standard output")
      ->type_name("FILE");
  command->callback([arguments] { acknowledge(*arguments); });
}

}  // namespace stele::tools
