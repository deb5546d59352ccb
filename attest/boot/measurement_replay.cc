#include "attest/boot/measurement_replay.h"

namespace stele::attest::boot {
namespace {

std::optional<MeasuredPart> explain_as(const MeasurementList& list, Algorithm bank, ImaForm form,
                                       const Bytes& quoted, std::uint32_t pcr) {
  Bytes value(digest_bytes(bank), 0);
  MeasuredPart part{0, 0, form};
  if (value == quoted) return part;
  for (const Measurement& entry : list.entries) {
    ++part.entries;
    if (entry.pcr != pcr) continue;
    const auto measured = extended_by(entry, list, bank, form);
    if (!measured) return std::nullopt;
    part.violations += entry.violation();
    extend(bank, value, *measured);
    if (value == quoted) return part;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Bytes> extended_by(const Measurement& entry, const MeasurementList& list,
                                 Algorithm bank, ImaForm form) {
  if (!can_digest(bank)) return std::nullopt;
  const bool padded = form == ImaForm::padded_sha1;
  if (padded && list.algorithm != Algorithm::sha1) return std::nullopt;
  if (!padded && bank != list.algorithm && !entry.violation())
    return digest(bank, {entry.template_data});
  const std::size_t size = padded ? digest_bytes(Algorithm::sha1) : digest_bytes(bank);
  Bytes out = entry.violation() ? Bytes(size, 0xff) : entry.digest;
  out.resize(digest_bytes(bank), 0);
  return out;
}

std::optional<Bytes> replay(const MeasurementList& list, Algorithm bank, ImaForm form,
                            std::uint32_t pcr) {
  if (!can_digest(bank)) return std::nullopt;
  Bytes value(digest_bytes(bank), 0);
  for (const Measurement& entry : list.entries) {
    if (entry.pcr != pcr) continue;
    const auto measured = extended_by(entry, list, bank, form);
    if (!measured) return std::nullopt;
    extend(bank, value, *measured);
  }
  return value;
}

std::optional<MeasuredPart> explain(const MeasurementList& list, Algorithm bank,
                                    const Bytes& quoted, std::uint32_t pcr) {
  if (!can_digest(bank) || quoted.size() != digest_bytes(bank)) return std::nullopt;
  if (const auto part = explain_as(list, bank, ImaForm::own_digest, quoted, pcr)) return part;
  if (bank == Algorithm::sha1) return std::nullopt;  // both forms are the same
  return explain_as(list, bank, ImaForm::padded_sha1, quoted, pcr);
}

}  // namespace stele::attest::boot
