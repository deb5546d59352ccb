// steled: takes events in, gives each its place, anchors the log in the TPM.

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/http/tls_stream.h"
#include "daemon/ingest/tls.h"
#include "daemon/log.h"
#include "daemon/passed_sockets.h"
#include "daemon/service.h"

namespace {

using namespace stele::daemon;

struct Arguments {
  std::string config = kDefaultConfigPath;
  std::vector<std::string> overrides;
  bool check_config = false;
};

// The authValues of the indexes are in our memory: no core file, and no other process of our user,
// may have it. The leak checker of a sanitizer's build is such a process.
void keep_memory_secret() {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
#if !defined(__has_feature)
#define __has_feature(name) 0
#endif
#if !__has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int serve(const Arguments& arguments) {
  const Config config = load_config(arguments.config, arguments.overrides);
  if (arguments.check_config) {
    check_tls_files(config);
    check_http_files(config);
    std::fputs(to_toml(config).c_str(), stdout);
    return 0;
  }
  Service service(config, PassedSockets::from_environment());
  return service.run();
}

// Large buffers go back to the kernel when they are let go of. By default glibc keeps more of them the
// larger they were, so that a burst of long events would stay resident for good (README.md, "Memory").
// The bytes of a batch of short events (256 KiB at the most) are below: those come and go all the time.
void give_memory_back() {
  constexpr int kLargeBytes = 512 << 10;
  constexpr int kKeptBytes = 1 << 20;  // at the end of a heap
  ::mallopt(M_MMAP_THRESHOLD, kLargeBytes);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
}

}  // namespace

int main(int argc, char** argv) {
  ::umask(077);  // whatever is made is ours alone, unless the configuration opens it
  keep_memory_secret();
  give_memory_back();
  std::signal(SIGPIPE, SIG_IGN);  // a sender that goes away is an error of its connection only

  Arguments arguments;
  CLI::App app("steled: takes events in, gives each its place, anchors the log in the TPM");
  app.add_option("--config", arguments.config, "Configuration file")->capture_default_str();
  app.add_option("--set", arguments.overrides, "key=value, over the file's; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--check-config", arguments.check_config,
               "Read the configuration, print the values that hold, and end");
  app.set_version_flag("--version", std::string("steled ") + STELE_VERSION);
  app.footer("Configuration keys:\n" + describe_config());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : EX_USAGE;
  }

  try {
    return serve(arguments);
  } catch (const ConfigError& error) {
    log(Priority::error, error.what());
    return EX_CONFIG;
  } catch (const CannotServe& error) {
    log(Priority::error, error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    log(Priority::error, std::string("ends on something unexpected: ") + error.what());
    return EX_SOFTWARE;
  }
}
