// What one value of a report is, in words for a person: as it is printed in text, where json has
// the value.
//
// Thread safety: functions.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace stele::tools {

// Text without control characters; "yes", "no", "none"; numbers to a tenth, never with an exponent.
std::string words(const boost::json::value& value);

}  // namespace stele::tools
