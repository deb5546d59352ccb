#include "daemon/ingest/tls.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <utility>

#include "attest/certificate.h"
#include "daemon/ingest/network_stream.h"
#include "daemon/ingest/tls_receiver.h"
#include "daemon/tls_context.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

TlsFiles listen_files(const Config& config) {
  return {"listen.tls",         config.tls_certificate, config.tls_key,
          config.tls_client_ca, config.tls_crl,         config.tls_allowed_names};
}

std::string json(const std::string& text) {
  return boost::json::serialize(boost::json::string(text));
}

std::string source_text(const std::string& address, const attest::CertificateNames& names) {
  std::string list;
  for (const std::string& name : names.dns) list += (list.empty() ? "" : ",") + json("DNS:" + name);
  for (const std::string& one : names.addresses) {
    list += (list.empty() ? "" : ",") + json("IP:" + one);
  }
  return "{\"address\":" + json(address) + ",\"san\":[" + list +
         "],\"subject\":" + json(names.subject) + ",\"transport\":\"tls\"}";
}

// Why the handshake failed, as far as it lies in the certificate.
std::string why_no_tls(SSL* session, const boost::system::error_code& failed) {
  const long verdict = SSL_get_verify_result(session);
  if (verdict == X509_V_OK) return failed.message();
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH) {
    return "none of the certificate's subjectAltNames is in listen.tls.allowed_names";
  }
  return std::string("its certificate is refused: ") + X509_verify_cert_error_string(verdict);
}

}  // namespace

asio::awaitable<std::optional<std::string>> greet(TlsReceiver& stream, NetworkShared& shared) {
  boost::system::error_code gone;
  const auto peer = stream.socket().remote_endpoint(gone);
  if (gone) co_return std::nullopt;
  const std::string address = plain(peer.address()).to_string();
  const boost::system::error_code failed = co_await stream.handshake();
  if (failed == asio::error::operation_aborted) co_return std::nullopt;  // by us, who have said why
  if (failed) {
    shared.refused();
    shared.complain("no TLS with " + address + ": " + why_no_tls(stream.native_handle(), failed));
    co_return std::nullopt;
  }
  const auto names = attest::decode_certificate(peer_certificate(stream.native_handle()));
  if (!names) co_return std::nullopt;
  co_return source_text(address, *names);
}

// The sender's close_notify was the end: ours needs no answer, and a few bytes always find room.
asio::awaitable<void> farewell(TlsReceiver& stream, NetworkShared&) {
  stream.say_farewell();
  co_return;
}

std::unique_ptr<Input> make_tls(const Config& config, const asio::any_io_executor& executor,
                                Sequencer& sequencer, const std::vector<int>& passed) {
  const auto context = std::make_shared<asio::ssl::context>(make_tls_context(listen_files(config)));
  std::deque<asio::ip::tcp::acceptor> acceptors;
  for (const std::string& address : config.listen_tls) {
    acceptors.push_back(listen_tcp(executor, address, "listen.tls.addresses"));
  }
  for (const int fd : passed) acceptors.push_back(adopt_tcp(executor, fd));
  const Frame frame = config.listen_tls_framing == "lf" ? Frame::lf : Frame::octets;
  return std::make_unique<NetworkStream<TlsReceiver>>(
      std::make_shared<NetworkShared>(config, frame, sequencer, executor), std::move(acceptors),
      [context](asio::ip::tcp::socket socket) { return TlsReceiver(std::move(socket), context); });
}

void check_tls_files(const Config& config) {
  if (!config.listen_tls.empty()) make_tls_context(listen_files(config));
}

}  // namespace stele::daemon
