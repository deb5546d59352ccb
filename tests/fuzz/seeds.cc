// Writes the seeds of attest's and storage's formats into a corpus folder, from the encoders and the examples.
//
// Usage: fuzz_seeds tests/fuzz/corpus. Run it when a format gains a field; commit what it writes.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "attest/answer.h"
#include "attest/boot/policy_text.h"
#include "attest/codec.h"
#include "attest/era.h"
#include "attest/tlog_proof.h"
#include "attest/witness/add_checkpoint.h"
#include "attest/witness/cosignature.h"
#include "attest/witness/cosigned_heads.h"
#include "attest/witness/policy.h"
#include "attest/witness/pushed.h"
#include "storage/pack.h"
#include "storage/segment_format.h"
#include "attest/identity/enrolment.h"
#include "tests/support/ek_vendor.h"
#include "tests/support/examples.h"
#include "tests/support/note_signer.h"
#include "tests/support/paper_boot.h"
#include "tests/support/paper_evidence.h"
#include "tests/support/paper_witnesses.h"
#include "tests/support/paper_store.h"
#include "tests/support/paper_log.h"
#include "tests/support/scratch.h"

using namespace stele::attest;
using namespace stele::test;

namespace {

std::filesystem::path root;

void seed(const std::string& target, const std::string& name, ByteView bytes) {
  std::filesystem::create_directories(root / target);
  std::ofstream(root / target / name, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void merkle_proofs() {
  const Hash left = filled(1), right = filled(2);
  Bytes inclusion, consistency;
  Writer(inclusion).u64(1).u64(2).bytes(right).bytes(node_hash(left, right)).bytes(left);
  seed("merkle_proof", "inclusion", inclusion);
  // From 3 leaves to 4: the third leaf, the fourth, then the first two's node.
  const Hash pair = node_hash(left, right), third = filled(3), fourth = filled(4);
  Writer(consistency)
      .u64(3)
      .u64(4)
      .bytes(node_hash(pair, third))
      .bytes(node_hash(pair, node_hash(third, fourth)))
      .bytes(third)
      .bytes(fourth)
      .bytes(pair);
  seed("merkle_proof", "consistency", consistency);
}

// What witnesses are asked, answer and leave behind, and what is handed out.
void witnesses() {
  Hash seed_bytes;
  seed_bytes.bytes.fill(1);
  const stele::attest::NoteSigner log(seed_bytes, "log.example/a");
  seed_bytes.bytes.fill(2);
  const stele::attest::NoteSigner witness(seed_bytes, "witness.example");
  const Checkpoint checkpoint{"log.example/a", {5, filled(3)}, {}};
  Note note = log.sign(to_text(checkpoint));
  seed("add_checkpoint", "from_three", view(to_text(AddCheckpoint{3, {filled(4), filled(5)}, note, checkpoint})));
  const NoteSignature line = cosign(witness, note.text, 1679315147);
  seed("signature_lines", "two", view(to_text(line) + to_text(line)));
  seed("signature_lines", "size", view("20852014\n"));
  note.signatures.push_back(line);
  std::vector<CosignedHead> heads;
  add_cosigned(heads, note);
  add_cosigned(heads, log.sign(to_text(Checkpoint{"log.example/a", {9, filled(6)}, {}})));
  seed("cosigned_heads", "two", view(to_text(heads)));
  seed("witness_policy", "groups",
       view("# believed\nlog " + to_text(log.key()) + " https://log.example/\nwitness a " +
            to_text(cosigner_key(witness)) + "\nwitness b " +
            to_text(make_note_key("b.example", filled(7), NoteKeyType::cosignature)) +
            "\ngroup g 2 a b\nquorum g\n"));
  std::string pushed = to_line(PushedCheckpoint{filled(8), note});
  pushed.pop_back();
  seed("pushed", "checkpoint", view(pushed));
  const PaperLog lived_log = lived();
  std::optional<Statement> open;
  for (const PaperLog::Entry& entry : lived_log.entries) {
    if (entry.kind == 3) open = *decode_statement(entry.payload);
    if (entry.kind != 4 || !open || open->is_quote()) continue;
    std::string anchor = to_line(PushedAnchor{*open, *decode_receipt(entry.payload)});
    anchor.pop_back();
    seed("pushed", "anchor", view(anchor));
    break;
  }
  seed("outward_url", "https", view("https://witness.example:8443/prefix"));
  seed("outward_url", "local", view("http://[::1]:80/"));
  const std::string longest = "http://[::1]/" + std::string(1024 - 16, 'x');
  seed("outward_url", "longest", view(longest));
}

void boot_logs() {
  using boot::Algorithm;
  const auto boot = [](PaperEventLog log) {
    return log.event(0, 8, "version", "version").event(7, 0x80000001, "on", "on").event(0, 4, "end", "end").bytes();
  };
  seed("event_log", "sha1_form", boot(PaperEventLog({})));
  seed("event_log", "two_banks", boot(PaperEventLog({Algorithm::sha1, Algorithm::sha256}).startup_locality(3)));
  seed("event_log", "hcrtm", boot(PaperEventLog({Algorithm::sha384}).event(0, 0x80000010, "root", "HCRTM")));

  const Bytes digest = boot::digest(Algorithm::sha256, {view("a file")}).value(), zeros(20, 0);
  const Bytes data = ima_ng_data("sha256", digest, "/a"), named = ima_ng("sha256", digest, "/a");
  Bytes list = named;
  Writer(list).bytes(ima_entry(10, zeros, "ima-ng", data)).bytes(ima_ng("sha256", digest, "/b"));
  seed("measurement_list", "with_violation", list);
  Bytes old = zeros, hashed = zeros;
  little32(old, 2);
  Writer(old).bytes(view("/a"));
  Writer(hashed).bytes(view("/a"));
  hashed.resize(276, 0);
  seed("measurement_list", "old_template",
       ima_entry(10, boot::digest(Algorithm::sha1, {hashed}).value(), "ima", old));
  const auto line = [&](ByteView measured, std::string_view rest) {
    return "10 " + to_hex(boot::digest(Algorithm::sha1, {measured}).value()) + " " + std::string(rest);
  };
  seed("measurement_text", "three",
       view(line(data, "ima-ng sha256:" + to_hex(digest) + " /a\n") +
            line(hashed, "ima " + to_hex(zeros) + " /a\n") + "10 " + to_hex(zeros) + " ima-ng sha1:00 /b\n"));
}

void proofs_and_answers() {
  const PaperTpm tpm;
  Proof proof;
  proof.index = 1;
  proof.leaf = encode(example_leaf());
  proof.path = {filled(1), filled(2)};
  proof.statement = encode(example_statement());
  proof.receipt = tpm.read_back(statement_digest(proof.statement), false);
  seed("proof", "read_back", encode(proof));
  proof.receipt = tpm.read_back(statement_digest(proof.statement), true);
  proof.content = Proof::OwnedContent{filled(0x5a), example_tlvs(), Bytes{'h', 'i', '\n'}};
  seed("proof", "quote_and_content", encode(proof));
  const Checkpoint checkpoint{"log.example/a", example_statement().tree, {}};
  TlogProof tlog =
      *make_tlog_proof(proof, stele::test::NoteSigner("log.example/a", 7).note(to_text(checkpoint)));
  seed("tlog_proof", "with_receipt", view(to_text(tlog)));
  tlog.extra.reset();
  seed("tlog_proof", "bare", view(to_text(tlog)));
  Answer answer;
  answer.nonce = filled(0x99);
  answer.digest = proof.receipt.digest;
  tpm.answer(answer);
  seed("answer", "example", encode(answer));
}

// As the target wants it: the length of its groups as u32, then all that follows the header.
void packed_segment(ByteView segment) {
  const Scratch scratch;
  std::filesystem::create_directories(scratch / "segments");
  const std::string path = scratch / "segments/0000000000000000";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(segment.data()), static_cast<std::streamsize>(segment.size()));
  stele::storage::pack_segment(stele::storage::posix(), scratch / "segments", 0);
  std::ifstream file(path, std::ios::binary);
  const Bytes packed{std::istreambuf_iterator<char>(file), {}};
  std::size_t used = 0;
  const auto header = stele::storage::decode_segment_header(packed, used);
  Bytes bytes;
  Writer(bytes).u32(static_cast<std::uint32_t>(*header->groups_bytes)).bytes(ByteView(packed).subspan(used));
  seed("packed_segment", "two_groups", bytes);
}

void stores() {
  PaperStore store;
  store.segments.resize(1);
  PaperGroup group;
  group.records_per_block = 2;
  for (const char* const text : {"one", "two", ""}) group.records.push_back(paper_record(text));
  store.segments[0] = {group, {{paper_record("alone")}}};
  store.journal = {{{1, {'g'}}, {3, {}}}};
  const MemoryFiles files = store.files();
  const Bytes segment = files.files.at(MemoryFiles::segment(0));
  seed("segment", "two_groups", segment);
  // The second reading of the target has its own header, marker and log_id: groups that follow it.
  stele::storage::SegmentHeader header;
  header.marker = {'M', 'A', 'R', 'K', 'M', 'A', 'R', 'K'};
  Bytes behind = stele::storage::encode(header);
  CompactRange tree;
  Hash previous;
  for (std::uint64_t number = 0; number < store.segments[0].size(); ++number) {
    Writer(behind).bytes(encode_group(store.segments[0][number], header, number, tree, previous));
  }
  seed("segment", "behind_its_header", behind);
  packed_segment(behind);
  seed("segment_header", "first", stele::storage::encode(header));
  header.number = 1;
  header.first_index = 6;
  header.roots = {filled(1), filled(2)};
  seed("segment_header", "with_roots", stele::storage::encode(header));
  const ByteView first_group = ByteView(behind).subspan(137);
  seed("group_parts", "header", first_group.first(stele::storage::kGroupHeaderBytes));
  seed("group_parts", "trailer", ByteView(behind).last(stele::storage::kGroupTrailerBytes));
  seed("group_parts", "block",
       first_group.subspan(stele::storage::kGroupHeaderBytes + 3 * kLeafBytes, stele::storage::kBlockHeaderBytes));
  seed("journal", "two_entries", files.files.at(MemoryFiles::journal(0)));
}

// A log, and an answer to the nonce of zeros, in the form of the target.
Bytes evidence_of(PaperLog log) {
  const Bytes answer = log.answer(Hash{});
  Bytes evidence;
  Writer out(evidence);
  out.sized16(view(to_text(log.trust))).u8(1).sized16(answer);
  std::size_t given = 0;
  const auto give = [&](std::uint64_t size) {
    for (; given < size; ++given) {
      const PaperLog::Record& record = log.records[given];
      out.u8(3).u8(0).sized16(record.leaf).bytes(record.salt).sized16(record.bytes);
    }
  };
  for (const PaperLog::Entry& entry : log.entries) {
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::intent)) {
      give(decode_statement(entry.payload)->tree.size);
    } else if (entry.kind == static_cast<std::uint8_t>(EntryKind::genesis)) {
      give(decode_genesis(entry.payload)->previous_tree.size);
    }
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::bundle)) {
      for (const auto& [named, kept] : log.boot_logs) out.u8(6).sized16(kept).sized16({});
    }
    out.u8(2).u8(entry.kind).sized16(entry.payload);
  }
  return evidence;
}

void judged() {
  PaperLog log = lived();
  const PaperTpm& tpm = log.tpm;
  const Hash digest = filled(0x33);
  seed("attestation", "audit", tpm.attest_audit(digest, digest));
  seed("attestation", "quote", tpm.attest_quote(0x10ff, digest, digest));
  seed("ak", "paper", tpm.public_area());
  seed("receipt", "quote", encode(tpm.quote_receipt(digest)));
  seed("receipt", "read_back", encode(tpm.read_back(digest, false)));
  seed("receipt", "read_back_with_quote", encode(tpm.read_back(digest, true)));
  seed("bundle", "plain", encode(tpm.bundle({1})));
  seed("bundle", "ima", encode(tpm.bundle({1}, true)));
  Memory memory;
  memory.seq = 42;
  seed("memory", "example", view(to_text(memory)));

  Bytes half;
  for (const PaperLog::Entry& entry : log.entries) {
    const auto kind = static_cast<EntryKind>(entry.kind);
    if (kind == EntryKind::intent) half = entry.payload;
    if (kind != EntryKind::receipt || half.empty()) continue;
    half.insert(half.end(), entry.payload.begin(), entry.payload.end());
    seed("signed_half", "anchor", half);
    break;
  }

  seed("evidence", "lived", evidence_of(log));
  PaperLog booted;
  Bundle bundle = booted.tpm.bundle({1});
  const Bytes firmware =
      PaperEventLog({boot::Algorithm::sha256}).event(4, 0x80000003, "kernel", "path").bytes();
  bundle.event_log_bytes = firmware.size();
  bundle.event_log_hash = hash(firmware);
  booted.boot_logs[hash(firmware)] = firmware;
  booted.trust.boot_policy.emplace().digests[4] = {Bytes(32, 0x11)};
  booted.append(EntryKind::bundle, encode(bundle));
  booted.counter();
  seed("evidence", "boot_log", evidence_of(booted));
}

void evidence_bundles() {
  PaperLog log = lived();
  EvidenceWish wish;
  wish.trust = to_text(log.trust);
  wish.answer = log.answer(filled(0x77));
  seed("evidence_bundle", "whole", bundle_of(log, wish));
  wish = {};
  wish.shown.emplace().add(3, 5);
  seed("evidence_bundle", "chosen", bundle_of(log, wish));
  wish.since = remembered(log);
  wish.earlier = {1, 4};
  log.events(3);
  log.counter();
  wish.shown->add(12, 13);
  seed("evidence_bundle", "since", bundle_of(log, wish));
  const WitnessedLog witnessed;
  EvidenceWish with_heads;
  with_heads.shown.emplace();
  with_heads.heads = heads_of({witnessed.cosigned(witnessed.head(5), 3)});
  seed("evidence_bundle", "cosigned", bundle_of(witnessed.log, with_heads));
}

void eras() {
  PaperLog log = lived();
  log.begin_era(PaperTpm(), filled(0x77), 2);
  log.start();
  log.events(2);
  log.counter();
  seed("trust", "second_era", view(to_text(log.trust)));
  log.trust.enrolled = true;
  seed("trust", "enrolled", view(to_text(log.trust)));
  log.trust.enrolled = false;
  Bytes genesis;
  for (const PaperLog::Entry& entry : log.entries) {
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::genesis)) genesis = entry.payload;
  }
  seed("genesis", "second_era", genesis);
  seed("era_request", "second_era", view(to_text(EraRequest{genesis, log.trust})));
  EraEnd end = era_end_of(*decode_genesis(genesis)).value();
  seed("era_end", "shown", encode(end));
  end.shown.reset();
  seed("era_end", "gone", encode(end));
  seed("evidence", "two_eras", evidence_of(log));
  seed("evidence_bundle", "two_eras", bundle_of(log));
}

void enrolments() {
  EkVendor vendor;
  const Bytes der = vendor.issue();
  Bytes padded = der;
  padded.resize(der.size() + 32, 0);
  seed("ek_certificate", "p256", der);
  seed("ek_certificate", "padded", padded);
  seed("ek_certificate", "rsa", vendor.issue({.key = "rsa -pkeyopt rsa_keygen_bits:2048"}));
  seed("ek_certificate", "one_set", vendor.issue({.one_set = true}));
  seed("pinned_roots", "der", vendor.root_der());
  seed("pinned_roots", "pem", view(vendor.root_pem()));
  seed("pinned_roots", "pem_two", view("Of two makers\n" + vendor.root_pem() + EkVendor("B").root_pem()));
  seed("ek_public", "p256", example_ek());
  seed("enrolment_request", "identity", encode(example_identity_request()));
  seed("enrolment_request", "activation",
       encode(EnrolmentRequest(ActivationRequest{0x01c0000a, {Bytes(66, 1), Bytes(68, 2)}})));
  PaperTpm tpm;
  const Bytes genesis = encode(example_genesis());
  tpm.provision(genesis);
  HostIdentity identity;
  identity.endorsement = {0x01c0000a, {{0x01c0000a, der}}, {vendor.intermediate_der()}, example_ek()};
  identity.indexes = {0x01805354, 0x01805355};
  identity.ak = tpm.public_area();
  identity.genesis = genesis;
  identity.genesis_receipt = encode(tpm.genesis_receipt(genesis));
  Answer answer;
  answer.log_id = log_id(genesis);
  tpm.answer(answer);
  identity.answer = encode(answer);
  identity.trust = to_text(example_trust());
  seed("host_identity", "whole", encode(identity));
  seed("host_identity", "bare", encode(HostIdentity{}));
}

}  // namespace

int main(int argc, char** argv) {

  if (argc != 2) {
    std::cerr << "usage: fuzz_seeds CORPUS\n";
    return 64;
  }
  root = argv[1];
  seed("leaf", "event", encode(example_leaf()));
  seed("tlvs", "position", example_tlvs());
  seed("tlvs", "none", {});
  seed("statement", "counter", encode(example_statement()));
  seed("genesis", "example", encode(example_genesis()));
  seed("voided", "run_changed", encode(example_voided()));
  seed("remark", "contended", encode(example_remark()));
  const stele::test::NoteSigner auditor = example_auditor();
  const std::string checkpoint = to_text(example_checkpoint());
  seed("note", "one_signature", view(to_text(auditor.note(checkpoint))));
  Note two = auditor.note("two\n\nparts\n");
  two.signatures.push_back(stele::test::NoteSigner("witness.example", 9).sign(two.text));
  seed("note", "two_signatures", view(to_text(two)));
  seed("note_key", "auditor", view(to_text(auditor.key())));
  seed("checkpoint", "example", view(checkpoint));
  seed("checkpoint", "extensions", view(checkpoint + "one\ntwo words\n"));
  const std::string trust = to_text(example_trust());
  seed("trust", "unsigned", view(trust));
  TrustFile with_policy = example_trust();
  with_policy.boot_policy = boot::BootPolicy{};
  seed("boot_policy", "record", view(to_text(*with_policy.boot_policy)));
  with_policy.boot_policy->values[0] = {Bytes(32, 0x11), Bytes(32, 0x22)};
  with_policy.boot_policy->digests[10] = {Bytes(32, 0x33)};
  seed("boot_policy", "rules", view(to_text(*with_policy.boot_policy)));
  seed("trust", "with_boot_policy", view(to_text(with_policy)));
  with_policy.acknowledged = example_acknowledged();
  seed("trust", "acknowledged", view(to_text(with_policy)));
  boot_logs();
  witnesses();
  seed("trust", "signed", view(to_text(auditor.note(trust))));
  merkle_proofs();
  proofs_and_answers();
  judged();
  evidence_bundles();
  eras();
  enrolments();
  stores();
  return 0;
}
