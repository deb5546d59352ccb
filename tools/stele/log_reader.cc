#include "tools/stele/log_reader.h"

#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "attest/base64.h"
#include "attest/tlog_proof.h"
#include "daemon/read_out/terms.h"
#include "tools/stele/record_json.h"

namespace stele::tools {
namespace {

boost::json::object request_of(const storage::Query& query) {
  boost::json::object request{{"do", "query"}, {"limit", query.limit}};
  if (query.since_ns) request["since_ns"] = *query.since_ns;
  if (query.until_ns) request["until_ns"] = *query.until_ns;
  if (query.begin) request["begin"] = *query.begin;
  if (query.end) request["end"] = *query.end;
  if (query.source) request["source"] = *query.source;
  for (std::size_t i = 0; i < daemon::kFieldCount; ++i) {
    const std::string_view name = daemon::kFieldNames[i];
    if (query.terms[i]) request[{name.data(), name.size()}] = *query.terms[i];
  }
  if (!query.grep.empty()) request["grep"] = query.grep;
  return request;
}

std::optional<std::uint64_t> scan(const storage::Store& store, const storage::Query& query,
                                  const storage::TermReader& reader,
                                  const LogReader::Visitor& visitor) {
  const storage::Matcher matches(query, reader);
  const std::uint64_t end = std::min(query.end.value_or(store.head().size), store.head().size);
  const std::uint64_t begin = std::min(query.begin.value_or(0), end);
  std::uint64_t found = 0;
  std::optional<std::uint64_t> next;
  store.visit(begin, end, [&](const storage::StoredRecord& record) {
    if (!matches(record)) return true;
    if (found == query.limit) {
      next = record.index;
      return false;
    }
    ++found;
    visitor(record);
    return true;
  });
  return next;
}

[[noreturn]] void fail_unsealed(std::uint64_t index) {
  throw CommandError(kTemporary, "no counter anchor covers record " + std::to_string(index) +
                                     " yet: start the daemon, or run `stele anchor` beside it");
}

}  // namespace

LogReader::LogReader(const Common& common) : site_(find_site(common)), daemon_(find_daemon(site_)) {
  if (!daemon_) store_.emplace(open_store(site_));
}

void LogReader::require_record(std::uint64_t index) const {
  const std::uint64_t size = store_->head().size;
  if (index < size) return;
  throw CommandError(kNoInput, "there is no record " + std::to_string(index) + ": the log holds " +
                                   std::to_string(size) + ", from 0");
}

storage::StoredRecord LogReader::read(std::uint64_t index) {
  if (!daemon_) {
    require_record(index);
    return store_->read(index);
  }
  std::optional<storage::StoredRecord> record;
  daemon_->ask({{"do", "show"}, {"index", index}}, [&](const boost::json::object& line) {
    record = record_from(line.at("record").as_object());
  });
  if (!record) throw CommandError(kUnavailable, "the daemon answered without the record");
  return std::move(*record);
}

std::optional<std::uint64_t> LogReader::query(const storage::Query& query, const Visitor& visitor) {
  if (!daemon_) {
    return scan(*store_, query, daemon::term_reader(site_.config.json_mappings), visitor);
  }
  const boost::json::object last =
      daemon_->ask(request_of(query), [&](const boost::json::object& line) {
        visitor(record_from(line.at("record").as_object()));
      });
  const boost::json::value& next = last.at("next");
  if (next.is_null()) return std::nullopt;
  return next.to_number<std::uint64_t>();
}

void LogReader::follow(const storage::Query& query, const Visitor& visitor) {
  if (!daemon_) fail_without_daemon(site_, site_.config.control_unix);
  boost::json::object request = request_of(query);
  request["follow"] = true;
  followed_ = daemon_->socket();
  try {
    if (stopped_) return;
    daemon_->ask(request, [&](const boost::json::object& line) {
      if (!stopped_) visitor(record_from(line.at("record").as_object()));
    });
  } catch (const CommandError&) {
    if (!stopped_) throw;  // else it is the connection that stop_following() ended
  }
}

void LogReader::stop_following() {
  stopped_ = true;
  const int socket = followed_;
  if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
}

void LogReader::wait_until_sealed(std::uint64_t index, std::chrono::seconds at_most) {
  if (!daemon_) return;  // prove() says what is missing: nobody will anchor
  const auto until = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    const boost::json::object reply = daemon_->ask({{"do", "status"}});
    const auto& status = reply.at("status").as_object();
    const auto& anchoring = status.at("anchoring").as_object();
    if (anchoring.at("counter_anchored").to_number<std::uint64_t>() > index) return;
    // A number that no record has yet is refused at once, not waited for.
    if (status.at("log").as_object().at("size").to_number<std::uint64_t>() <= index) return;
    if (std::chrono::steady_clock::now() >= until) {
      throw CommandError(kTemporary, "no counter anchor covers record " + std::to_string(index) +
                                         " after " + std::to_string(at_most.count()) +
                                         " s: wait longer (--at-most), or run `stele anchor`");
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

attest::Bytes LogReader::ask_proof(std::uint64_t index, bool content, const char* format) {
  boost::json::object request{{"do", "prove"}, {"index", index}, {"content", content}};
  // A daemon of before knows one format, and no name for it.
  if (std::string_view(format) != "proof") request["format"] = format;
  const boost::json::object reply = daemon_->ask(request);
  const boost::json::string& text = reply.at("proof").as_string();
  auto proof = attest::from_base64({text.data(), text.size()});
  if (!proof) throw CommandError(kUnavailable, "the daemon's proof is not base64");
  return std::move(*proof);
}

attest::Bytes LogReader::prove(std::uint64_t index, bool content) {
  if (daemon_) return ask_proof(index, content, "proof");
  require_record(index);
  const auto anchor = find_anchor_over(site_.config.data, index);
  if (!anchor) fail_unsealed(index);
  return attest::encode(proof_under(*anchor, index, content));
}

attest::Bytes LogReader::prove_to_tlogs(std::uint64_t index, bool content) {
  if (daemon_) return ask_proof(index, content, "tlog-proof");
  require_record(index);
  const auto signed_anchor = find_signed_anchor_over(site_.config.data, index);
  if (!signed_anchor) {
    if (!find_anchor_over(site_.config.data, index)) fail_unsealed(index);
    throw CommandError(kUnavailable,
                       "no checkpoint over record " + std::to_string(index) +
                           " is kept with its signature, and only the daemon can sign one: start "
                           "it, or leave out --format");
  }
  const auto& [anchor, note] = *signed_anchor;
  const auto proof = attest::make_tlog_proof(proof_under(anchor, index, content), note);
  if (!proof) {
    throw CommandError(kCannotCreate, "the record's tlog-proof takes more than " +
                                          std::to_string(attest::kMaxTlogProofBytes) +
                                          " bytes: leave out " +
                                          (content ? "--content" : "--format"));
  }
  const std::string text = to_text(*proof);
  return {text.begin(), text.end()};
}

attest::Proof LogReader::proof_under(const StoredAnchor& anchor, std::uint64_t index,
                                     bool content) {
  storage::StoredRecord record = store_->read(index);
  attest::Proof proof;
  proof.index = index;
  proof.leaf = record.encoded_leaf;
  proof.path = attest::prove_inclusion(index, anchor.statement.tree.size, *store_);
  std::copy(anchor.statement_bytes.begin(), anchor.statement_bytes.end(),
            proof.statement.begin());
  proof.receipt = anchor.receipt;
  proof.receipt.quote.reset();  // a proof stands on the counter; the quote would double its size
  if (content) {
    if (record.erased) {
      throw CommandError(kNoInput,
                         "the content of record " + std::to_string(index) + " was erased");
    }
    proof.content.emplace(
        attest::Proof::OwnedContent{record.salt, std::move(record.tlvs), std::move(record.bytes)});
  }
  return proof;
}

}  // namespace stele::tools
