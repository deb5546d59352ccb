// What is inside a content block under codec 0, cipher 0: a table of salts and lengths, then the
// contents.
//
// Thread safety: pure. Errors: truncated, trailing_bytes. Trust: from the host under judgement.
#pragma once

#include <span>

#include "attest/appraiser.h"
#include "storage/segment_format.h"

namespace stele::storage {

constexpr std::size_t kBlockTableEntryBytes = 40;  // for each record, before the contents

// Lays each record's content and state over the plain bytes; records.size() is the block's count.
// Reads the table alone: the contents behind it may come later.
attest::Result<void> read_plain_block(attest::ByteView plain,
                                      std::span<attest::RecordView> records);

}  // namespace stele::storage
