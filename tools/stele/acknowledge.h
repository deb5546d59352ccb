// `stele trust acknowledge`: the auditor's answer to a foreign extend, as a line of the own trust file.
//
// No host, no daemon, no TPM: it judges the evidence itself, by that trust file, shows the window
// that the line will cover, and only then writes. The evidence says nothing that the TPM did not sign.
// Errors: CommandError 1 (the evidence is tampered), 2 (it cannot be judged, or another anchor is
// acknowledged in that place), 64, 65, 66 (no such anchor), 73.
// See: attest/README.md, "Acknowledging a foreign extend".
#pragma once

namespace CLI {
class App;
}

namespace stele::tools {

void add_acknowledge(CLI::App& trust);

}  // namespace stele::tools
