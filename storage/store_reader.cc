#include "storage/store_reader.h"

#include "storage/numbered_file.h"

namespace stele::storage {

bool looks_like_store(FileSystem& files, const std::string& directory) {
  return !list_numbers(files, directory + "/journal").empty() ||
         !list_numbers(files, directory + "/segments").empty();
}

}  // namespace stele::storage
