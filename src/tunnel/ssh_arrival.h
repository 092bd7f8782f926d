// Arrival: whoever comes to the SSH door, by what it has shown. What it calls itself says only whether it may
// come by nothing: its account is the one whose key, authority or token that is. Pure; on any core.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "ssh/gate.h"
#include "tunnel/admission.h"

namespace weir::tunnel {

struct Arrival {
  std::string account;
  Proof proof;
  std::string identity;  // the same whenever the same one comes; empty: it is never the same as another
};

// Nothing: it is not let in. nearby: it comes from the machine itself.
std::optional<Arrival> arrival_of(const ssh::Credential& credential, const Admission& admission, bool nearby,
                                  WallTime now);

}  // namespace weir::tunnel
