// Goal: the auditor's tool keeps its promises at its edge: exit codes, messages, files, what it links.
// Method: the real binary over stores on paper; every call is made through the shell.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "attest/appraiser.h"
#include "attest/memory.h"
#include "attest/statement.h"
#include "tests/support/scratch.h"
#include "tests/support/vectors.h"
#include "tests/tamper/stored_log.h"
#include "tests/tamper/tamper_base.h"

namespace stele::test {
namespace {

struct Ended {
  int code = -1;
  std::string output;  // both streams
};

Ended run(const std::string& command) {
  Ended ended;
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> chunk;
  while (const std::size_t got = fread(chunk.data(), 1, chunk.size(), pipe)) ended.output.append(chunk.data(), got);
  const int status = pclose(pipe);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ended;
}

void put(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class SteleVerify : public testing::Test {
 protected:
  SteleVerify() : log(make_directory()) {
    log.boot();
    log.counter_anchor();
    log.append({"one", "two"});
    log.quote_anchor();
    put(trust(), attest::to_text(log.trust()));
  }
  std::string make_directory() const {
    std::filesystem::create_directory(store());
    return store();
  }
  std::string store() const { return scratch / "store"; }
  std::string trust() const { return scratch / "trust"; }
  std::string memory() const { return scratch / "memory"; }
  Ended verify(const std::string& arguments) const { return run(STELE_VERIFY " " + arguments); }
  Ended verify_store(const std::string& arguments = "") const {
    return verify(store() + " --trust " + trust() + " " + arguments);
  }
  void expect(int code, const std::string& words, const Ended& ended) const {
    EXPECT_EQ(ended.code, code) << ended.output;
    EXPECT_NE(ended.output.find(words), std::string::npos) << ended.output;
  }

  Scratch scratch;
  StoredLog log;
};

TEST_F(SteleVerify, SaysVerifiedTamperedOrCannotTellByItsExitCode) {
  expect(0, "verified", verify_store());
  expect(2, "undetermined", verify(store()));
  const std::string segment = store() + "/segments/0000000000000000";
  std::string bytes = read_file(segment);
  bytes[bytes.find("two")] = 'T';
  put(segment, bytes);
  const Ended ended = verify_store();
  expect(1, "tampered", ended);
  expect(1, "record 3", ended);
}

TEST_F(SteleVerify, ReportsAsJsonOnOneLine) {
  const Ended ended = verify_store("-o json --jobs 2");
  expect(0, R"("conclusion":"verified")", ended);
  EXPECT_EQ(ended.output.front(), '{');
  EXPECT_EQ(ended.output.find('\n'), ended.output.size() - 1);
}

TEST_F(SteleVerify, ManyJobsSayWhatOneSays) {
  EXPECT_EQ(verify_store("-o json --jobs 1").output, verify_store("-o json --jobs 7").output);
}

// In a journal of many files it begins near the end; the halves are the memory's wherever they lie.
TEST_F(SteleVerify, KeepsTheHalvesOfWhatItRemembersHoweverTheJournalIsCut) {
  for (const std::uint64_t file_bytes : {1u, 700u, 4000u, 64u << 20}) {
    const Scratch folder;
    std::filesystem::create_directory(folder / "store");
    StoredLogOptions options;
    options.journal.file_bytes = file_bytes;
    StoredLog cut(folder / "store", options);
    cut.boot();
    put(folder / "trust", attest::to_text(cut.trust()));
    for (int round = 0; round < 4; ++round) {
      cut.append({"sealed"});
      cut.counter_anchor();
      for (int quote = 0; quote <= round; ++quote) {
        cut.append({"quoted"});
        cut.quote_anchor();
        expect(0, "verified", verify(folder / "store" + " --trust " + (folder / "trust") +
                                     " --memory " + (folder / "memory")));
        const auto remembered = attest::parse_memory(read_file(folder / "memory"));
        ASSERT_TRUE(remembered.has_value());
        const auto statement_in = [&](const char* suffix) {
          return read_file(folder / "memory" + suffix).substr(0, attest::kStatementBytes);
        };
        EXPECT_EQ(attest::statement_digest(attest::view(statement_in(".anchor"))),
                  remembered->digest);
        const auto counter = attest::decode_statement(attest::view(statement_in(".counter-anchor")));
        ASSERT_TRUE(counter.has_value());
        EXPECT_FALSE(counter->is_quote());
        EXPECT_EQ(counter->seq, remembered->seq);
      }
    }
    const std::filesystem::directory_iterator files(folder / "store/journal");
    std::cout << std::distance(begin(files), end(files)) << " files of the journal\n";
  }
}

TEST_F(SteleVerify, RemembersOnlyAfterAVerifiedLogAndCatchesARollback) {
  const Scratch old;
  std::filesystem::copy(store(), old / "store", std::filesystem::copy_options::recursive);
  log.append({"three"});
  log.quote_anchor();
  expect(2, "undetermined", verify(store() + " --memory " + memory()));
  EXPECT_FALSE(std::filesystem::exists(memory()));
  expect(0, "verified", verify_store("--memory " + memory()));
  const std::string remembered = read_file(memory());
  for (const char* const half : {".anchor", ".counter-anchor"}) {
    EXPECT_TRUE(read_file(memory() + half).starts_with("STELEAN1")) << half;
  }
  expect(0, "verified", verify(old / "store" + " --trust " + trust()));
  expect(1, "memory_mismatch", verify(old / "store" + " --trust " + trust() + " --memory " + memory()));
  EXPECT_EQ(read_file(memory()), remembered) << "a tampered log is not remembered";
  log.append({"four"});
  log.quote_anchor();
  expect(0, "verified", verify_store("--memory " + memory()));
  EXPECT_NE(read_file(memory()), remembered);
  EXPECT_FALSE(std::filesystem::exists(memory() + ".new"));
}

TEST_F(SteleVerify, JudgesALiveAnswerToItsNonce) {
  const attest::Hash nonce = attest::hash(attest::view("nonce"));
  const attest::Bytes answer = log.answer(nonce);
  put(scratch / "answer", {reinterpret_cast<const char*>(answer.data()), answer.size()});
  const std::string with = " --answer " + scratch / "answer" + " --nonce ";
  expect(0, "freshness      pass", verify_store(with + attest::to_hex(nonce)));
  expect(1, "nonce_mismatch", verify_store(with + std::string(64, '0')));
  expect(2, "answer_missing", verify_store("--nonce " + attest::to_hex(nonce)));
  expect(64, "--nonce", verify_store(with + "abc"));
  expect(64, "--nonce", verify_store("--answer " + scratch / "answer"));
}

TEST_F(SteleVerify, AFindingCanBeRequiredNotToBe) {
  expect(2, "simulator", verify_store("--require simulator"));
  expect(0, "verified", verify_store("--require wear_high"));
  expect(64, "no such finding", verify_store("--require nonsense"));
}

TEST_F(SteleVerify, UsageErrorsEndWith64) {
  EXPECT_EQ(verify("").code, 64);
  EXPECT_EQ(verify(store() + " --no-such-option").code, 64);
  EXPECT_EQ(verify(store() + " -o xml").code, 64);
  EXPECT_EQ(verify(store() + " --jobs 0").code, 64);
  EXPECT_EQ(verify(store() + " --auditor-key " + trust()).code, 64);
  expect(0, "--auditor-key", verify("--help"));
  expect(0, "stele-verify ", verify("--version"));
}

TEST_F(SteleVerify, WhatIsNoEvidenceEndsWith65OrIsMissing66) {
  expect(66, "does not exist", verify(scratch / "nothing"));
  std::filesystem::create_directory(scratch / "empty");
  expect(65, "no data directory", verify(scratch / "empty"));
  put(scratch / "text", "hello");
  expect(65, "no evidence", verify(scratch / "text"));
  put(scratch / "proof", "STELEPRF and then nonsense");
  const Ended ended = verify(scratch / "proof" + " --trust " + trust());
  EXPECT_TRUE(ended.code == 1 || ended.code == 2) << ended.output;
}

TEST_F(SteleVerify, PolicyAndReceiptsSaySomethingOnlyOfAPinnedLog) {
  put(scratch / "policy", "quorum none\n");
  put(scratch / "receipts", "");
  put(scratch / "key", "auditor.example+00000000+AAAA\n");
  const std::string with_policy = " --policy " + scratch / "policy";
  const std::string with_receipts = " --receipts " + scratch / "receipts";
  expect(64, "--trust", verify(store() + with_policy));
  expect(64, "--trust", verify(store() + with_receipts));
  expect(64, "--auditor-key", verify(store() + with_receipts + " --auditor-key " + scratch / "key"));
  expect(0, "verified", verify_store(with_policy));
  expect(0, "verified", verify_store(with_receipts));
  expect(66, "absent", verify_store(" --receipts " + scratch / "absent"));
  expect(66, "absent", verify_store(with_policy + " --cosignatures " + scratch / "absent"));
  expect(64, "standard input", verify("- --trust " + trust() + " --receipts - < /dev/null"));
  put(scratch / "proof", "STELEPRF and then nonsense");
  expect(64, "--receipts", verify(scratch / "proof" + with_receipts + " --trust " + trust()));
  put(scratch / "bad", "quorum nobody\n");
  expect(65, scratch / "bad", verify_store(" --policy " + scratch / "bad"));
}

TEST_F(SteleVerify, AnEndlessLineOfReceiptsIsRefusedAndNotHeld) {
  std::string lines(64u << 20, 'a');
  // A sanitizer's shadow is larger than any bound: then the program does not even start.
  const bool starts = run("ulimit -v 150000; " STELE_VERIFY " --version").code == 0;
  const std::string bounded = starts ? "ulimit -v 150000; " : "";
  put(scratch / "receipts", lines + "\nnoise\n\nno end of line");
  const Ended ended =
      run(bounded + STELE_VERIFY " " + store() + " --jobs 1 --trust " + trust() +
          " -o json --receipts " + scratch / "receipts");
  expect(0, "\"finding\":\"held_receipt_invalid\",\"at\":{\"line\":1}", ended);
  expect(0, "\"finding\":\"held_receipt_invalid\",\"at\":{\"line\":2}", ended);
  expect(0, "\"held_receipts\":0", ended);
  EXPECT_EQ(ended.output.find("\"line\":4"), std::string::npos) << "a last line that was cut";
}

TEST_F(SteleVerify, ATrustFileThatCannotBeUsedIsNamedWithWhatToDo) {
  expect(66, scratch / "absent", verify(store() + " --trust " + scratch / "absent"));
  put(scratch / "bad", "stele-trust 1\norigin somewhere\nnonsense\n");
  const Ended ended = verify(store() + " --trust " + scratch / "bad");
  expect(65, scratch / "bad", ended);
  expect(65, "line", ended);
  expect(65, "stele trust", ended);
  put(memory(), "not a memory");
  expect(65, memory(), verify_store("--memory " + memory()));
  if (geteuid() != 0) {  // root may read everything
    chmod(trust().c_str(), 0);
    expect(77, trust(), verify_store());
  }
}

TEST_F(SteleVerify, ProgressAndColourNeverReachAPipe) {
  const Ended ended = verify_store();
  EXPECT_EQ(ended.output.find('\x1b'), std::string::npos);
  EXPECT_EQ(ended.output.find('\r'), std::string::npos);
}

TEST_F(SteleVerify, AFullOutputDeviceIsAnError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  expect(0, "code 74", run("(" STELE_VERIFY " " + store() + " > /dev/full; echo code $?)"));
}

TEST_F(SteleVerify, LinksNothingThatAVerifierDoesNotNeed) {
  const Ended ended = run("ldd " STELE_VERIFY);
  EXPECT_EQ(ended.code, 0);
  for (const char* const library : {"sqlite", "tss2", "boost", "systemd", "ssl.so", "asio"}) {
    EXPECT_EQ(ended.output.find(library), std::string::npos) << ended.output;
  }
}

}  // namespace
}  // namespace stele::test
