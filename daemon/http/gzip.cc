#include "daemon/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "attest/check.h"

namespace stele::daemon {
namespace {

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\t') {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

// q=0, q=0.0, q=0.00, q=0.000: RFC 9110, 12.4.2.
bool is_refused(std::string_view parameters) {
  if (!parameters.starts_with("q=0")) return false;
  parameters.remove_prefix(3);
  return std::all_of(parameters.begin(), parameters.end(),
                     [](char c) { return c == '0' || c == '.'; });
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  const std::string text = without_spaces(accept_encoding) + ",";
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find(',', begin);
    const std::string_view one = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    const std::size_t semicolon = std::min(one.find(';'), one.size());
    const std::string_view name = one.substr(0, semicolon);
    const bool accepted = semicolon == one.size() || !is_refused(one.substr(semicolon + 1));
    if (name == "gzip" || name == "x-gzip") return accepted;
    if (name == "*") any = accepted;
  }
  return any;
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kWindowAndGzip = 15 + 16;
  constexpr int kMemory = 8;
  ENSURE(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kWindowAndGzip, kMemory,
                      Z_DEFAULT_STRATEGY) == Z_OK);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ENSURE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  return out;
}

}  // namespace stele::daemon
