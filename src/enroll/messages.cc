#include "enroll/messages.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "auth/machine.h"
#include "config/documents.h"

namespace weir::enroll {
namespace {

using Tree = nlohmann::ordered_json;

std::unexpected<config::Violations> refuse(std::string field, std::string message) {
  return std::unexpected(config::Violations{{std::move(field), std::move(message), {}}});
}

// The text at a key, which may be absent; nothing when there is something else.
std::optional<std::string> text_at(const Tree& tree, std::string_view key) {
  const auto found = tree.find(key);
  if (found == tree.end() || found->is_null()) return std::string();
  if (!found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

// The port at a key; kDiscoveryPort where there is none.
std::uint16_t port_at(const Tree& tree, std::string_view key) {
  const auto found = tree.find(key);
  const bool is_port = found != tree.end() && found->is_number_unsigned() &&
                       found->get<std::uint64_t>() > 0 && found->get<std::uint64_t>() <= UINT16_MAX;
  return is_port ? found->get<std::uint16_t>() : kDiscoveryPort;
}

}  // namespace

config::Checked<Request> parse_request(std::string_view json) {
  constexpr std::array<std::string_view, 4> kKeys{"token", "csr", "node", "role"};
  const auto tree = config::read_json(json, kMessageBytesMax);
  if (!tree) return std::unexpected(tree.error());
  if (!tree->is_object()) return refuse("", "must be an object with token, csr and node");
  for (const auto& [key, value] : tree->items()) {
    if (std::ranges::find(kKeys, key) == kKeys.end()) {
      return refuse(key.substr(0, 80), "unknown field; there are token, csr, node and role");
    }
  }
  auto token = text_at(*tree, "token");
  if (!token) return refuse("token", "must be a text");
  auto csr = text_at(*tree, "csr");
  if (!csr || csr->empty()) return refuse("csr", "is required: a certificate request (PKCS #10) in PEM");
  const auto role = text_at(*tree, "role");
  if (!role || (!role->empty() && *role != auth::kEdgeRole && *role != auth::kNodeRole)) {
    return refuse("role", "must be edge or node");
  }
  const auto node = tree->find("node");
  if (node == tree->end() || !node->is_object()) {
    return refuse("node", "is required: an object with the name of the machine");
  }
  const char* kind = *role == auth::kNodeRole ? "Node" : "Edge";
  Tree machine{{"kind", kind}, {"metadata", Tree::object()}, {"spec", Tree::object()}};
  for (const auto& [key, value] : node->items()) {
    machine[key == "name" || key == "labels" ? "metadata" : "spec"][key] = value;
  }
  for (const char* not_its_own : {"revoked", "cordoned", "drained"}) machine["spec"].erase(not_its_own);
  auto object = config::parse_object(machine.dump(), config::Origin::kClient);
  if (!object) return std::unexpected(std::move(object.error()));
  return Request{.token = std::move(*token), .csr = std::move(*csr), .machine = std::move(*object)};
}

std::string request_text(std::string_view token, std::string_view csr, const Node& node) {
  Tree of_node{{"name", node.name}};
  const auto add = [&of_node](const char* key, const std::string& value) {
    if (!value.empty()) of_node[key] = value;
  };
  add("provider", node.provider);
  add("region", node.region);
  add("city", node.city);
  add("address", node.address);
  add("version", node.version);
  if (!node.labels.empty()) of_node["labels"] = node.labels;
  Tree tree{{"csr", csr}, {"node", std::move(of_node)}};
  if (!token.empty()) tree["token"] = token;
  if (node.role == config::MachineRole::kNode) tree["role"] = auth::kNodeRole;
  return tree.dump(-1, ' ', false, Tree::error_handler_t::replace);
}

std::string answer_text(const Answer& answer) {
  return Tree{{"name", answer.name},
              {"certificate", answer.certificate},
              {"ca", answer.ca},
              {"discovery_port", answer.discovery_port}}
             .dump() +
         '\n';
}

Result<Answer> parse_answer(std::string_view json) {
  const Tree tree = Tree::parse(json, nullptr, false);
  if (!tree.is_object()) return fail(Code::kMalformed, "the controller's answer is not JSON");
  auto name = text_at(tree, "name");
  auto certificate = text_at(tree, "certificate");
  auto ca = text_at(tree, "ca");
  if (!name || !certificate || !ca || name->empty() || certificate->empty() || ca->empty()) {
    return fail(Code::kMalformed, "the controller's answer has no certificate");
  }
  return Answer{std::move(*name), std::move(*certificate), std::move(*ca), port_at(tree, "discovery_port")};
}

std::string refusal_of(std::string_view json) {
  const Tree tree = Tree::parse(json, nullptr, false);
  return tree.is_object() ? text_at(tree, "detail").value_or("") : std::string();
}

}  // namespace weir::enroll
