#include "lb/host.h"

namespace weir::lb {

std::string_view name_of(Health health) {
  switch (health) {
    case Health::kUnknown: return "unknown";
    case Health::kHealthy: return "healthy";
    case Health::kUnhealthy:
    case Health::kNeverHealthy: return "unhealthy";
  }
  return "unknown";
}

}  // namespace weir::lb
