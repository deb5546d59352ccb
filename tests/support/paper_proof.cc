#include "tests/support/paper_proof.h"

#include <algorithm>
#include <map>

namespace stele::test {

using namespace attest;

namespace {

class Nodes : public HashReader {
 public:
  explicit Nodes(const PaperLog& log) {
    CompactRange tree;
    for (const auto& record : log.records) {
      tree.append(leaf_hash(record.leaf),
                  [this](NodeId id, const Hash& node) { nodes_[id] = node; });
    }
  }
  std::vector<Hash> read_hashes(std::span<const NodeId> wanted) const override {
    std::vector<Hash> out;
    for (const NodeId& id : wanted) out.push_back(nodes_.at(id));
    return out;
  }

 private:
  std::map<NodeId, Hash> nodes_;
};

}  // namespace

Proof prove(const PaperLog& log, std::uint64_t index, bool with_content) {
  Proof proof;
  proof.index = index;
  std::copy(log.records[index].leaf.begin(), log.records[index].leaf.end(), proof.leaf.begin());
  const Statement& statement = *log.chain->newest_statement();
  proof.statement = encode(statement);
  proof.path = prove_inclusion(index, statement.tree.size, Nodes(log));
  proof.receipt = *decode_receipt(log.entries.back().payload);
  if (with_content) {
    const auto& record = log.records[index];
    proof.content = Proof::OwnedContent{record.salt, record.tlvs, record.bytes};
  }
  return proof;
}

}  // namespace stele::test
