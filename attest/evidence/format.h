// The evidence bundle: parts of a log in one stream of bytes, for whoever has the trust file.
//
//   magic "STELEEVB" · version u16, then parts: kind u8 · length u32 · payload
//
//   1 trust    the text of a trust file                 a claim, unless a key given signs it
//   2 answer   a live answer (answer.h)                 to the verifier's nonce
//  10 heads    the text of DIR/cosignatures             what witnesses signed (cosigned_heads.h)
//   3 start    log_id 32 · d 32 · size u64 · roots      behind this statement it begins: the tree
//                                                       then, largest subtree first
//   4 earlier  index u64 · path count u8 · path · record    from before the start: a later one's
//                                                       source
//   5 entry    kind u8 · payload                        of the journal (entry.h)
//   6 record   leaf 50 · state u8 = 0 · salt 32 · tlvs sized32 · bytes sized32
//              leaf 50 · state u8 = 1                    its content was erased
//   7 elided   end u64 · roots                          the records up to end are not shown: the
//                                                       complete subtrees that they make up
//   8 log      bytes                                    event log or IMA list of the boot bundle
//                                                       before it
//   9 end      H("stele/v1/evidence\0" ‖ all before this part)
//
// In this order: at most one each of 1, 2, 10, 3; any 4, ascending, if there is a 3; 5 to 8 as the
// log grew: all records below a statement's tree size, shown or elided, right before its intent
// (those that a later era follows, before its genesis; a tail, before the end); 9.
// Version 2 is a bundle with heads, version 1 one without: neither is an older form of the other. In
// version 1 an elided part never follows another; in version 2 it may: what is left out is divided
// where a head was cosigned, so that the tree is told there. There is no name, path, link or
// compression inside: nothing that leads elsewhere or grows. The end is against a damaged copy;
// whoever forges can compute it.
// Thread safety: values. See: README.md, "Evidence bundle".
#pragma once

#include <variant>

#include "attest/appraiser.h"

namespace stele::attest {

constexpr std::string_view kEvidenceMagic = "STELEEVB";
constexpr std::uint16_t kEvidenceVersion = 1;
constexpr std::uint16_t kEvidenceVersionWithHeads = 2;
constexpr std::size_t kEvidenceHeaderBytes = 10;
constexpr std::size_t kPartHeaderBytes = 5;

enum class PartKind : std::uint8_t {
  trust = 1, answer = 2, start = 3, earlier = 4, entry = 5, record = 6, elided = 7, log = 8, end = 9,
  heads = 10,
};

// Limits of a part's payload, in bytes: what a reader must hold at once.
constexpr std::size_t kMaxTrustPart = 1u << 20;    // as stele-verify's of a trust file
constexpr std::size_t kMaxAnswerPart = 1u << 16;   // an answer has about 1,200
constexpr std::size_t kMaxHeadsPart = 4u << 20;    // witness/cosigned_heads.h
constexpr std::size_t kMaxEntryPart = 1 + (1u << 20);  // storage/journal_format.h
constexpr std::size_t kMaxTlvBytes = 1u << 20;     // the daemon writes at most some hundred
constexpr std::size_t kMaxLogPart = 64u << 20;     // boot/measurement_list.h
constexpr std::size_t kMaxRecordPart =
    kLeafBytes + 1 + 32 + 4 + kMaxTlvBytes + 4 + kMaxContentBytes;
constexpr std::size_t kMaxPathHashes = 64;
constexpr std::size_t kMaxElidedRoots = 126;  // range_nodes()

// What a part says. Views into the stream.
struct TrustPart { ByteView text; };
struct AnswerPart { ByteView bytes; };
struct HeadsPart { ByteView text; };
struct StartPart { Hash log_id, digest; CompactRange tree; };
struct EarlierPart { std::uint64_t index = 0; InclusionProof path; RecordView record; };
struct EntryPart { std::uint8_t kind = 0; ByteView payload; };
struct RecordPart { RecordView record; };
struct ElidedPart { std::uint64_t end = 0; std::vector<Hash> roots; };
struct LogPart { ByteView bytes; };
struct EndPart {};
using EvidencePart = std::variant<TrustPart, AnswerPart, HeadsPart, StartPart, EarlierPart,
                                  EntryPart, RecordPart, ElidedPart, LogPart, EndPart>;

}  // namespace stele::attest
