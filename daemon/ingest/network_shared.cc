#include "daemon/ingest/network_shared.h"

namespace stele::daemon {

AddressSlot AddressSlots::take(const boost::asio::ip::address& address) {
  std::size_t& count = (*taken_)[address];
  if (count >= each_) return nullptr;
  ++count;
  return AddressSlot(this, [taken = taken_, address](const void*) {
    const auto found = taken->find(address);
    if (--found->second == 0) taken->erase(found);
  });
}

}  // namespace stele::daemon
