// What all connections of a network input share: limits, and places for each address.
//
// Thread safety: one executor on one thread.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "daemon/config.h"
#include "daemon/ingest/framing.h"
#include "daemon/ingest/intake.h"

namespace stele::daemon {

// One read: a TLS record has 16 KiB, and a thousand connections together stay small.
constexpr std::size_t kNetworkReadBytes = 64u << 10;

struct NetworkLimits {
  explicit NetworkLimits(const Config& config)
      : connections(config.max_connections),
        connections_per_address(config.max_connections_per_address),
        idle(config.idle_timeout),
        event(config.event_timeout),
        handshake(config.handshake_timeout),
        unfinished_bytes(config.unfinished_bytes) {}
  std::size_t connections;
  std::size_t connections_per_address;
  std::chrono::milliseconds idle;
  std::chrono::milliseconds event;
  std::chrono::milliseconds handshake;
  std::uint64_t unfinished_bytes;
};

// One of the places that an address has; given back when it goes.
using AddressSlot = std::shared_ptr<const void>;
class AddressSlots {
 public:
  explicit AddressSlots(std::size_t each) : each_(each) {}
  // Null: the address has all of its places.
  AddressSlot take(const boost::asio::ip::address& address);

 private:
  std::size_t each_;
  std::shared_ptr<std::map<boost::asio::ip::address, std::size_t>> taken_ =
      std::make_shared<std::map<boost::asio::ip::address, std::size_t>>();
};

struct NetworkShared {
  NetworkShared(const Config& config, Frame frame_, Sequencer& sequencer)
      : limits(config),
        frame(frame_),
        ingest(
            std::make_shared<IngestShared>(sequencer, config.max_event_bytes, kNetworkReadBytes)),
        slots(limits.connections_per_address) {}
  void complain(const std::string& what) { ingest->complaints.say(what); }

  const NetworkLimits limits;
  const Frame frame;
  std::shared_ptr<IngestShared> ingest;
  AddressSlots slots;
  std::uint64_t unfinished_bytes = 0;  // of all connections
  std::function<void()> relieve;       // ends the one that has been unfinished for longest
  std::function<void()> refused;       // somebody was not listened to
};

}  // namespace stele::daemon
