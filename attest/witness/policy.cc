#include "attest/witness/policy.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/decimal.h"

namespace stele::attest {
namespace {

using Items = std::vector<std::string_view>;

constexpr std::string_view kNone = "none";
constexpr std::string_view kWhite = " \t";

Items items_of(std::string_view line) {
  Items items;
  for (std::size_t at = line.find_first_not_of(kWhite); at != line.npos;
       at = line.find_first_not_of(kWhite, at)) {
    const std::size_t end = std::min(line.find_first_of(kWhite, at), line.size());
    items.push_back(line.substr(at, end - at));
    at = end;
  }
  return items;
}

// Takes the lines one after another.
class PolicyReader {
 public:
  Result<void> take(std::string_view line, Place at) {
    const Items items = items_of(line);
    if (items.empty() || items[0].starts_with('#')) return ok();
    if (items[0] == "log") return log(items, at);
    if (items[0] == "witness") return witness(items, at);
    if (items[0] == "group") return group(items, at);
    if (items[0] == "quorum") return quorum(items, at);
    return bad(at, "a line begins with log, witness, group or quorum");
  }
  Result<Policy> end() && {
    if (!has_quorum_) return Defect(Fault::truncated, {}, "a policy has exactly one quorum line");
    return std::move(policy_);
  }

 private:
  static Defect bad(Place at, std::string why) {
    return Defect(Fault::value_out_of_range, at, std::move(why));
  }

  Result<void> log(const Items& items, Place at) {
    if (items.size() < 2 || items.size() > 3) return bad(at, "log VKEY [URL]");
    auto key = parse_note_key(items[1], NoteKeyType::note);
    if (!key) return bad(at, key.error().detail);
    const bool known = std::any_of(policy_.logs.begin(), policy_.logs.end(),
                                   [&](const auto& one) { return one.key.key == key->key; });
    if (known) return bad(at, "two logs have the same key");
    if (policy_.logs.size() == kMaxPolicyLogs) return bad(at, "too many logs");
    policy_.logs.push_back({*std::move(key), items.size() == 3 ? std::string(items[2]) : ""});
    return ok();
  }

  Result<void> witness(const Items& items, Place at) {
    if (items.size() < 3 || items.size() > 4) return bad(at, "witness NAME VKEY [URL]");
    auto key = parse_note_key(items[2], NoteKeyType::cosignature);
    if (!key) return bad(at, key.error().detail);
    const auto& known = policy_.witnesses;
    if (std::any_of(known.begin(), known.end(),
                    [&](const auto& one) { return one.key.key == key->key; })) {
      return bad(at, "two witnesses have the same key");
    }
    if (known.size() == kMaxPolicyWitnesses) return bad(at, "too many witnesses");
    Policy::Node node;
    node.name = items[1];
    node.witness = known.size();
    if (auto named = define(std::move(node), at); !named) return named;
    policy_.witnesses.push_back(
        {std::string(items[1]), *std::move(key), items.size() == 4 ? std::string(items[3]) : ""});
    return ok();
  }

  Result<void> group(const Items& items, Place at) {
    if (items.size() < 4) return bad(at, "group NAME all|any|K MEMBER...");
    if (++groups_ > kMaxPolicyGroups) return bad(at, "too many groups");
    Policy::Node node;
    node.name = items[1];
    for (const std::string_view name : std::span(items).subspan(3)) {
      const auto member = find(name);
      if (!member) return bad(at, "a member must be defined on a line before, and not be none");
      if (is_member_[*member]) return bad(at, "a name may be a member once, of one group");
      is_member_[*member] = true;
      node.members.push_back(*member);
    }
    const std::uint64_t count = node.members.size();
    const auto threshold = items[2] == "all"   ? std::optional(count)
                           : items[2] == "any" ? std::optional(std::uint64_t{1})
                                               : parse_decimal(items[2]);
    if (!threshold || *threshold < 1 || *threshold > count) {
      return bad(at, "a group's threshold is all, any, or from 1 to the number of its members");
    }
    node.threshold = static_cast<std::size_t>(*threshold);
    return define(std::move(node), at);
  }

  Result<void> quorum(const Items& items, Place at) {
    if (items.size() != 2) return bad(at, "quorum NAME");
    if (has_quorum_) return bad(at, "a second quorum line");
    has_quorum_ = true;
    if (items[1] == kNone) return ok();
    policy_.quorum = find(items[1]);
    if (!policy_.quorum) return bad(at, "the quorum must be defined on a line before");
    return ok();
  }

  Result<void> define(Policy::Node node, Place at) {
    if (node.name == kNone) return bad(at, "none is no name");
    if (find(node.name)) return bad(at, "a name is defined twice");
    policy_.nodes.push_back(std::move(node));
    is_member_.push_back(false);
    return ok();
  }

  std::optional<std::size_t> find(std::string_view name) const {
    for (std::size_t i = 0; i < policy_.nodes.size(); ++i) {
      if (policy_.nodes[i].name == name) return i;
    }
    return std::nullopt;
  }

  Policy policy_;
  std::vector<bool> is_member_;  // by node
  std::size_t groups_ = 0;
  bool has_quorum_ = false;
};

bool is_allowed(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || byte == '\n' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

Result<Policy> parse_policy(std::string_view text) {
  if (text.size() > kMaxPolicyBytes) {
    return Defect(Fault::value_out_of_range, {}, "the policy is too long");
  }
  PolicyReader reader;
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    const Place at = Place::line(number);
    const std::size_t end = text.find('\n');
    if (end == text.npos) return Defect(Fault::truncated, at, "a line without its end");
    const std::string_view line = text.substr(0, end);
    if (!std::all_of(line.begin(), line.end(), is_allowed)) {
      return Defect(Fault::value_out_of_range, at, "a control character");
    }
    if (auto taken = reader.take(line, at); !taken) return taken.error();
    text.remove_prefix(end + 1);
  }
  return std::move(reader).end();
}

std::string to_text(const Policy& policy) {
  std::string text;
  const auto with_url = [](const std::string& url) {
    return url.empty() ? "\n" : " " + url + "\n";
  };
  for (const Policy::Log& log : policy.logs) {
    text += "log " + to_text(log.key) + with_url(log.url);
  }
  for (const Policy::Node& node : policy.nodes) {
    if (node.witness) {
      const Policy::Witness& witness = policy.witnesses[*node.witness];
      text += "witness " + node.name + " " + to_text(witness.key) + with_url(witness.url);
      continue;
    }
    text += "group " + node.name + " " + std::to_string(node.threshold);
    for (const std::size_t member : node.members) text += " " + policy.nodes[member].name;
    text += "\n";
  }
  return text + "quorum " +
         (policy.quorum ? policy.nodes[*policy.quorum].name : std::string(kNone)) + "\n";
}

bool Policy::holds(const std::vector<bool>& cosigned) const {
  ENSURE(cosigned.size() == witnesses.size());
  if (!quorum) return true;
  std::vector<bool> held(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    if (node.witness) {
      held[i] = cosigned[*node.witness];
      continue;
    }
    const auto count = std::count_if(node.members.begin(), node.members.end(),
                                     [&](std::size_t member) { return held[member]; });
    held[i] = static_cast<std::size_t>(count) >= node.threshold;
  }
  return held[*quorum];
}

}  // namespace stele::attest
