// What all connections of a network input share: limits, places for each address, turns for long
// events.
//
// Thread safety: one executor on one thread.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/config.h"
#include "daemon/ingest/framing.h"
#include "daemon/ingest/intake.h"
#include "daemon/ingest/long_events.h"
#include "daemon/ingest/places.h"

namespace stele::daemon {

// Where places are wanted: nobody knows yet who makes a handshake, and one takes a few round trips.
constexpr std::chrono::milliseconds kPatienceWithAHandshake{2'000};

struct NetworkLimits {
  explicit NetworkLimits(const Config& config)
      : connections(config.max_connections),
        connections_per_address(config.max_connections_per_address),
        evict_after(config.evict_after),
        idle(config.idle_timeout),
        event(config.event_timeout),
        handshake(config.handshake_timeout) {}
  std::size_t connections;
  std::size_t connections_per_address;
  std::chrono::milliseconds evict_after;
  std::chrono::milliseconds idle;
  std::chrono::milliseconds event;
  std::chrono::milliseconds handshake;
};

struct NetworkShared {
  NetworkShared(const Config& config, Frame frame_, Sequencer& sequencer,
                const boost::asio::any_io_executor& executor)
      : limits(config),
        frame(frame_),
        ingest(std::make_shared<IngestShared>(sequencer, config.max_event_bytes)),
        places(limits.connections_per_address),
        long_events(std::make_shared<LongEvents>(executor, config)) {}
  void complain(const std::string& what) { ingest->complaints.say(what); }

  const NetworkLimits limits;
  const Frame frame;
  std::shared_ptr<IngestShared> ingest;
  Places<boost::asio::ip::address> places;
  const std::shared_ptr<LongEvents> long_events;
  std::function<void()> refused;  // somebody was not listened to
};

}  // namespace stele::daemon
