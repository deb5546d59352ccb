// A whole segment file through GroupReader; and the same bytes as what follows a good header, so that
// changes reach the groups behind its checksum.
#include "storage/store_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/memory_files.h"

using namespace stele;

namespace {

constexpr std::size_t kHeaderBytes = 137;  // of a first segment

bool read_all(test::MemoryFiles& files) {
  storage::GroupReader reader(files, test::MemoryFiles::kDirectory);
  std::uint64_t records = 0;
  while (const storage::GroupReader::Group* const group = reader.next()) {
    ENSURE(group->header.first_index == records);
    ENSURE(group->records.size() == group->header.count);
    for (const attest::RecordView& record : group->records) {
      ENSURE(record.leaf.size() == attest::kLeafBytes);
      ENSURE(record.content.tlvs.size() + record.content.bytes.size() <= group->bytes.size());
      (void)attest::check_record(records++, record);
    }
  }
  ENSURE(reader.torn_index() == records);
  ENSURE(!(reader.torn() && reader.defect()));
  return !reader.torn() && !reader.defect();
}

}  // namespace

FUZZ_TARGET(segment) {
  test::MemoryFiles files;
  attest::Bytes& bytes = files.files[test::MemoryFiles::segment(0)];
  bytes.assign(input.begin(), input.end());
  const bool accepted = read_all(files);
  storage::SegmentHeader header;
  header.marker = {'M', 'A', 'R', 'K', 'M', 'A', 'R', 'K'};
  bytes = storage::encode(header);
  const auto rest = input.subspan(std::min(input.size(), kHeaderBytes));
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return read_all(files) || accepted;
}
