#include "tools/stele/bundle.h"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <iostream>
#include <memory>

#include "attest/answer.h"
#include "attest/evidence/format.h"
#include "storage/damage.h"
#include "storage/write_evidence.h"
#include "tools/stele/hand_out.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/number.h"
#include "tools/stele/output_file.h"
#include "tools/stele/progress.h"
#include "tools/stele/site.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

struct BundleArguments {
  std::optional<std::uint64_t> from, to;
  std::vector<std::uint64_t> indices;
  std::string trust, since, answer;
  bool no_records = false;
  bool boot_logs = false;
  std::string output;
};

// What an auditor signed vouches for itself; the host's own copy is a claim.
std::string trust_inside(const Site& site, const std::string& path) {
  StoredTrust own = read_trust(site);
  if (path.empty()) return std::move(own.text);
  StoredTrust given = read_trust_file(path);
  if (given.trust.log_id == own.trust.log_id) return std::move(given.text);
  throw CommandError(kMalformed, path + " pins log " + attest::to_hex(given.trust.log_id) +
                                     ", but this one, in its newest era, is " +
                                     attest::to_hex(own.trust.log_id) +
                                     ": give the trust file of this one");
}

attest::Memory read_memory(const std::string& path) {
  auto memory = attest::parse_memory(read_text_file(path));
  if (memory) return *memory;
  throw CommandError(kMalformed, path + ", line " + std::to_string(memory.error().at.value) +
                                     ": no memory file of this version; give the one that "
                                     "stele-verify --memory wrote");
}

attest::Bytes read_answer(const std::string& path) {
  const std::string text = read_text_file(path);
  attest::Bytes bytes(text.begin(), text.end());
  const auto answer = attest::decode_answer(bytes);
  if (!answer || bytes.size() > attest::kMaxAnswerPart)
    throw CommandError(kMalformed, path + " is no live answer; give the file of `stele answer`");
  return bytes;
}

// Which records to show, beyond those that a memory makes needless.
attest::IndexRanges shown(const BundleArguments& arguments, std::uint64_t size,
                          std::uint64_t start) {
  attest::IndexRanges ranges;
  if (arguments.from || arguments.to) {
    const std::uint64_t from = arguments.from.value_or(start);
    const std::uint64_t to = arguments.to.value_or(size);
    if (from >= to)
      throw CommandError(kUsage, "--from " + std::to_string(from) + " is not below --to " +
                                     std::to_string(to) + ": no record lies between");
    ranges.add(from, to);
  }
  for (const std::uint64_t index : arguments.indices) {
    if (index >= size)
      throw CommandError(kNoInput, "there is no record " + std::to_string(index) +
                                       ": the log holds " + std::to_string(size) + ", from 0");
    ranges.add(index, index + 1);
  }
  if (ranges.end() > size)
    throw CommandError(kNoInput, "--to " + std::to_string(ranges.end()) + ": the log holds " +
                                     std::to_string(size) + " records");
  if (!ranges.empty() && ranges.intervals().begin()->first < start) {
    throw CommandError(kUsage, "record " + std::to_string(ranges.intervals().begin()->first) +
                                   " stands before what the memory of --since covers (" +
                                   std::to_string(start) +
                                   " records): make a bundle without --since");
  }
  return ranges;
}

// As many intervals as the daemon takes (kMaxBundleIntervals, daemon/control_request.h).
constexpr std::size_t kMostIntervals = 256;

// Which records are shown, as the request names them: the last intervals joined where there are
// more than one request may name.
boost::json::array named_intervals(const attest::IndexRanges& shown) {
  boost::json::array named;
  for (const auto& [begin, end] : shown.intervals()) {
    if (named.size() == kMostIntervals) {
      named.back().as_array()[1] = shown.end();
      break;
    }
    named.push_back(boost::json::array{begin, end});
  }
  return named;
}

// What the daemon is to have on record before anything is read.
boost::json::object words_of(const storage::EvidenceRequest& request) {
  boost::json::object words{
      {"answer", !request.answer.empty()}, {"boot_logs", request.boot_logs}, {"do", "bundle"}};
  if (request.all_records) {
    words["records"] = "all";
  } else if (request.shown.empty()) {
    words["records"] = "none";
  } else {
    words["records"] = named_intervals(request.shown);
  }
  if (request.since) words["since"] = attest::to_hex(request.since->digest);
  return words;
}

// The journal is read behind the store: where a daemon has anchored what it appended in between,
// the store is looked at once more. Nothing was given to the sink by then.
constexpr int kMostLooks = 8;

storage::EvidenceWritten write(const Site& site, const storage::EvidenceRequest& request,
                               OutputFile& file, HandOut& access) {
  Progress progress("bundle");
  bool given = false;
  for (int look = 1;; ++look) {
    try {
      const storage::Store store = open_store(site);
      return storage::write_evidence(
          storage::posix(), site.config.data, store, request,
          [&](attest::ByteView bytes) {
            given = true;
            file.write(bytes);
          },
          [&progress](std::uint64_t done, std::uint64_t total) {
            progress.at(done, total,
                        std::to_string(done) + " of " + std::to_string(total) + " records");
          });
    } catch (const storage::Damage& damage) {
      const bool behind = damage.defect().fault == attest::Fault::records_missing && !given;
      if (behind && look < kMostLooks) continue;
      if (!given) access.refused("log_damaged");
      throw;
    }
  }
}

void bundle(const Common& common, const BundleArguments& arguments) {
  const Site site = find_site(common);
  require_log(site);
  storage::EvidenceRequest request;
  request.trust = trust_inside(site, arguments.trust);
  request.boot_logs = arguments.boot_logs;
  std::uint64_t start = 0;
  if (!arguments.since.empty()) {
    const attest::Memory memory = read_memory(arguments.since);
    request.since = {memory.log_id, memory.digest};
    start = memory.tree.size;
  }
  if (!arguments.answer.empty()) request.answer = read_answer(arguments.answer);
  const bool chosen = arguments.from || arguments.to || !arguments.indices.empty();
  request.all_records = !chosen && !arguments.no_records;
  if (chosen) request.shown = shown(arguments, open_store(site).head().size, start);

  OutputFile file(arguments.output);
  HandOut access(site, words_of(request));
  const storage::EvidenceWritten written = write(site, request, file, access);
  using Outcome = storage::EvidenceWritten::Outcome;
  if (written.outcome == Outcome::start_missing) {
    access.refused("not_in_log");
    throw CommandError(kMalformed,
                       "the log does not hold the statement that " + arguments.since +
                           " remembers: hand over a bundle without --since, which shows why");
  }
  if (written.outcome == Outcome::not_anchored) {
    access.refused("not_anchored");
    throw CommandError(kTemporary,
                       "the newest anchor covers " + std::to_string(written.anchored) +
                           " records, fewer than are to be shown: run `stele anchor`, then again");
  }
  // Before the file is there: what has its name is on record as handed over.
  access.done();
  file.commit();
  if (written.unreadable_heads) {
    std::cerr
        << "stele: " << site.config.data << "/cosignatures cannot be read ("
        << written.unreadable_heads->detail
        << "): the bundle is without what witnesses signed; steled puts such a file aside when it "
           "starts\n";
  }
  if (written.logs_too_long > 0) {
    std::cerr << "stele: " << written.logs_too_long
              << " boot logs are not in the bundle, being above " << (attest::kMaxLogPart >> 20)
              << " MiB: who is to judge them needs a copy of " << site.config.data << " itself\n";
  }
  std::cerr << "stele: the bundle shows " << written.shown << " records";
  if (written.heads > 0) std::cerr << " and " << written.heads << " heads that witnesses signed";
  std::cerr << "; stele-verify judges it with the trust file that the auditor has\n";
}

}  // namespace

void add_bundle(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<BundleArguments>();
  CLI::App* command =
      app.add_subcommand("bundle", "Write the log, or part of it, as evidence in one file");
  command->add_option("--from", arguments->from, "Show the records from this one on")
      ->type_name("INDEX")
      ->check(is_number());
  command->add_option("--to", arguments->to, "... up to this one, itself left out")
      ->type_name("INDEX")
      ->check(is_number());
  command->add_option("--index", arguments->indices, "Show this record; may be given again")
      ->type_name("INDEX")
      ->allow_extra_args(false)
      ->check(is_number());
  command
      ->add_option("--since", arguments->since,
                   "Begin behind what this memory (stele-verify --memory) remembers")
      ->type_name("MEMORY");
  command->add_flag("--no-records", arguments->no_records, "Show anchors and tree, no record")
      ->excludes("--from")
      ->excludes("--to")
      ->excludes("--index");
  command->add_flag("--boot-logs", arguments->boot_logs,
                    "With the firmware's event logs and IMA lists that boot bundles name");
  command
      ->add_option("--trust", arguments->trust,
                   "With this trust file inside, that an auditor signed, for the host's own")
      ->type_name("FILE");
  command->add_option("--answer", arguments->answer, "With this live answer (stele answer)")
      ->type_name("FILE");
  command->add_option("-o,--output", arguments->output, "Where to; -: standard output")
      ->type_name("FILE")
      ->required();
  command->callback([&common, arguments] { bundle(common, *arguments); });
}

}  // namespace stele::tools
