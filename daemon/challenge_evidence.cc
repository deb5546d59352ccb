#include "daemon/challenge_evidence.h"

#include "attest/entry.h"
#include "attest/statement.h"
#include "storage/damage.h"

namespace stele::daemon {
namespace {

using attest::EntryKind;

constexpr std::size_t kPieceBytes = 256u << 10;
constexpr std::size_t kStepBytes = 4u << 20;  // of the journal, read for one piece

// Where a journal's file begins: its log, and the first statement in it.
struct FileFront {
  std::optional<attest::Hash> log_id;
  std::optional<std::uint64_t> seq;
};

FileFront front_of(storage::FileSystem& files, const std::string& directory, std::uint64_t number) {
  storage::EntryReader reader(files, directory, number);
  FileFront front;
  while (const auto entry = reader.next()) {
    if (front.log_id && reader.log_id() != front.log_id) break;
    front.log_id = reader.log_id();
    if (entry->kind != static_cast<std::uint8_t>(EntryKind::intent)) continue;
    if (const auto statement = attest::decode_statement(entry->payload)) front.seq = statement->seq;
    break;
  }
  return front;
}

// The newest file that begins before this statement, of its log; the first file if there is none.
std::uint64_t file_before(storage::FileSystem& files, const std::string& directory,
                          const Since& since) {
  for (std::uint64_t number = storage::EntryReader(files, directory).files(); number > 1;) {
    const FileFront front = front_of(files, directory, --number);
    if (front.log_id == since.log_id && front.seq && *front.seq < since.seq) return number;
  }
  return 0;
}

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
    reader.emplace(files, directory, since ? file_before(files, directory, *since) : 0);
  }

  void seek(const storage::EntryReader::Entry& entry);
  void step();
  void check_reader() const;

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

void ChallengeEvidence::State::check_reader() const {
  if (!reader->defect()) return;
  throw storage::Damage(reader->defect()->fault, reader->defect()->at,
                        "the journal: " + reader->defect()->detail);
}

void ChallengeEvidence::State::step() {
  for (std::size_t read = 0; read < kStepBytes && out.size() < kPieceBytes;) {
    const auto entry = reader->next();
    if (!entry) {
      check_reader();
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
  state_->out.clear();
  state_->step();
  return {std::move(state_->out), state_->last};
}

}  // namespace stele::daemon
