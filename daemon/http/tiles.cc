#include "daemon/http/tiles.h"

#include <algorithm>
#include <vector>

#include "daemon/http/away.h"
#include "daemon/http/gzip.h"
#include "daemon/http/tile_path.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

// A tile, once whole, never changes; nor does a partial one of a width.
constexpr const char* kForEver = "max-age=31536000, immutable";
constexpr unsigned kKeyRetry_s = 5;

HttpReply not_here() {
  return problem(404, "the tree has no such tile; /checkpoint says how large it is");
}

bool has(const TilePath& path, std::uint64_t size) {
  const unsigned shift = 8u * path.level;
  const std::uint64_t nodes = shift < 64 ? size >> shift : 0;
  // Divided, not multiplied: the largest index a path can name times the width wraps to 0.
  return path.width <= nodes && path.index <= (nodes - path.width) / kTileWidth;
}

std::string hashes_of(const storage::Store& store, const TilePath& path) {
  const std::uint64_t first = path.index * kTileWidth;
  std::vector<attest::Hash> hashes(path.width);
  if (path.level == 0) {
    attest::leaf_hash_many(store.read_leaves(first, first + path.width), hashes);
  } else {
    std::vector<attest::NodeId> nodes;
    const auto level = static_cast<std::uint8_t>(8 * path.level);
    for (std::uint64_t i = 0; i < path.width; ++i) nodes.push_back({level, first + i});
    hashes = store.read_hashes(nodes);
  }
  std::string bytes;
  for (const attest::Hash& hash : hashes) {
    bytes.append(hash.bytes.begin(), hash.bytes.end());
  }
  return bytes;
}

// Each leaf after its length: an entry is what H(0x00 ‖ …) is taken over.
std::string entries_of(const storage::Store& store, const TilePath& path) {
  const std::uint64_t begin = path.index * kTileWidth;
  const attest::Bytes leaves = store.read_leaves(begin, begin + path.width);
  std::string bytes;
  for (std::size_t at = 0; at < leaves.size(); at += attest::kLeafBytes) {
    bytes +=
        {static_cast<char>(attest::kLeafBytes >> 8), static_cast<char>(attest::kLeafBytes & 0xff)};
    bytes.append(reinterpret_cast<const char*>(&leaves[at]), attest::kLeafBytes);
  }
  return bytes;
}

asio::awaitable<HttpReply> tile(const ControlledDaemon& daemon, asio::any_io_executor reader,
                                HttpRequest& request) {
  const auto path = parse_tile_path(request.path_values.at("rest"));
  if (!path || !request.target.query.empty()) co_return not_here();
  const storage::Store& store = daemon.sequencer.store();
  if (!has(*path, store.head().size)) co_return not_here();
  const bool packed = path->entries && accepts_gzip(request.header("accept-encoding"));
  HttpReply reply{200, "application/octet-stream", {}};
  std::function<std::string()> read = [&store, path = *path, packed] {
    const std::string bytes = path.entries ? entries_of(store, path) : hashes_of(store, path);
    return packed ? gzip(bytes) : bytes;
  };
  reply.body = co_await away(reader, read);
  reply.headers.emplace_back("Cache-Control", kForEver);
  if (path->entries) reply.headers.emplace_back("Vary", "Accept-Encoding");
  if (packed) reply.headers.emplace_back("Content-Encoding", "gzip");
  co_return reply;
}

asio::awaitable<HttpReply> checkpoint(const ControlledDaemon& daemon, HttpRequest& request) {
  if (!request.target.query.empty()) co_return problem(400, "there is nothing to choose here");
  const attest::TreeHead head = daemon.sequencer.head();
  std::optional<std::string> note = daemon.signer.sign(head);
  if (!note) {  // its text alone would be no checkpoint
    co_return busy(
        "the key that signs checkpoints is not here: the TPM has not given it yet, or the log has "
        "none",
        kKeyRetry_s);
  }
  co_return text_reply(200, std::move(*note));
}

}  // namespace

void add_tile_routes(RouteTable& routes, const ControlledDaemon& daemon,
                     asio::any_io_executor reader) {
  const RoleSet anyone;
  routes.add({"GET", "/checkpoint", anyone, 0,
              [&daemon](HttpRequest& request) { return checkpoint(daemon, request); }});
  routes.add({"GET", "/tile/{rest...}", anyone, 0,
              [&daemon, reader](HttpRequest& request) { return tile(daemon, reader, request); }});
}

}  // namespace stele::daemon
