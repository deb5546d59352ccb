// tamper_cases OUTDIR: writes every named bad store, for a verifier of one's own to be run over.
//
//   OUTDIR/trust              the trust file of all of them
//   OUTDIR/NAME/segments/…    a store each
//   OUTDIR/expected           a line each: NAME, then what must come out: tampered, verified, or
//                             unchanged (anything but verified with other records than the good store's)
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/tamper/tamper_cases.h"

namespace {

using namespace stele::test;

const char* word(Expected expected) {
  switch (expected) {
    case Expected::tampered: return "tampered";
    case Expected::verified: return "verified";
    case Expected::unchanged: return "unchanged";
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tamper_cases OUTDIR" << std::endl;
    return 64;
  }
  const std::filesystem::path out = argv[1];
  std::filesystem::create_directories(out);
  const TamperBase& base = tamper_base();
  std::ofstream(out / "trust") << stele::attest::to_text(base.trust);
  std::ofstream expected(out / "expected");
  std::size_t cases = 0;
  named_cases(base, [&](const TamperCase& bent) {
    std::string name = bent.name;
    std::replace(name.begin(), name.end(), '/', '-');
    std::filesystem::create_directory(out / name);
    bent.files.save((out / name).string());
    expected << name << ' ' << word(bent.expected) << '\n';
    ++cases;
  });
  expected.flush();
  std::cout << cases << " stores in " << out.string() << std::endl;
  return expected ? 0 : 74;
}
