#include "config/violation.h"

namespace weir::config {

std::string to_text(const Violations& violations) {
  std::string text;
  for (const Violation& violation : violations) {
    if (!text.empty()) text += '\n';
    if (!violation.object.empty()) text += violation.object + ": ";
    if (!violation.field.empty()) text += violation.field + ": ";
    text += violation.message;
  }
  return text;
}

}  // namespace weir::config
