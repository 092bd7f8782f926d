#include "node/fake_podman_fixture.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace weir::node {
namespace {

using Tree = nlohmann::ordered_json;

http::ResponsePtr text(int status, const std::string& content) {
  return std::make_unique<http::TextResponse>(status, "application/json", content);
}
http::ResponsePtr refuse(int status, const std::string& message) {
  return text(status, Tree{{"cause", ""}, {"message", message}}.dump());
}
// "/containers/a.b/start" -> "a.b"
std::string name_in(const std::string& path) {
  const std::size_t begin = path.find('/', 1) + 1;
  return path.substr(begin, path.find('/', begin) - begin);
}
// Of a query; "%2F" and "%3A" are all that is encoded.
std::string value_in(const std::string& query, const std::string& key) {
  const std::size_t begin = query.find(key + '=') + key.size() + 1;
  std::string value = query.substr(begin, query.find('&', begin) - begin);
  for (const auto& [code, c] : {std::pair("%2F", "/"), std::pair("%3A", ":")}) {
    for (std::size_t at = value.find(code); at != std::string::npos; at = value.find(code)) {
      value.replace(at, 3, c);
    }
  }
  return value;
}
// Whether the filter of a list names that instance, or none.
bool lists(const std::string& query, const std::string& instance) {
  return !query.contains("weir.instance") || query.contains("weir.instance%3D" + instance + "%22");
}

}  // namespace

net::Task<Result<http::ResponsePtr>> FakePodman::handle(http::Request& request) {
  const std::string method(request.head.method_text);
  const std::string path(request.head.path.substr(std::string_view("/v4.0.0/libpod").size()));
  const std::string query(request.head.query);
  std::string content;
  while (request.body != nullptr && !request.body->at_end()) {
    const auto piece = co_await request.body->read();
    if (!piece) co_return fail(piece.error());
    content += net::as_text(*piece);
  }
  if (path == "/events") {
    (void)co_await fake_.loop.sleep(std::chrono::hours(1000));
    co_return fail(Code::kCancelled, "over");
  }
  if (path.ends_with("/stop")) {
    const auto found = containers.find(name_in(path));
    if (found != containers.end() && found->second.slow_to_stop) {
      (void)co_await fake_.loop.sleep(std::chrono::seconds(3));
    }
  }
  co_return answer(method, path, query, content);
}

http::ResponsePtr FakePodman::answer(const std::string& method, const std::string& path,
                                     const std::string& query, const std::string& content) {
  if (path == "/containers/json") return list(query);
  if (path == "/containers/create") return create(content);
  if (path == "/containers/stats") {
    return text(200, R"({"Stats":[{"Name":"web-0.app","CPUNano":1500000000,"MemUsage":4096,"PIDs":2}]})");
  }
  if (path == "/volumes/json") return list_volumes(query);
  if (path == "/volumes/create") {
    const std::string name = Tree::parse(content)["Name"];
    asked.push_back("volume " + name);
    volumes.insert(name);
    return text(201, "{}");
  }
  if (path.starts_with("/networks/")) return answer_networks(method, name_in(path), content);
  const std::string verb = method == "DELETE" ? "remove" : path.substr(path.rfind('/') + 1);
  const std::string name = name_in(path);
  if (path.starts_with("/images/")) return answer_images(verb, path, query, content);
  if (path.starts_with("/volumes/")) return answer_volumes(verb, name);
  if (path.starts_with("/exec/")) {
    if (verb == "start") return text(200, "");
    return text(200, Tree{{"ExitCode", failing_commands.contains(name) ? 1 : 0}}.dump());
  }
  return act(verb, name);
}

http::ResponsePtr FakePodman::answer_images(const std::string& verb, const std::string& path,
                                            const std::string& query, const std::string& content) {
  if (verb == "pull") {
    asked.emplace_back("pull");
    return text(200, R"({"error":"no registry"})");
  }
  if (verb == "load") return load(content);
  if (verb == "json") return list_images();
  const std::size_t begin = std::string_view("/images/").size();
  const std::size_t end = verb == "remove" ? path.size() : path.rfind('/');
  const std::string image = path.substr(begin, end - begin);
  const auto found = images.find(image);
  if (found == images.end() && !image.starts_with("sha256:")) return refuse(404, "no such image");
  if (verb == "exists") return text(204, "");
  if (verb == "remove") {
    asked.push_back("remove " + image);
    const bool used =
        std::ranges::any_of(containers, [&](const auto& one) { return one.second.image == image; });
    if (used) return refuse(409, "image is in use by a container");
    images.erase(found);
    return text(200, "{}");
  }
  const std::string name = value_in(query, "repo") + ':' + value_in(query, "tag");
  asked.push_back(verb + ' ' + name);
  if (verb == "untag") {
    images.erase(name);
  } else {
    const std::string id = found == images.end() ? image : found->second;
    images[name] = id;
  }
  return text(201, "");
}

http::ResponsePtr FakePodman::load(const std::string& content) {
  asked.emplace_back("load");
  loaded = content;
  if (loads.empty()) return refuse(500, "payload does not match any of the supported image formats: * oci");
  const std::string id = std::to_string(images.size() + 100);
  for (const std::string& name : loads) {
    if (!name.starts_with("sha256:")) images[name] = id;
  }
  return text(200, Tree{{"Names", loads}}.dump());
}

http::ResponsePtr FakePodman::list_images() const {
  std::map<std::string, std::vector<std::string>> by_id;
  for (const auto& [name, id] : images) by_id[id].push_back(name);
  Tree all = Tree::array();
  for (const auto& [id, names] : by_id) all.push_back({{"Id", id}, {"RepoTags", names}});
  return text(200, all.dump());
}

http::ResponsePtr FakePodman::answer_volumes(const std::string& verb, const std::string& name) {
  if (verb == "exists") return volumes.contains(name) ? text(204, "") : refuse(404, "");
  asked.push_back("remove " + name);
  volumes.erase(name);
  return text(204, "");
}

http::ResponsePtr FakePodman::answer_networks(const std::string& method, const std::string& name,
                                              const std::string& content) {
  if (method == "GET") {
    Tree all = Tree::array();
    for (const auto& [known, labels] : networks) all.push_back({{"name", known}, {"labels", labels}});
    return text(200, all.dump());
  }
  if (method == "DELETE") {
    const bool used =
        std::ranges::any_of(containers, [&](const auto& one) { return one.second.network == name; });
    if (used) return refuse(500, "network is being used");
    return networks.erase(name) == 1 ? text(200, "[]") : refuse(404, "network not found");
  }
  const Tree spec = Tree::parse(content);
  podman::Labels labels;
  for (const auto& [key, value] : spec["labels"].items()) labels.emplace(key, value);
  networks.emplace(spec["name"], std::move(labels));
  interfaces.push_back(spec["network_interface"]);
  return text(200, "{}");
}

http::ResponsePtr FakePodman::list_volumes(const std::string& query) const {
  Tree all = Tree::array();
  for (const std::string& one : volumes) {
    if (lists(query, one.substr(0, one.find('.')))) all.push_back({{"Name", one}});
  }
  return text(200, all.dump());
}

http::ResponsePtr FakePodman::list(const std::string& query) const {
  Tree all = Tree::array();
  for (const auto& [name, one] : containers) {
    const auto instance = one.labels.find("weir.instance");
    if (instance == one.labels.end() || !lists(query, instance->second)) continue;
    all.push_back({{"Id", name},
                   {"Names", {name}},
                   {"State", one.state},
                   {"ExitCode", one.exit_code},
                   {"Labels", one.labels}});
  }
  return text(200, all.dump());
}

http::ResponsePtr FakePodman::create(const std::string& content) {
  const Tree spec = Tree::parse(content);
  const std::string name = spec["name"];
  asked.push_back("create " + name);
  if (const auto why = refusals.find("create " + name); why != refusals.end())
    return refuse(500, why->second);
  One one;
  for (const auto& [key, value] : spec["labels"].items()) one.labels.emplace(key, value);
  one.image = spec["image"];
  if (spec.contains("networks")) one.network = spec["networks"].items().begin().key();
  if (!one.network.empty() && !networks.contains(one.network)) return refuse(500, "network not found");
  if (!containers.emplace(name, std::move(one)).second) {
    return refuse(500,
                  "the container name \"" + name + "\" is already in use by 1: that name is already in use");
  }
  return text(201, Tree{{"Id", name}}.dump());
}

http::ResponsePtr FakePodman::act(const std::string& verb, const std::string& name) {
  const auto found = containers.find(name);
  if (found == containers.end()) return refuse(404, "no such container");
  One& one = found->second;
  if (verb == "exec") return text(201, Tree{{"Id", name}}.dump());
  if (verb == "json") {
    return text(200, Tree{{"Id", name},
                          {"State",
                           {{"Running", one.state == "running"},
                            {"ExitCode", one.exit_code},
                            {"OOMKilled", one.out_of_memory}}},
                          {"NetworkSettings", {{"IPAddress", "10.88.0.2"}}}}
                         .dump());
  }
  if (verb == "wait") return text(200, "0");
  asked.push_back(verb + " " + name);
  if (const auto why = refusals.find(verb + " " + name); why != refusals.end()) {
    return refuse(500, why->second);
  }
  if (verb == "start") {
    one.state = "running";
    if (const auto code = init_codes.find(name); code != init_codes.end()) end(name, code->second);
  } else if (verb == "stop") {
    end(name, 0);
  } else {
    containers.erase(found);
  }
  return text(204, "");
}

}  // namespace weir::node
