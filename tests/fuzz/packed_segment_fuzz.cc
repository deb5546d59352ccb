// A packed segment file through GroupReader, its blocks opened: what follows its header is the input's,
// the header good, so that changes reach groups and blocks behind its checksum. Accepted: all of it was
// read, and what is missing is the segment that follows.
#include "storage/store_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/memory_files.h"

using namespace stele;

FUZZ_TARGET(packed_segment) {
  attest::Reader front(input);
  storage::SegmentHeader header;
  header.marker = {'M', 'A', 'R', 'K', 'M', 'A', 'R', 'K'};
  header.groups_bytes = front.u32();
  test::MemoryFiles files;
  attest::Bytes& bytes = files.files[test::MemoryFiles::segment(0)];
  bytes = storage::encode(header);
  const auto rest = input.subspan(front.at());
  bytes.insert(bytes.end(), rest.begin(), rest.end());

  storage::GroupReader reader(files, test::MemoryFiles::kDirectory);
  std::uint64_t records = 0;
  while (storage::GroupReader::Group* const group = reader.next()) {
    group->unpack();
    ENSURE(group->header.first_index == records && group->records.size() == group->header.count);
    ENSURE(!group->last);
    for (const attest::RecordView& record : group->records) {
      ENSURE(record.content.bytes.size() <= storage::kMaxExpansion * bytes.size());
      (void)attest::check_record(records++, record);
    }
  }
  ENSURE(!reader.torn() && reader.defect());
  return reader.defect()->fault == attest::Fault::segment_missing &&
         reader.defect()->at.what == attest::Place::What::segment;
}
