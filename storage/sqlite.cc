#include "storage/sqlite.h"

#include <sqlite3.h>

namespace stele::storage {

namespace {

[[noreturn]] void sqlite_failed(sqlite3* connection, int code, const std::string& doing) {
  const char* words = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  throw LookUpError(code, doing + ": " + words);
}

}  // namespace

bool LookUpError::corrupt() const {
  const int primary = code_ & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_FORMAT ||
         primary == SQLITE_ERROR || primary == SQLITE_MISMATCH || primary == SQLITE_SCHEMA ||
         primary == SQLITE_TOOBIG;
}

void Connection::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

Connection::Connection(const std::string& path, Open how) {
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE |
                    (how == Open::create ? SQLITE_OPEN_CREATE : 0);
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  connection_.reset(raw);
  if (code != SQLITE_OK) sqlite_failed(raw, code, "open " + path);
  sqlite3_busy_timeout(raw, 5000);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
}

void Connection::run(const char* sql) {
  const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) sqlite_failed(connection_.get(), code, sql);
}

void Connection::abandon() noexcept {
  sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Prepared::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Prepared::Prepared(const Connection& connection, const char* sql) : connection_(connection.raw()) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(connection_, sql, -1, &raw, nullptr);
  statement_.reset(raw);
  if (code != SQLITE_OK) sqlite_failed(connection_, code, sql);
}

Prepared& Prepared::bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), parameter, value);
  if (code != SQLITE_OK) sqlite_failed(connection_, code, "bind");
  return *this;
}

Prepared& Prepared::bind(int parameter, std::span<const std::uint8_t> value) {
  static const std::uint8_t kNothing = 0;  // a null pointer would bind NULL
  const int code = sqlite3_bind_blob64(statement_.get(), parameter,
                                       value.empty() ? &kNothing : value.data(), value.size(),
                                       SQLITE_STATIC);
  if (code != SQLITE_OK) sqlite_failed(connection_, code, "bind");
  return *this;
}

bool Prepared::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite_failed(connection_, code, "step");
}

void Prepared::reset() { sqlite3_reset(statement_.get()); }

std::int64_t Prepared::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::span<const std::uint8_t> Prepared::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const std::uint8_t*>(bytes), static_cast<std::size_t>(size)};
}

}  // namespace stele::storage
