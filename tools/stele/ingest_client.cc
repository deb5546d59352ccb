#include "tools/stele/ingest_client.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tools/stele/local_socket.h"

namespace stele::tools {
namespace {

namespace asio = boost::asio;

std::string value_text(const boost::json::value& value) {
  return {value.as_string().data(), value.as_string().size()};
}

Acknowledgement parse_acknowledgement(std::string_view line) {
  const boost::json::object object = boost::json::parse({line.data(), line.size()}).as_object();
  if (const boost::json::value* message = object.if_contains("message")) {
    throw CommandError(kTemporary,
                       "the daemon turned this connection away: " + value_text(*message));
  }
  Acknowledgement out{object.at("first").to_number<std::uint64_t>(),
                      object.at("next").to_number<std::uint64_t>(),
                      {}};
  const boost::json::value* refused = object.if_contains("refused");
  if (refused == nullptr) return out;
  for (const boost::json::value& each : refused->as_array()) {
    const boost::json::object& event = each.as_object();
    std::string fault = value_text(event.at("fault"));
    if (fault == "too_long" && event.contains("limit")) {
      fault += " (the limit is " + boost::json::serialize(event.at("limit")) + " bytes)";
    }
    out.refused.push_back({event.at("at").to_number<std::uint64_t>(), std::move(fault)});
  }
  return out;
}

}  // namespace

IngestClient::IngestClient(const Site& site, const std::string& hello,
                           std::function<void(const Acknowledgement&)> acknowledged)
    : socket_(context_), acknowledged_(std::move(acknowledged)) {
  const std::string& path = site.config.listen_unix;
  if (!site.daemon_serves || !connect_to(socket_, path)) fail_without_daemon(site, path);
  send(hello + "\n");
  thread_ = std::thread([this] {
    try {
      take_acknowledgements();
    } catch (...) {
      failure_ = std::current_exception();
    }
  });
}

IngestClient::~IngestClient() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_both, ignored);
  if (thread_.joinable()) thread_.join();
}

bool IngestClient::send(std::string_view bytes) {
  boost::system::error_code error;
  asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), error);
  return !error;
}

void IngestClient::take_acknowledgements() {
  std::string received;
  boost::system::error_code error;
  for (;;) {
    const std::size_t length =
        asio::read_until(socket_, asio::dynamic_buffer(received), '\n', error);
    if (error) return;  // the end: finish() knows whether it came too early
    const Acknowledgement group =
        parse_acknowledgement(std::string_view(received).substr(0, length - 1));
    received.erase(0, length);
    settled_ += group.next - group.first + group.refused.size();
    acknowledged_(group);
  }
}

void IngestClient::finish(std::uint64_t events) {
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  thread_.join();
  if (failure_) std::rethrow_exception(failure_);
  if (settled_ == events) return;
  throw CommandError(kTemporary,
                     "the daemon closed the connection after " + std::to_string(settled_) + " of " +
                         std::to_string(events) +
                         " events were acknowledged: the others may or may not be in the log");
}

}  // namespace stele::tools
