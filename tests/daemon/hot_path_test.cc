// Goal: an event on its way from a socket into the log costs no allocation and no system call of its
// own. Method: two loads of different length go through socket, framing, batches, sequencer and
// store, with acknowledgements; what the longer one costs more is divided by its events more. Every
// `new` of this process is counted, and every call of the C library that moves bytes, waits for
// them or makes them durable; the sender goes past the library and is not counted.
//
// By itself: it stands before the C library and before operator new.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <string>
#include <thread>

#include "tests/daemon/ingest_bed.h"

namespace {

std::atomic<std::uint64_t> allocations{0};
std::atomic<std::uint64_t> calls{0};

void* counted(std::size_t size, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory =
      alignment <= alignof(std::max_align_t)
          ? std::malloc(size == 0 ? 1 : size)
          : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

template <class... Arguments>
long called(long number, Arguments... arguments) {
  calls.fetch_add(1, std::memory_order_relaxed);
  return ::syscall(number, arguments...);
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, 1); }
void* operator new[](std::size_t size) { return counted(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

// The library's calls that the daemon and Asio make to move bytes.
extern "C" {
ssize_t read(int fd, void* to, size_t size) { return called(SYS_read, fd, to, size); }
ssize_t write(int fd, const void* from, size_t size) { return called(SYS_write, fd, from, size); }
ssize_t pread(int fd, void* to, size_t size, off_t at) {
  return called(SYS_pread64, fd, to, size, at);
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t at) {
  return called(SYS_pwritev, fd, parts, count, at, 0);
}
ssize_t recv(int fd, void* to, size_t size, int flags) {
  return called(SYS_recvfrom, fd, to, size, flags, nullptr, nullptr);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  return called(SYS_recvmsg, fd, message, flags);
}
ssize_t send(int fd, const void* from, size_t size, int flags) {
  return called(SYS_sendto, fd, from, size, flags, nullptr, 0);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return called(SYS_sendmsg, fd, message, flags);
}
int epoll_wait(int fd, epoll_event* events, int count, int timeout) {
  return static_cast<int>(called(SYS_epoll_pwait, fd, events, count, timeout, nullptr, 8));
}
int fdatasync(int fd) { return static_cast<int>(called(SYS_fdatasync, fd)); }
int fsync(int fd) { return static_cast<int>(called(SYS_fsync, fd)); }
ssize_t getrandom(void* to, size_t size, unsigned flags) {
  return called(SYS_getrandom, to, size, flags);
}
}

namespace stele::test {
namespace {

// A batch, a read, a group and an acknowledgement have their costs: some dozens of allocations and
// calls. What is read at once is at least what a socket takes in one piece, 32 KiB, which are
// thousands of these events; so an event's share is some hundredths where nothing is done for it
// alone, and at least one where something is.
constexpr double kMostPerEvent = 0.05;
constexpr char kEvent[] = "an event\n";
constexpr std::uint64_t kWarm = 100'000;
constexpr std::uint64_t kFew = 30'000;
constexpr std::uint64_t kMany = 10 * kFew;

// Writes without the library's calls and without memory of its own while it is counted.
class UncountedSender {
 public:
  explicit UncountedSender(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~UncountedSender() { ::close(socket_); }
  // All of it, in whatever pieces go; acknowledgements are read and thrown away meanwhile.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const long sent = ::syscall(SYS_sendto, socket_, bytes.data(), bytes.size(),
                                  MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      read_acknowledgements();
      pollfd writable{socket_, POLLOUT, 0};
      if (sent > 0) continue;
      ASSERT_GT(::poll(&writable, 1, 60'000), 0) << "the daemon does not read";
    }
  }
  void read_acknowledgements() {
    while (::syscall(SYS_recvfrom, socket_, scratch_, sizeof scratch_, MSG_DONTWAIT, nullptr,
                     nullptr) > 0) {
    }
  }

 private:
  const int socket_;
  char scratch_[4096];
};

struct Cost {
  std::uint64_t allocations = 0;
  std::uint64_t calls = 0;
};

// Until all of it is durable.
Cost cost_of(IngestBed& bed, UncountedSender& sender, std::string_view load) {
  const std::uint64_t events = load.size() / (sizeof kEvent - 1);
  const std::uint64_t end = bed.sequencer().head().size + events;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  const Cost before{allocations, calls};
  sender.send(load);
  while (bed.sequencer().head().size < end && std::chrono::steady_clock::now() < deadline) {
    sender.read_acknowledgements();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_GE(bed.sequencer().head().size, end) << "not durable";
  return {allocations - before.allocations, calls - before.calls};
}

std::string events(std::uint64_t count) {
  std::string load;
  load.reserve(count * (sizeof kEvent - 1));
  for (std::uint64_t i = 0; i < count; ++i) load += kEvent;
  return load;
}

TEST(HotPath, AnEventCostsNoAllocationAndNoSystemCallOfItsOwn) {
  IngestBed bed;
  const std::string warm = events(kWarm);
  const std::string few = events(kFew);
  const std::string many = events(kMany);
  UncountedSender sender(bed.config().listen_unix);
  sender.send("STELE/1 frame=lf ack=durable\n");
  cost_of(bed, sender, warm);
  const Cost of_few = cost_of(bed, sender, few);
  const Cost of_many = cost_of(bed, sender, many);
  // They are counted at all: a read, a batch and a group are there.
  EXPECT_GT(of_few.allocations, 0u);
  EXPECT_GT(of_few.calls, 2u);
  const auto growth = [](std::uint64_t from, std::uint64_t to) {
    return (static_cast<double>(to) - static_cast<double>(from)) / (kMany - kFew);
  };
  const double allocated = growth(of_few.allocations, of_many.allocations);
  const double asked = growth(of_few.calls, of_many.calls);
  RecordProperty("allocations_per_event", std::to_string(allocated));
  RecordProperty("calls_per_event", std::to_string(asked));
  EXPECT_LE(allocated, kMostPerEvent);
  EXPECT_LE(asked, kMostPerEvent);
  std::cout << allocated << " allocations and " << asked << " calls an event\n";
}

// The measure itself sees one allocation, and one call, for each event.
TEST(HotPath, TheMeasureSeesOneOfEachPerEvent) {
  const Cost before{allocations, calls};
  for (std::uint64_t i = 0; i < kFew; ++i) {
    delete new std::string(64, 'x');
    char byte;
    (void)::getrandom(&byte, 1, 0);
  }
  EXPECT_GE(allocations - before.allocations, kFew);
  EXPECT_GE(calls - before.calls, kFew);
}

}  // namespace
}  // namespace stele::test
