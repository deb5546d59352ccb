#include "daemon/http/body.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>

#include "attest/check.h"

namespace stele::daemon {
namespace {

using attest::Bytes;
using attest::ByteView;
using attest::Defect;
using attest::Fault;

constexpr std::size_t kInflateStepBytes = 64u << 10;
constexpr int kZstdWindowLog = 23;  // what a decoder must support: RFC 8878, 8 MiB

bool same(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

Defect too_long(std::size_t limit) {
  return {Fault::value_out_of_range,
          {},
          "unpacked it is longer than " + std::to_string(limit) + " bytes"};
}
Defect cut_short() {
  return {Fault::truncated, {}, "the packed body ends before its end"};
}
Defect malformed(const char* packing, const std::string& why) {
  return {Fault::trailing_bytes, {}, std::string("not ") + packing + ": " + why};
}

// Room for the next step at the end of `out`: one byte beyond the limit tells that it is passed.
std::size_t grow(Bytes& out, std::size_t used, std::size_t limit) {
  const std::size_t size = std::min({std::max(2 * used, kInflateStepBytes), limit + 1});
  out.resize(std::max(size, used));
  return out.size() - used;
}

attest::Result<Bytes> gunzip(ByteView packed, std::size_t limit) {
  z_stream stream{};
  ENSURE(inflateInit2(&stream, 15 + 16) == Z_OK);  // the largest window, gzip only
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = const_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  Bytes out;
  std::size_t used = 0;
  for (;;) {
    const std::size_t room = used < out.size() ? out.size() - used : grow(out, used, limit);
    stream.next_out = out.data() + used;
    stream.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream, Z_NO_FLUSH);
    used += room - stream.avail_out;
    if (used > limit) return too_long(limit);
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) return malformed("gzip", "a member that cannot be begun");
    } else if (result == Z_BUF_ERROR ||
               (result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      return cut_short();
    } else if (result != Z_OK) {
      return malformed("gzip", stream.msg != nullptr ? stream.msg : "it cannot be unpacked");
    }
  }
  out.resize(used);
  return out;
}

attest::Result<Bytes> unzstd(ByteView packed, std::size_t limit) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        ZSTD_freeDCtx);
  ENSURE(context != nullptr);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLog);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  Bytes out;
  std::size_t used = 0;
  for (std::size_t left = 1;;) {
    if (in.pos == in.size && left == 0) break;
    const std::size_t room = used < out.size() ? out.size() - used : grow(out, used, limit);
    ZSTD_outBuffer buffer{out.data() + used, room, 0};
    const std::size_t before = in.pos;
    left = ZSTD_decompressStream(context.get(), &buffer, &in);
    if (ZSTD_isError(left)) return malformed("zstd", ZSTD_getErrorName(left));
    used += buffer.pos;
    if (used > limit) return too_long(limit);
    if (left != 0 && in.pos == in.size && buffer.pos < room && in.pos == before) return cut_short();
  }
  out.resize(used);
  return out;
}

}  // namespace

std::optional<Packing> packing_of(std::string_view content_encoding) {
  const std::string_view name = trimmed(content_encoding);
  if (name.empty() || same(name, "identity")) return Packing::none;
  if (same(name, "gzip") || same(name, "x-gzip")) return Packing::gzip;
  if (same(name, "zstd")) return Packing::zstd;
  return std::nullopt;
}

attest::Result<Bytes> unpack(Packing packing, ByteView packed, std::size_t limit) {
  if (packing == Packing::gzip) return gunzip(packed, limit);
  if (packing == Packing::zstd) return unzstd(packed, limit);
  if (packed.size() > limit) return too_long(limit);
  return Bytes(packed.begin(), packed.end());
}

bool is_lines(std::string_view content_type) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  return same(type, "application/x-ndjson") || same(type, "application/ndjson") ||
         same(type, "application/jsonl");
}

std::optional<BodyEvents> split_body(bool lines, ByteView body, std::uint32_t max_event_bytes,
                                     std::size_t most) {
  BodyEvents found;
  if (!lines) {
    if (body.size() > max_event_bytes) {
      found.refused.push_back({Refused::Fault::too_long, 0});
    } else {
      found.events.push_back({0, static_cast<std::uint32_t>(body.size())});
    }
    return found;
  }
  Framing framing(Frame::lf, max_event_bytes);
  const std::size_t used = framing.decode(body, most + 1, found.events, found.refused);
  if (found.events.size() + found.refused.size() > most) return std::nullopt;
  const std::size_t before = found.events.size();
  framing.finish(body.subspan(used), true, found.events, found.refused);
  if (found.events.size() > before) {
    found.events.back().offset += static_cast<std::uint32_t>(used);
  }
  if (found.events.size() + found.refused.size() > most) return std::nullopt;
  return found;
}

}  // namespace stele::daemon
