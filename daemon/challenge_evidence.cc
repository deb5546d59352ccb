#include "daemon/challenge_evidence.h"

#include <utility>
#include <vector>

#include "attest/answer.h"
#include "attest/check.h"
#include "attest/entry.h"
#include "attest/statement.h"
#include "attest/witness/cosigned_heads.h"
#include "daemon/journal_files.h"
#include "storage/boot_log_parts.h"
#include "storage/whole_file.h"

namespace stele::daemon {
namespace {

using attest::EntryKind;

constexpr std::size_t kPieceBytes = 256u << 10;
constexpr std::size_t kJournalStepBytes = 4u << 20;  // of the journal, read for one piece

// Of the statement that the answer is for: the bundle leads there at least.
std::uint64_t answered_size(const attest::Bytes& encoded) {
  const auto answer = attest::decode_answer(encoded);
  ENSURE(answer);
  return answer->tree_size;
}

// What witnesses signed, of trees up to this size; a file that cannot be read has none.
std::vector<attest::CosignedHead> read_heads(storage::FileSystem& files,
                                             const std::string& directory, std::uint64_t size) {
  const auto text =
      storage::read_whole(files, directory + "/cosignatures", attest::kMaxCosignedBytes);
  if (!text) return {};
  auto heads = attest::parse_cosigned_heads(*text);
  if (!heads) return {};
  std::erase_if(*heads, [size](const attest::CosignedHead& head) {
    return head.checkpoint.tree.size > size;
  });
  return *std::move(heads);
}

}  // namespace

struct ChallengeEvidence::State {
  State(storage::FileSystem& files_, std::string directory_, const storage::Store& store_,
        attest::Bytes answer_, const Challenge& asked)
      : files(files_),
        directory(std::move(directory_)),
        store(store_),
        answer(std::move(answer_)),
        boot_logs(asked.boot_logs),
        heads(read_heads(files, directory, answered_size(answer))),
        since(asked.since) {
    reader.emplace(files, directory,
                   since ? file_before(files, directory, since->log_id, since->seq) : 0);
    if (!since) begin(0);
  }

  void begin(std::uint64_t size);
  void seek(const storage::EntryReader::Entry& entry);
  void give(const storage::EntryReader::Entry& entry);
  void step();

  storage::FileSystem& files;
  const std::string directory;
  const storage::Store& store;
  const attest::Bytes answer;
  const bool boot_logs;
  std::vector<attest::CosignedHead> heads;
  std::optional<Since> since;  // still looked for
  std::optional<attest::Statement> open;
  std::string out;
  // From begin() on.
  std::optional<attest::EvidenceWriter> writer;
  std::optional<attest::EvidenceAssembler> assembler;
  std::optional<storage::BootLogParts> logs;
  std::optional<storage::EntryReader> reader;
  bool last = false;
};

// Only now is it known behind which tree the bundle begins, and so which heads it leads to.
void ChallengeEvidence::State::begin(std::uint64_t size) {
  std::erase_if(
      heads, [size](const attest::CosignedHead& head) { return head.checkpoint.tree.size < size; });
  writer.emplace([this](attest::ByteView some) { out.append(some.begin(), some.end()); },
                 heads.empty() ? attest::kEvidenceVersion : attest::kEvidenceVersionWithHeads);
  assembler.emplace(*writer, store, attest::EvidenceAssembler::Records{}, attest::IndexRanges{});
  logs.emplace(files, directory, *assembler,
               storage::BootLogLimits{kMaxChallengeLogBytes, kMaxChallengeLogsBytes});
  writer->write(attest::AnswerPart{answer});
  if (!heads.empty()) assembler->heads(heads);
}

// Until the receipt of the remembered statement: what follows it is what the auditor lacks.
void ChallengeEvidence::State::seek(const storage::EntryReader::Entry& entry) {
  const auto kind = static_cast<EntryKind>(entry.kind);
  if (kind == EntryKind::intent) {
    const auto statement = attest::decode_statement(entry.payload);
    const bool wanted = statement && statement->log_id == since->log_id &&
                        attest::statement_digest(entry.payload) == since->digest;
    open = wanted ? std::optional(*statement) : std::nullopt;
  } else if (kind == EntryKind::voided) {
    open.reset();
  } else if (kind == EntryKind::receipt && open) {
    begin(open->tree.size);
    assembler->start(since->log_id, since->digest, open->tree.size);
    since.reset();
  }
}

void ChallengeEvidence::State::give(const storage::EntryReader::Entry& entry) {
  assembler->entry(entry.kind, entry.payload);
  if (boot_logs && static_cast<EntryKind>(entry.kind) == EntryKind::bundle) {
    logs->give(entry.payload);
  }
}

void ChallengeEvidence::State::step() {
  for (std::size_t read = 0; read < kJournalStepBytes && out.size() < kPieceBytes;) {
    const auto entry = reader->next();
    if (!entry) {
      check_reader(*reader);
      if (!since) {
        assembler->end();
        last = true;
        return;
      }
      // Not there: from the beginning, all of it.
      since.reset();
      reader.emplace(files, directory);
      begin(0);
      continue;
    }
    read += entry->payload.size();
    if (since) {
      seek(*entry);
    } else {
      give(*entry);
    }
  }
}

ChallengeEvidence::ChallengeEvidence(storage::FileSystem& files, std::string directory,
                                     const storage::Store& store, const attest::Bytes& answer,
                                     const Challenge& asked)
    : state_(std::make_unique<State>(files, std::move(directory), store, answer, asked)) {}
ChallengeEvidence::~ChallengeEvidence() = default;

ChallengeEvidence::Piece ChallengeEvidence::next() {
  state_->step();
  return {std::exchange(state_->out, {}), state_->last};
}

}  // namespace stele::daemon
