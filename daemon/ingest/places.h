// The places that one sender, an address or a user, has at an input: nobody takes all of them.
//
// Thread safety: one executor on one thread. A place outlives the Places it is from.
#pragma once

#include <cstddef>
#include <map>
#include <memory>

namespace stele::daemon {

// Given back when it goes.
using Place = std::shared_ptr<const void>;

template <class Sender>
class Places {
 public:
  explicit Places(std::size_t each) : each_(each) {}
  // Null: the sender has all of its places.
  Place take(const Sender& sender) {
    std::size_t& count = (*taken_)[sender];
    if (count >= each_) return nullptr;
    ++count;
    return Place(this, [taken = taken_, sender](const void*) {
      const auto found = taken->find(sender);
      if (--found->second == 0) taken->erase(found);
    });
  }
  std::size_t taken(const Sender& sender) const {
    const auto found = taken_->find(sender);
    return found == taken_->end() ? 0 : found->second;
  }

 private:
  std::size_t each_;
  std::shared_ptr<std::map<Sender, std::size_t>> taken_ =
      std::make_shared<std::map<Sender, std::size_t>>();
};

}  // namespace stele::daemon
