#include "controller/load_window.h"

namespace weir::controller {

void LoadWindow::add(const Carried& carried, Instant now) {
  if (marks_.empty() || now - marks_.back().at >= kStep) {
    marks_.push_back({now, total_});
    if (marks_.size() > kMarksMax) marks_.pop_front();
  }
  total_.add(carried);
}

Carried LoadWindow::recent(Instant now, Duration span) const {
  for (const Mark& mark : marks_) {
    if (now - mark.at <= span) return total_.minus(mark.total);
  }
  return {};
}

}  // namespace weir::controller
