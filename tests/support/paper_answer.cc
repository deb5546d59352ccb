#include "tests/support/paper_tpm.h"

namespace stele::test {

using attest::Hash;

void PaperTpm::answer(attest::Answer& answer) const {
  const Hash extra_data = attest::answer_extra_data(answer);
  answer.audit = audit(attest::read_session_digest(identity_, counter, extend), extra_data);
  answer.quote = quote(extra_data);
}

}  // namespace stele::test
