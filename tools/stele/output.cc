#include "tools/stele/output.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include "tools/stele/command.h"
#include "tools/stele/output_file.h"

namespace stele::tools {

void write_output(const std::string& path, attest::ByteView bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const auto length = static_cast<std::streamsize>(bytes.size());
  if (path == "-") {
    if (isatty(STDOUT_FILENO) == 1) {
      throw CommandError(kUsage,
                         "this is binary: name a file with -o FILE, or send it into a pipe");
    }
    std::cout.write(text, length);
    return;
  }
  std::error_code ignored;
  using Type = std::filesystem::file_type;
  const Type what = std::filesystem::symlink_status(path, ignored).type();
  if (what == Type::not_found || what == Type::regular) {
    OutputFile file(path, 0666);
    file.write(bytes);
    file.commit();
    return;
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) throw CommandError(kCannotCreate, "cannot create " + path);
  file.write(text, length);
  file.close();
  if (!file) throw CommandError(kIoError, "cannot write " + path);
}

void add_format(CLI::App& command, std::string& format, const std::vector<std::string>& formats) {
  format = formats.front();
  command.add_option("-o,--output", format, "How to print the result")
      ->type_name("FORMAT")
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
}

}  // namespace stele::tools
