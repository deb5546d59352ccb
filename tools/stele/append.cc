#include "tools/stele/append.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <iostream>
#include <memory>
#include <system_error>

#include "attest/codec.h"
#include "attest/printable.h"
#include "attest/record.h"
#include "tools/stele/control_client.h"
#include "tools/stele/ingest_client.h"
#include "tools/stele/output.h"
#include "tools/stele/progress.h"
#include "tools/stele/site.h"
#include "tools/stele/value_words.h"

namespace stele::tools {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;

struct AppendArguments {
  std::string file = "-";
  std::string wait = "durable";
  bool whole = false;
  std::string format;
};

// A file or standard input, read as it comes: a stream would wait for a full buffer.
class Input {
 public:
  explicit Input(const std::string& path) : path_(path) {
    fd_ = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path);
  }
  ~Input() {
    if (fd_ != STDIN_FILENO) close(fd_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  // What is there now, at least one byte; empty at the end.
  std::string_view read_some() {
    for (;;) {
      const ssize_t count = read(fd_, buffer_.data(), buffer_.size());
      if (count >= 0) return {buffer_.data(), static_cast<std::size_t>(count)};
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), path_);
    }
  }

 private:
  std::string path_;
  int fd_ = -1;
  std::vector<char> buffer_ = std::vector<char>(kReadBytes);
};

// Prints placements as they come (on the client's thread) and counts what was refused.
class Placements {
 public:
  explicit Placements(const AppendArguments& arguments)
      : json_(arguments.format == "json"), whole_(arguments.whole) {}
  void print(const Acknowledgement& group) {
    refused_ += group.refused.size();
    if (json_) {
      print_json(group);
    } else if (group.next > group.first) {
      std::cout << group.first << ".." << group.next << std::endl;
    }
    for (const auto& refused : group.refused) {
      std::cerr << "stele: " << (whole_ ? "the event" : "line " + std::to_string(refused.at + 1))
                << " was refused: " << attest::printable(refused.fault) << std::endl;
    }
  }
  std::uint64_t refused() const { return refused_; }

 private:
  void print_json(const Acknowledgement& group) {
    boost::json::object line{{"first", group.first}, {"next", group.next}};
    if (!group.refused.empty()) {
      boost::json::array list;
      for (const auto& refused : group.refused) {
        list.push_back({{"line", refused.at + 1}, {"fault", refused.fault}});
      }
      line["refused"] = std::move(list);
    }
    std::cout << boost::json::serialize(line) << std::endl;
  }

  const bool json_;
  const bool whole_;
  std::uint64_t refused_ = 0;
};

// Sends lines as they are; returns how many events they are.
std::uint64_t send_lines(Input& input, IngestClient& client, Progress& progress) {
  std::uint64_t events = 0;
  bool open_line = false;
  for (;;) {
    const std::string_view bytes = input.read_some();
    if (bytes.empty() || !client.send(bytes)) break;
    events += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    open_line = bytes.back() != '\n';
    progress.at(0, 0,
                std::to_string(client.settled()) + " of " + std::to_string(events) +
                    " events acknowledged");
  }
  return events + (open_line ? 1 : 0);
}

std::uint64_t send_whole(Input& input, IngestClient& client) {
  std::string bytes;
  for (std::string_view part = input.read_some(); !part.empty(); part = input.read_some()) {
    bytes += part;
    if (bytes.size() > attest::kMaxContentBytes) {
      throw CommandError(kMalformed, "this is more than one event can hold (64 MiB)");
    }
  }
  attest::Bytes length;
  attest::Writer(length).u32(static_cast<std::uint32_t>(bytes.size()));
  client.send({reinterpret_cast<const char*>(length.data()), length.size()});
  client.send(bytes);
  return 1;
}

// What may keep a counter anchor away for longer than its turn, where the daemon tells this user.
void say_what_keeps_anchors_away(const Site& site) {
  try {
    auto daemon = find_daemon(site);
    if (!daemon) return;
    const boost::json::object status = daemon->ask({{"do", "status"}}).at("status").as_object();
    const boost::json::object& anchoring = status.at("anchoring").as_object();
    if (anchoring.at("state").as_string() == "anchoring") return;
    std::cerr << "stele: no counter anchor can be made now: " << words(anchoring.at("reason"))
              << std::endl;
  } catch (const CommandError&) {  // who may send events need not be one who may ask
  }
}

int append(const Common& common, const AppendArguments& arguments) {
  const Site site = find_site(common);
  Input input(arguments.file);
  Placements placements(arguments);
  IngestClient client(
      site,
      std::string("STELE/1 frame=") + (arguments.whole ? "len32" : "lf") + " ack=" + arguments.wait,
      [&](const Acknowledgement& group) { placements.print(group); });
  std::uint64_t events = 0;
  {
    Progress progress("append");
    events = arguments.whole ? send_whole(input, client) : send_lines(input, client, progress);
  }
  if (arguments.wait == "sealed") {
    std::cerr << "stele: " << events << (events == 1 ? " event" : " events")
              << " sent; waiting for a counter anchor (`stele anchor` makes one now)" << std::endl;
    say_what_keeps_anchors_away(site);
  }
  client.finish(events);
  const std::uint64_t taken = events - placements.refused();
  std::cerr << "stele: " << taken << (taken == 1 ? " event is " : " events are ") << arguments.wait;
  if (placements.refused() > 0) std::cerr << ", " << placements.refused() << " refused";
  std::cerr << std::endl;
  return placements.refused() > 0 ? kMalformed : kDone;
}

}  // namespace

void add_append(CLI::App& app, const Common& common, int& exit_code) {
  auto arguments = std::make_shared<AppendArguments>();
  CLI::App* command = app.add_subcommand("append", "Put events into the log, one a line");
  command->add_option("FILE", arguments->file, "Where from; -: standard input")
      ->capture_default_str();
  command
      ->add_option("--wait", arguments->wait,
                   "Until an event is on disk (durable) or under a counter anchor (sealed)")
      ->check(CLI::IsMember({"durable", "sealed"}))
      ->capture_default_str();
  command->add_flag("--whole", arguments->whole, "The whole input is one event");
  add_format(*command, arguments->format, {"text", "json"});
  command->callback([&common, &exit_code, arguments] { exit_code = append(common, *arguments); });
}

}  // namespace stele::tools
