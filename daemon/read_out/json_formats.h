// The JSON formats that are known without being configured, each in a file of its own.
//
// A mapping says most; where a format's fields need more than a pointer, its function finishes what
// the pointers found. Thread safety: immutable. See: README.md, the mapping tables.
#pragma once

#include <simdjson.h>

#include <span>

#include "daemon/read_out/json_mapping.h"

namespace stele::daemon {

struct JsonFormat {
  JsonMapping mapping;
  void (*finish)(const simdjson::dom::element& event, ReadOut& out) = nullptr;
};

JsonFormat ocsf();              // Open Cybersecurity Schema Framework
JsonFormat ecs();               // Elastic Common Schema
JsonFormat cloudtrail();        // AWS CloudTrail
JsonFormat kubernetes_audit();  // audit.k8s.io
JsonFormat cloud_events();      // CNCF CloudEvents 1.x
JsonFormat plain_json();        // members that are called as our fields are

// In the order in which they are tried.
std::span<const JsonFormat> json_formats();

// A text, number or flag as text; nothing for null, lists and objects. The view lasts as long as
// the parser's document and `scratch` do.
std::string_view json_text(const simdjson::dom::element& value, std::string& scratch);

}  // namespace stele::daemon
