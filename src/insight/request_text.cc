#include "insight/request_text.h"

#include <nlohmann/json.hpp>

namespace weir::insight {

Tree read_request(std::string_view text, const std::string& edge) {
  constexpr int kDepthMax = 8;
  const auto is_shallow = [](int depth, Tree::parse_event_t, Tree&) { return depth < kDepthMax; };
  Tree tree = Tree::parse(text, is_shallow, false);
  if (!tree.is_object()) return nullptr;
  if (!edge.empty()) tree["edge"] = edge;
  return tree;
}

std::string text_of(const Tree& tree) { return tree.dump(-1, ' ', false, Tree::error_handler_t::replace); }

}  // namespace weir::insight
