// Goal: audit records are taken apart as the audit's own library does, and their events answer who did
// what. Method: events by hand; over real logs every record's type, serial, time and pairs compared with
// libauparse, which is not part of the product (daemon/read_out/README.md says why).
#include "daemon/read_out/audit.h"

#include <auparse.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "tests/support/vectors.h"

namespace stele::daemon {
namespace {

ReadOut read(std::string_view text) {
  ReadOut out;
  if (!read_audit(text, out)) out.clear();
  return out;
}

constexpr std::string_view kExec =
    "type=SYSCALL msg=audit(1764057000.525:77): arch=c000003e syscall=59 success=yes exit=0 items=2 ppid=7 pid=8 "
    "auid=1005 uid=0 comm=\"dash\" exe=\"/usr/bin/dash\" key=(null)\n"
    "type=CWD msg=audit(1764057000.525:77): cwd=\"/\"\n"
    "type=PATH msg=audit(1764057000.525:77): item=0 name=\"/bin\" nametype=PARENT\n"
    "type=PATH msg=audit(1764057000.525:77): item=1 name=2F62696E2F612062 nametype=NORMAL\n";

TEST(Audit, AnEventOfSeveralRecordsIsReadAsOne) {
  const ReadOut out = read(kExec);
  EXPECT_EQ(out.format, "audit");
  EXPECT_EQ(out[Field::actor], "1005");
  EXPECT_EQ(out[Field::action], "execve");
  EXPECT_EQ(out[Field::target], "/bin/a b") << "hexadecimal, and not the directory";
  EXPECT_EQ(out[Field::outcome], "success");
  EXPECT_EQ(out.time_ns, 1764057000525000000);
}

TEST(Audit, EnrichedNamesComeFirst) {
  const ReadOut out = read(
      "node=gate type=SYSCALL msg=audit(1764057000.525:77): arch=c000003e syscall=257 success=no auid=1005 "
      "comm=\"cat\" exe=\"/bin/cat\"\x1d" "ARCH=x86_64 SYSCALL=openat AUID=\"alice\" UID=\"root\"");
  EXPECT_EQ(out[Field::actor], "alice");
  EXPECT_EQ(out[Field::action], "openat");
  EXPECT_EQ(out[Field::target], "/bin/cat");
  EXPECT_EQ(out[Field::outcome], "failure");
  EXPECT_EQ(out[Field::origin], "gate");
}

TEST(Audit, UserspaceRecordsNameAccountAndAddress) {
  const ReadOut login = read(
      "type=USER_LOGIN msg=audit(1764057000.001:5): pid=9 uid=0 auid=4294967295 ses=4294967295 msg='op=login "
      "acct=\"mallory\" exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=ssh res=failed'");
  EXPECT_EQ(login[Field::actor], "mallory");
  EXPECT_EQ(login[Field::action], "user-login");
  EXPECT_EQ(login[Field::target], "/usr/sbin/sshd");
  EXPECT_EQ(login[Field::origin], "192.0.2.7");
  EXPECT_EQ(login[Field::outcome], "failure");
  const ReadOut command = read(
      "type=USER_CMD msg=audit(1764057000.001:6): user pid=9 uid=497 auid=700 msg='cwd=\"/\" "
      "cmd=2F62696E2F6964 terminal=? res=success'");
  EXPECT_EQ(command[Field::actor], "700");
  EXPECT_EQ(command[Field::target], "/bin/id");
  const ReadOut unit = read(
      "type=SERVICE_START msg=audit(1764057000.001:7): pid=1 uid=0 auid=4294967295 msg='unit=cafe comm=\"systemd\" "
      "exe=\"/lib/systemd/systemd\" res=success'");
  EXPECT_EQ(unit[Field::target], "cafe") << "a unit is never in hexadecimal";
  EXPECT_EQ(unit[Field::actor], "0");
}

TEST(Audit, OlderMessagesPutTheirPairsInBrackets) {
  const ReadOut out = read(
      "type=USER_START msg=audit(1764057000.344:297): user pid=13 uid=0 auid=0 msg='PAM: session open acct=root : "
      "exe=\"/usr/sbin/crond\" (hostname=gate, addr=?, terminal=cron res=success)'");
  EXPECT_EQ(out[Field::origin], "gate");
  EXPECT_EQ(out[Field::outcome], "success");
}

TEST(Audit, RecordsOfTwoEventsAreNoEvent) {
  std::string text(kExec);
  text.replace(text.rfind(":77)"), 4, ":78)");
  EXPECT_TRUE(read(text).unparsed());
}

TEST(Audit, EveryPrefixIsReadOrRefusedButNeverMore) {
  for (std::size_t length = 0; length < kExec.size(); ++length) {
    const ReadOut out = read(kExec.substr(0, length));
    EXPECT_TRUE(length >= 42 || out.unparsed()) << length;
  }
}

TEST(Audit, MoreRecordsThanItsLimitAreRefused) {
  std::string text;
  for (std::size_t i = 0; i < kMaxAuditRecords; ++i) text += "type=CWD msg=audit(1.000:1): cwd=\"/\"\n";
  EXPECT_FALSE(read(text).unparsed());
  EXPECT_TRUE(read(text + "type=CWD msg=audit(1.000:1): cwd=\"/\"\n").unparsed());
}

// What libauparse says of one line: nothing if it takes it for no record.
struct Reference {
  std::string type;
  std::uint64_t serial = 0;
  std::int64_t time_ms = 0;
  std::set<std::pair<std::string, std::string>> pairs;
};

std::optional<Reference> reference_of(const std::string& line) {
  const std::string buffer = line + "\n";
  const std::unique_ptr<auparse_state_t, void (*)(auparse_state_t*)> state(
      auparse_init(AUSOURCE_BUFFER, buffer.c_str()), [](auparse_state_t* s) { auparse_destroy(s); });
  if (!state || auparse_first_record(state.get()) <= 0) return std::nullopt;
  Reference found;
  const char* const type = auparse_get_type_name(state.get());
  found.type = type ? type : "";
  found.serial = auparse_get_serial(state.get());
  found.time_ms = auparse_get_time(state.get()) * std::int64_t{1000} + auparse_get_milli(state.get());
  do {
    const char* const name = auparse_get_field_name(state.get());
    const char* const value = auparse_get_field_str(state.get());
    if (name && value) found.pairs.emplace(name, value);
  } while (auparse_next_field(state.get()) > 0);
  return found;
}

TEST(Audit, RecordsAreTakenApartAsTheAuditsOwnLibraryDoes) {
  STELE_VECTORS_OR_SKIP(folder, "logs");
  std::size_t lines = 0, pairs = 0, alike = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const bool is_audit = entry.path().string().find("audit") != std::string::npos;
    if (!entry.is_regular_file() || !is_audit || entry.path().extension() != ".log") continue;
    std::istringstream file(test::read_file(entry.path()));
    for (std::string line; std::getline(file, line);) {
      // What auditd adds behind 0x1D is not the record; in some of these files the mark itself was lost.
      line = line.substr(0, line.find('\x1d'));
      if (line.find("UID=\"") != std::string::npos) continue;
      const auto event = parse_audit_event(line);
      const auto reference = reference_of(line);
      if (!event || !reference || !looks_like_audit(line)) continue;
      ++lines;
      const AuditRecord& record = event->front();
      EXPECT_EQ(record.serial, reference->serial) << line;
      EXPECT_EQ(record.time_ns, reference->time_ms * 1'000'000) << line;
      EXPECT_TRUE(record.type == reference->type || record.type.starts_with("UNKNOWN")) << line;
      for (const AuditRecord::Pair& pair : record.pairs) {
        if (pair.name == "key" && !pair.value.starts_with('"')) continue;  // the library splits it into several
        ++pairs;
        const bool found = reference->pairs.contains({std::string(pair.name), std::string(pair.value)});
        EXPECT_TRUE(found) << pair.name << "=" << pair.value << " in " << line;
        alike += found;
      }
    }
  }
  test::used_vectors("logs/auditd, records beside libauparse", lines);
  EXPECT_GT(lines, 50u);
  EXPECT_GT(pairs, 500u);
  EXPECT_EQ(alike, pairs);
}

}  // namespace
}  // namespace stele::daemon
