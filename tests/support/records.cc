#include "tests/support/records.h"

namespace stele::test {

attest::Hash salt_of(std::uint64_t n) {
  return attest::hash(attest::view("salt" + std::to_string(n)));
}

void Records::add(const std::string& content, attest::Kind kind) {
  contents_.push_back(content);
  kinds_.push_back(kind);
}

void Records::cut(std::uint64_t size) {
  contents_.resize(size);
  kinds_.resize(size);
}

void Records::add_numbered(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    add(size() == 0 ? std::string(kGenesisContent) : "event " + std::to_string(size()),
        size() == 0 ? attest::Kind::genesis : attest::Kind::event);
  }
}

std::vector<storage::NewRecord> Records::batch(std::uint64_t begin, std::uint64_t end) const {
  std::vector<storage::NewRecord> batch;
  for (std::uint64_t i = begin; i < end; ++i) {
    storage::NewRecord record;
    record.kind = kinds_[i];
    record.time_ns = static_cast<std::int64_t>(1'000'000'000 + i);
    record.salt = salt_of(i);
    record.bytes = attest::view(contents_[i]);
    batch.push_back(record);
  }
  return batch;
}

attest::Leaf Records::leaf(std::uint64_t index) const {
  const storage::NewRecord record = batch(index, index + 1).front();
  return {record.kind, record.time_ns, record.source,
          attest::commit({record.salt, record.tlvs, record.bytes})};
}

storage::NewRecord genesis_record() {
  storage::NewRecord record;
  record.kind = attest::Kind::genesis;
  record.time_ns = 1'000'000'000;
  record.salt = salt_of(0);
  record.bytes = attest::view(kGenesisContent);
  return record;
}

attest::Hash test_log_id() {
  return attest::hash(attest::view(kGenesisContent));
}

}  // namespace stele::test
