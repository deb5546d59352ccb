// The attacker's steps: root on the machine, who holds every secret that lies on it.
#include <algorithm>

#include "attest/codec.h"
#include "storage/journal.h"
#include "storage/journal_format.h"
#include "storage/store_reader.h"
#include "tests/simulation/history.h"
#include "tpm/error.h"

namespace stele::test {

using attest::Bytes;
using attest::EntryKind;
using attest::Hash;
using Boot = Machine::Boot;
using Index = VirtualTpm::Index;

namespace {

// Of a segment's header: its version and the size of its leaves (storage/README.md, "Segments").
constexpr std::uint64_t kVersionAt = 8, kVersionEnd = 12;

Bytes read_all(storage::FileSystem& files, const std::string& path) {
  const auto file = files.open(path, storage::FileSystem::Open::read_only);
  Bytes bytes(static_cast<std::size_t>(file->size()));
  bytes.resize(file->read(0, bytes));
  return bytes;
}

void write_all(storage::FileSystem& files, const std::string& path, attest::ByteView bytes) {
  const auto file = files.open(path, storage::FileSystem::Open::read_write);
  file->truncate(0);
  file->write(0, {&bytes, 1});
  file->sync();
}

std::vector<std::string> paths_in(storage::FileSystem& files, const std::string& directory) {
  std::vector<std::string> paths;
  for (const std::string& name : files.list(directory)) paths.push_back(directory + "/" + name);
  return paths;
}

constexpr const char* kSegments = "/log/segments";
constexpr const char* kJournal = "/log/journal";

}  // namespace

void History::attack() {
  machine_.drop();
  if (machine_.files->dead()) machine_.files->revive();
  truth_.attacked = true;
  ++counts_.attacks;
  switch (random(12)) {
    case 0:
    case 1:
      old_data(false, true, false);
      break;
    case 2:
      old_data(false, true, true);
      break;
    case 3:
      old_data(true, false, false);
      break;
    case 4:
      old_data(true, true, false);
      break;
    case 5:
      cut_entries();
      break;
    case 6:
      cut_records();
      break;
    case 7:
      flip_bit();
      break;
    case 8:
      foreign_write();
      break;
    case 9:
      redefine();
      break;
    case 10:
      forge();
      break;
    default:
      random(4) == 0 ? clear_tpm() : stale_answer();
  }
  if (violation_) return;
  appraise({}, {}, false, false);
  if (!violation_) challenge_by_attacker();
  if (!violation_ && random(2) == 0) start();
}

// Puts an older copy of disk, TPM, or both in place; newer files may stay beside the older ones.
void History::old_data(bool tpm_too, bool data_too, bool keep_newer_files) {
  if (snapshots_.empty()) return stale_answer();
  const Snapshot& snapshot = snapshots_[random(snapshots_.size())];
  say(std::string("puts back an older ") + (data_too ? "disk" : "") + (tpm_too ? " TPM" : "") +
      (keep_newer_files ? ", newer files stay" : ""));
  counts_.old_data += data_too ? 1 : 0;
  if (data_too) {
    const auto newer = machine_.copy_of_disk();
    machine_.replace_disk(*snapshot.disk);
    for (const char* folder : {kSegments, kJournal}) {
      if (!keep_newer_files) break;
      for (const std::string& path : paths_in(*newer, folder)) {
        if (machine_.files->exists(path)) continue;
        (void)machine_.files->open(path, storage::FileSystem::Open::create_new);
        write_all(*machine_.files, path, read_all(*newer, path));
      }
      machine_.files->sync_directory(folder);
    }
    truth_.records = snapshot.truth.records;
    truth_.acknowledged = snapshot.truth.acknowledged;
  }
  if (tpm_too) {
    machine_.tpm = snapshot.tpm;
    machine_.tpm.power_off();
    power_event(Boot::unclean);
    truth_.tpm_put_back = true;
    truth_.sealed = snapshot.truth.sealed;
    ++counts_.ahead;
  }
  // A verifier that remembers a statement which the log no longer has must say so, whatever the TPM
  // says.
  if (!truth_.memory || presents(truth_.memory->digest)) return;
  ++counts_.remembered;
  if (appraise({}, {}, true, false).conclusion != attest::Conclusion::tampered)
    violate(Wrong::missed, "the auditor remembers a newer log, and the older one is not refused");
}

// Cuts the journal's newest entries, at an entry's end or within one.
void History::cut_entries() {
  const std::string path = paths_in(*machine_.files, kJournal).back();
  Bytes bytes = read_all(*machine_.files, path);
  const std::uint64_t cut = random(bytes.size() - 128) / (1 + random(20));
  bytes.resize(bytes.size() - cut);
  say("cuts " + std::to_string(cut) + " bytes off the journal");
  write_all(*machine_.files, path, bytes);
}

void History::cut_records() {
  const std::vector<std::string> paths = paths_in(*machine_.files, kSegments);
  Bytes bytes = read_all(*machine_.files, paths.back());
  const std::uint64_t cut = random(bytes.size()) / (1 + random(5));
  say("cuts " + std::to_string(cut) + " bytes off the newest segment");
  bytes.resize(bytes.size() - cut);
  if (random(3) == 0 && paths.size() > 1) {
    machine_.files->remove(paths.back());
    machine_.files->sync_directory(kSegments);
    return;
  }
  write_all(*machine_.files, paths.back(), bytes);
}

// One bit. Below a counter anchor of the log presented it must be found, and never crash anybody.
void History::flip_bit() {
  const bool in_journal = random(2) == 0;
  const auto paths = paths_in(*machine_.files, in_journal ? kJournal : kSegments);
  const std::string& path = paths[random(paths.size())];
  const Bytes before = read_all(*machine_.files, path);
  if (before.empty()) return;
  const auto healthy = presented_leaves();
  const attest::Report report = appraise({}, {}, false, false);
  Bytes bytes = before;
  const std::uint64_t at = random(bytes.size());
  bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1u << random(8)));
  say("flips a bit of byte " + std::to_string(at) + " of " + path);
  write_all(*machine_.files, path, bytes);
  if (in_journal || report.conclusion != attest::Conclusion::verified) return;
  // All records of this segment are sealed if the next one begins below the sealed size, or there
  // is no record that is not.
  if (report.coverage.counter_anchored != healthy.size()) return;
  const attest::Conclusion found = appraise({}, {}, false, false).conclusion;
  // A header of another version, or with leaves of another size, may be a newer writer's.
  const bool may_be_newer = at >= kVersionAt && at < kVersionEnd;
  if (found != attest::Conclusion::tampered &&
      !(may_be_newer && found == attest::Conclusion::undetermined)) {
    violate(Wrong::missed, "a changed bit of sealed records is not called tampered");
  }
}

void History::foreign_write() {
  try {
    const std::uint64_t times = 1 + random(3);
    const bool increments = random(2) == 0;
    say(increments ? "increments C" : "extends E");
    for (std::uint64_t i = 0; i < times; ++i) {
      if (increments) machine_.tpm.increment(machine_.credentials.counter_auth);
      if (!increments) machine_.tpm.extend(machine_.credentials.extend_auth, random_hash());
    }
    ++counts_.ahead;
  } catch (const tpm::TpmError&) {
    // An index that the attacker removed before.
  }
}

// Deletes an index and defines it again; mode A: nobody on the host has the authValue for that.
void History::redefine() {
  if (truth_.mode == attest::Mode::a) return foreign_write();
  const Index index = random(2) == 0 ? Index::counter : Index::extend;
  say(index == Index::counter ? "defines C again" : "defines E again");
  const tpm::AuthValue& auth = index == Index::counter ? machine_.credentials.counter_auth
                                                       : machine_.credentials.extend_auth;
  try {
    machine_.tpm.undefine(index);
    machine_.tpm.define(index, auth);
    if (random(2) == 0) {
      index == Index::counter ? machine_.tpm.increment(auth)
                              : machine_.tpm.extend(auth, attest::genesis_digest(machine_.genesis));
    }
  } catch (const tpm::TpmError&) {
    // Cleared before.
  }
  truth_.extend_redefined |= index == Index::extend;
  ++counts_.redefined;
}

void History::clear_tpm() {
  if (truth_.mode == attest::Mode::a) return stale_answer();
  say("clears the TPM");
  machine_.tpm.clear();
  ++counts_.cleared;
}

// An answer given to another auditor, or to this one before, as it was or with the nonce replaced.
void History::stale_answer() {
  if (answers_.empty()) return;
  say("serves an old answer");
  ++counts_.stale_answers;
  const Hash nonce = random_hash();
  Bytes old = answers_[random(answers_.size())];
  if (random(2) == 0) {
    attest::Answer parsed = attest::decode_answer(old).value();
    parsed.nonce = nonce;
    old = encode(parsed);
  }
  if (appraise(nonce, old, false, true).freshness == attest::Outcome::pass)
    violate(Wrong::missed, "an old answer passes as fresh");
}

// Whoever is root lets the TPM answer for the log presented, daemon or not.
void History::challenge_by_attacker() {
  const auto chain = presented_chain();
  if (!chain || !chain->newest_statement()) return;
  attest::Answer answer;
  answer.nonce = random_hash();
  answer.log_id = chain->log_id();
  answer.seq = chain->newest_statement()->seq;
  answer.quote_seq = chain->newest_statement()->quote_seq;
  answer.digest = chain->newest_digest();
  answer.tree_size = chain->newest_statement()->tree.size;
  try {
    machine_.device()->answer(answer);
  } catch (const tpm::TpmError& error) {
    return say(std::string("no answer can be made: ") + error.what());
  }
  ++counts_.answers;
  const attest::Report report = appraise(answer.nonce, encode(answer), false, true);
  say("challenge: " + std::string(name(report.conclusion)));
  const bool other =
      machine_.tpm.counter() != chain->counter() || machine_.tpm.extend_value() != chain->extend();
  if (other && report.conclusion != attest::Conclusion::tampered)
    violate(Wrong::missed, "C or E contradicts the log, and a challenge does not fail");
}

// Goes back to an older log, appends lies and lets the TPM vouch for them.
void History::forge() {
  if (snapshots_.empty()) return foreign_write();
  const std::uint64_t newest = truth_.sealed.empty() ? 0 : truth_.sealed.back().seq;
  old_data(false, true, false);
  if (violation_) return;
  // What recovery may finish by itself, it finishes: the same statement is no forgery.
  if (machine_.start() != Ended::done && !machine_.running()) return;
  const std::uint64_t seq = machine_.journal().chain().seq();
  const std::uint64_t behind = newest > seq ? newest - seq : 0;
  const bool replay = truth_.mode == attest::Mode::b && random(2) == 0;
  say("forges, " + std::to_string(behind) + " counter anchors behind");
  truth_.records.cut(machine_.store().head().size);
  storage::NewRecord lie;
  lie.time_ns = machine_.host.now_ns();
  lie.bytes = attest::view("a lie");
  machine_.store().append({&lie, 1});
  truth_.records.add("a lie");
  truth_.acknowledged = machine_.store().head().size;
  // No verifier sees lies on top of all that was sealed, nor what a TPM vouches for that was put
  // back; in Mode B, nor those in the place of the newest two.
  const bool documented = behind == 0 || (replay && behind <= 2) || truth_.tpm_put_back;
  const attest::TreeHead head = machine_.store().head();
  if (documented) truth_.heads[head.size].insert(head.root);
  machine_.drop();
  ++counts_.forgeries;
  bool forged = forge_anchor(replay);
  counts_.believed += forged ? 1 : 0;
  if (forged && documented) {  // what they replaced binds nobody any more
    std::erase_if(truth_.sealed, [&](const Truth::Sealed& one) { return one.seq > seq; });
  }
  for (int more = 0; forged && more < 3; ++more) forged = forge_anchor(false);
}

// A counter anchor for the log on disk without asking the table whether C and E allow it. Returns
// whether the chain, too, believes it; what it does not believe is written into the journal anyway.
bool History::forge_anchor(bool replay_extend) {
  try {
    machine_.boot(Boot::unclean);  // a P that begins anew
    learn();
    auto chain = presented_chain();
    if (!chain) return false;
    auto journal = storage::Journal::open(*machine_.files, kLog, {}, {});
    const auto put = [&](EntryKind kind, attest::ByteView payload) {
      journal.append(kind, payload);
      return chain->apply(kind, payload).has_value();
    };
    if (chain->open_intent()) {
      const attest::Voided voided{chain->void_reason(), chain->open_intent()->digest};
      if (!put(EntryKind::voided, encode(voided))) return false;
    }
    if (replay_extend) {
      truth_.extend_redefined = true;
      machine_.tpm.undefine(Index::extend);
      machine_.tpm.define(Index::extend, machine_.credentials.extend_auth);
      machine_.tpm.extend(machine_.credentials.extend_auth,
                          attest::genesis_digest(machine_.genesis));
      storage::EntryReader entries(*machine_.files, kLog);
      std::optional<attest::Statement> open;
      while (const auto entry = entries.next()) {
        if (entry->kind == static_cast<std::uint8_t>(EntryKind::intent))
          open = attest::decode_statement(entry->payload).value();
        const bool receipt = entry->kind == static_cast<std::uint8_t>(EntryKind::receipt);
        if (!receipt || !open || open->is_quote()) continue;
        machine_.tpm.extend(machine_.credentials.extend_auth,
                            attest::statement_digest(attest::encode(*open)));
        open.reset();
      }
    }
    const auto device = machine_.device();
    tpm::IndexState claimed;  // nobody signs these for a bundle
    claimed.counter = chain->counter();
    claimed.extend = chain->extend();
    if (!put(EntryKind::bundle, encode(device->make_bundle({9}, claimed, {}, {})))) return false;
    attest::CompactRange tree;
    for (const Hash& leaf : presented_leaves()) tree.append(leaf);
    const attest::Statement statement = chain->next_counter(tree.head(), machine_.host.now_ns(), 0);
    const auto encoded = attest::encode(statement);
    const Hash digest = attest::statement_digest(encoded);
    if (!put(EntryKind::intent, encoded)) return false;
    device->extend_pcr(digest);
    const bool spent = machine_.tpm.counter() == statement.counter;
    attest::Receipt receipt;
    if (spent) {
      device->extend_index(digest);
      receipt = device->read_back(digest, attest::read_back_extra_data(digest), true);
    } else {
      receipt = device->full_anchor(statement);
    }
    if (random(2) == 0) {  // what the TPM said, or what the chain wants to hear
      receipt.audit->counter = statement.counter;
      receipt.audit->extend = attest::extended(statement.prev_extend, digest);
    }
    return put(EntryKind::receipt, encode(receipt));
  } catch (const tpm::TpmError&) {
    return false;  // an index or the AK that the attacker removed before
  }
}

}  // namespace stele::test
