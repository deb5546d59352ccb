// Who gives way where all places of a listener are taken and one more comes.
//
// One rule for every listener, in this order:
//   1. who may be asked: one of a peer that has at least two places more than the newcomer's, so
//      that nobody loses the only one he has to somebody who has none, and comes again and again;
//      and one of the newcomer's own, where the listener says so, or no other, where its peer has
//      all that one peer may have
//   2. one that waits for its peer goes before one that is being answered
//   3. of the peer with most places
//   4. one that has said nothing so far, then one between two messages, then one within a message
//   5. silent for longest
// What a listener adds (for how long it must have been silent, that nothing of it is unread or not
// yet durable) is in its look at a connection: no Standing, and it stays.
// Thread safety: pure. See: README.md, "Who gives way".
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace stele::daemon {

// Connections that gave way and still have an event to record: beyond, nobody is admitted in their
// place. One that was ended for another reason counts as open until it is gone, since it keeps its
// descriptor until its event is recorded.
constexpr std::size_t kMaxLeaving = 64;

// What a connection's peer has said so far; the less, the sooner it goes.
enum class Heard : std::uint8_t { part_of_a_message, whole_messages, nothing };

// How near a connection is to giving way: the greatest goes.
struct Standing {
  bool waits_for_peer = true;  // and is not being answered
  std::size_t places = 0;      // its peer has
  Heard heard = Heard::nothing;
  std::chrono::nanoseconds silent_for{0};
  auto operator<=>(const Standing&) const = default;
};

constexpr bool may_be_asked(std::size_t has, std::size_t newcomer_has) {
  return has > newcomer_has + 1;
}

// Who has how many of a listener's connections; those that are leaving apart.
template <class Peer>
struct Crowd {
  std::size_t open = 0, leaving = 0;
  std::map<Peer, std::size_t> places;
  std::size_t places_of(const Peer& peer) const {
    const auto found = places.find(peer);
    return found == places.end() ? 0 : found->second;
  }
};
template <class Peer, class Connection, class IsLeaving>
Crowd<Peer> crowd_of(const std::set<std::shared_ptr<Connection>>& connections,
                     IsLeaving is_leaving) {
  Crowd<Peer> crowd;
  for (const auto& one : connections) {
    if (is_leaving(*one)) {
      ++crowd.leaving;
    } else {
      ++crowd.open;
      ++crowd.places[one->peer()];
    }
  }
  return crowd;
}

// Whose connections are asked, seen from the newcomer: his own alone, all but those, or anybody's.
enum class Whose : std::uint8_t { his, others, any };

// Null: nobody goes. look: a connection's std::optional<Standing>, `places` left to this. may_go: asked
// of those alone that would be the first, since it may ask the kernel.
template <class Peer, class Connection, class Look, class MayGo>
std::shared_ptr<Connection> first_to_go(const std::set<std::shared_ptr<Connection>>& connections,
                                        const Crowd<Peer>& crowd, const Peer& newcomer, Whose whose,
                                        Look look, MayGo may_go) {
  const std::size_t newcomer_has = crowd.places_of(newcomer);
  std::shared_ptr<Connection> first;
  Standing greatest;
  for (const auto& one : connections) {
    const Peer peer = one->peer();
    const std::size_t has = crowd.places_of(peer);
    const bool asked = peer == newcomer ? whose != Whose::others
                                        : whose != Whose::his && may_be_asked(has, newcomer_has);
    if (!asked) continue;
    std::optional<Standing> standing = look(*one);
    if (!standing) continue;
    standing->places = has;
    if ((first && *standing <= greatest) || !may_go(*one)) continue;
    first = one;
    greatest = *standing;
  }
  return first;
}

}  // namespace stele::daemon
