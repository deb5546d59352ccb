#include "daemon/challenge_evidence.h"

#include <utility>

#include "attest/entry.h"
#include "attest/statement.h"
#include "daemon/journal_files.h"

namespace stele::daemon {
namespace {

using attest::EntryKind;

constexpr std::size_t kPieceBytes = 256u << 10;
constexpr std::size_t kStepBytes = 4u << 20;  // of the journal, read for one piece

}  // namespace

struct ChallengeEvidence::State {
  State(storage::FileSystem& files_, std::string directory_, const storage::Store& store,
        const attest::Bytes& answer, std::optional<Since> since_)
      : files(files_),
        directory(std::move(directory_)),
        since(std::move(since_)),
        writer([this](attest::ByteView some) { out.append(some.begin(), some.end()); }),
        assembler(writer, store, {}, {}) {
    writer.write(attest::AnswerPart{answer});
    reader.emplace(files, directory,
                   since ? file_before(files, directory, since->log_id, since->seq) : 0);
  }

  void seek(const storage::EntryReader::Entry& entry);
  void step();

  storage::FileSystem& files;
  const std::string directory;
  std::optional<Since> since;  // still looked for
  std::optional<attest::Statement> open;
  std::string out;
  attest::EvidenceWriter writer;
  attest::EvidenceAssembler assembler;
  std::optional<storage::EntryReader> reader;
  bool last = false;
};

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
    assembler.start(since->log_id, since->digest, open->tree.size);
    since.reset();
  }
}

void ChallengeEvidence::State::step() {
  for (std::size_t read = 0; read < kStepBytes && out.size() < kPieceBytes;) {
    const auto entry = reader->next();
    if (!entry) {
      check_reader(*reader);
      if (!since) {
        assembler.end();
        last = true;
        return;
      }
      // Not there: from the beginning, all of it.
      since.reset();
      reader.emplace(files, directory);
      continue;
    }
    read += entry->payload.size();
    if (since) {
      seek(*entry);
    } else {
      assembler.entry(entry->kind, entry->payload);
    }
  }
}

ChallengeEvidence::ChallengeEvidence(storage::FileSystem& files, std::string directory,
                                     const storage::Store& store, const attest::Bytes& answer,
                                     std::optional<Since> since)
    : state_(
          std::make_unique<State>(files, std::move(directory), store, answer, std::move(since))) {}
ChallengeEvidence::~ChallengeEvidence() = default;

ChallengeEvidence::Piece ChallengeEvidence::next() {
  state_->step();
  return {std::exchange(state_->out, {}), state_->last};
}

}  // namespace stele::daemon
