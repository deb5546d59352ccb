#include "daemon/http/message.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace stele::daemon {

std::string_view HttpRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

HttpReply json_reply(unsigned status, std::string body) {
  return {status, "application/json", std::move(body)};
}

HttpReply text_reply(unsigned status, std::string body) {
  return {status, "text/plain; charset=utf-8", std::move(body)};
}

HttpReply problem(unsigned status, std::string_view detail) {
  const boost::json::object body{
      {"title", reason_phrase(status)}, {"status", status}, {"detail", detail}};
  return {status, "application/problem+json", boost::json::serialize(body) + "\n"};
}

HttpReply busy(std::string_view detail, unsigned retry_after_s) {
  HttpReply reply = problem(503, detail);
  reply.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  return reply;
}

HttpReply no_room_for_body() {
  return busy("http.buffer_bytes are in use by other requests", 1);
}

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Supported";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

}  // namespace stele::daemon
