// ChildrenInheritNothing: a TCTI may start a program ("cmd:"), at any time and beside threads that
// open sockets and files. While one of these lives, what its thread forks keeps standard input,
// output and error behind exec(), and what it made them of; every other descriptor ends there,
// however it was opened, and none can slip in between.
//
// Thread safety: of one thread, for that thread. Holds for fork() only: where we start a program
// ourselves, posix_spawn() is told.
#pragma once

namespace stele::tpm {

class ChildrenInheritNothing {
 public:
  ChildrenInheritNothing();
  ~ChildrenInheritNothing();
  ChildrenInheritNothing(const ChildrenInheritNothing&) = delete;
  ChildrenInheritNothing& operator=(const ChildrenInheritNothing&) = delete;
};

}  // namespace stele::tpm
