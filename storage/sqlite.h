// SQLite held by RAII: a connection and its prepared statements, nothing more.
//
// Values are at most kMaxValueBytes: a file that states longer ones is corrupt.
// Thread safety: a Connection and its Statements belong to one thread. Blocks: up to 5 s for another
// connection's lock. Errors: any code but OK, ROW and DONE throws LookUpError.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

struct sqlite3;
struct sqlite3_stmt;

namespace stele::storage {

// SQLite said no: its code and its words.
class LookUpError : public std::runtime_error {
 public:
  LookUpError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int code() const { return code_; }
  bool corrupt() const;  // the file's bytes are at fault (not a database, malformed), not the disk

 private:
  int code_;
};

constexpr int kMaxValueBytes = 16 << 20;

class Connection {
 public:
  enum class Open { existing, create };
  Connection(const std::string& path, Open how);
  void run(const char* sql);  // every statement in it, results ignored
  void abandon() noexcept;    // rolls an open transaction back
  sqlite3* raw() const { return connection_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

class Prepared {
 public:
  Prepared(const Connection& connection, const char* sql);
  Prepared& bind(int parameter, std::int64_t value);  // parameters count from 1
  Prepared& bind(int parameter, std::span<const std::uint8_t> value);  // not copied: must outlive step()
  bool step();  // true: a row is there
  void reset();
  std::int64_t integer(int column) const;
  std::span<const std::uint8_t> blob(int column) const;  // until the next step() or reset()

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace stele::storage
