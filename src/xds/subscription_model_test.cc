// A subscription and a client that follows the specification by the letter, in random sequences from a seed:
// whatever is asked, changed, refused, delayed or lost by reconnecting, the client ends with what it may
// have, and is never sent what it has.
#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <set>

#include "base/random.h"
#include "xds/xds_fixture.h"

namespace weir::xds {
namespace {

constexpr std::uint64_t kSeeds = 250;
constexpr int kSteps = 400;

struct NoWatcher final : Watcher {
  Subscription* subscription = nullptr;
  Names* names = nullptr;
  void changed(Type /*type*/, Slot slot, const ResourcePtr& before) override {
    if (subscription != nullptr) subscription->changed(slot, before, names->sequence());
  }
  void woken() override {}
  void mark(Type /*type*/, IdSet& used) const override {
    if (subscription != nullptr) subscription->mark(used);
  }
};

struct World {
  World(Type of_type, Variant of_variant, std::uint64_t seed)
      : type(of_type), variant(of_variant), random(seed) {
    attach();
  }
  ~World() { catalog->detach(id); }

  void attach() {
    id = catalog->attach(watcher);
    subscription.emplace(type, variant, *catalog, id);
    watcher.subscription = &*subscription;
    watcher.names = &names;
  }
  std::string any_name() { return std::string(1, static_cast<char>('a' + random.below(6))); }
  bool chance(std::uint64_t percent) { return random.below(100) < percent; }

  Type type;
  Variant variant;
  Random random;
  Names names;
  Catalog one{names};
  Catalog two{names};
  Catalog* catalog = &one;
  NoWatcher watcher;
  std::uint32_t id = 0;
  std::optional<Subscription> subscription;
  std::uint64_t nonces = 0;

  // the client
  std::set<std::string> asked;
  bool all = false;
  bool ever_asked = false;
  bool ever_named = false;
  std::map<std::string, std::string> has;       // what it works with: name to version
  std::map<std::string, std::string> initial;   // of the request in which it was said
  std::map<std::string, std::string> accepted;  // what it has said so
  std::map<std::string, int> may_repeat;
  std::set<std::string> must_answer;
  std::string nonce;
  std::string version;
  std::deque<Request> requests;
  std::deque<Response> responses;

  bool covers(const std::string& name) const { return all || asked.contains(name); }
  bool is_whole() const { return info_of(type).whole; }

  void change_world() {
    std::vector<Change> changes;
    const int count = 1 + static_cast<int>(random.below(3));
    for (int i = 0; i < count; ++i) {
      const std::string name = any_name();
      const std::string body = (chance(25) ? "bad" : "good") + std::to_string(random.below(3));
      changes.push_back(chance(30) ? gone(type, name) : put(type, name, body));
    }
    (chance(85) ? *catalog : (catalog == &one ? two : one)).apply(changes);
  }
  void move() {
    Catalog& to = catalog == &one ? two : one;
    catalog->detach(id);
    catalog = &to;
    id = to.attach(watcher);
    names.next_sequence();
    subscription->move_to(to, id);
  }

  // Whose server sees neither that a name was dropped nor that it was added again keeps what it has.
  bool keeps_dropped() const { return variant == Variant::kWhole; }
  void drop_uncovered() {
    if (keeps_dropped()) return;
    std::erase_if(has, [this](const auto& entry) { return !covers(entry.first); });
    std::erase_if(accepted, [this](const auto& entry) { return !covers(entry.first); });
  }

  // A request, with or without a change of what is asked for.
  Request ask(bool changes) {
    Request request;
    std::set<std::string> add;
    std::set<std::string> leave;
    if (changes) {
      (chance(60) ? add : leave).insert(chance(15) ? "*" : any_name());
      if (chance(30)) (chance(60) ? add : leave).insert(chance(15) ? "*" : any_name());
    }
    for (const std::string& name : leave) add.erase(name);
    const bool unnamed = add.empty() && info_of(type).all_unless_named;
    if (variant == Variant::kDelta && !ever_asked && unnamed) all = true;
    for (const std::string& name : add) {
      ever_named = true;
      if (name == "*") {
        all = true;
      } else {
        asked.insert(name);
        ++may_repeat[name];
      }
    }
    for (const std::string& name : leave) {
      if (name == "*") {
        all = false;
        for (char letter = 'a'; letter < 'g'; ++letter) ++may_repeat[std::string(1, letter)];
      } else {
        asked.erase(name);
        ++may_repeat[name];
      }
    }
    if (variant == Variant::kDelta) {
      request.names.assign(add.begin(), add.end());
      request.unsubscribed.assign(leave.begin(), leave.end());
    } else {
      request.names.assign(asked.begin(), asked.end());
      if (all && ever_named) request.names.emplace_back("*");
      if (request.names.empty()) all = !ever_named && info_of(type).all_unless_named;
      if (all && !ever_named && !request.names.empty()) all = false;  // naming ends the unspoken one
      ever_named = ever_named || !request.names.empty();
      request.nonce = nonce;
      request.version = version;
    }
    ever_asked = true;
    drop_uncovered();
    return request;
  }

  void deliver_request() {
    if (requests.empty()) return;
    const Request request = std::move(requests.front());
    requests.pop_front();
    const auto settled = subscription->request(request);
    for (const auto& refused : settled.refused) {
      if (refused.resource) REQUIRE(refused.resource->body.starts_with("bad"));
    }
    if (variant != Variant::kDelta) return;
    for (const std::string& name : request.names) {
      if (name != "*") must_answer.insert(name);
    }
    for (const auto& [name, has_version] : request.initial_versions) must_answer.erase(std::string(name));
    const Interest& interest = subscription->interest();
    std::erase_if(must_answer,
                  [&](const std::string& name) { return !interest.covers(names.slot(type, name)); });
  }

  void send() {
    const bool was_under_way = subscription->under_way();
    auto response = subscription->next({}, ++nonces);
    if (!response) return;
    REQUIRE_FALSE(was_under_way);
    std::set<std::string> seen;
    for (const ResourcePtr& resource : response->resources) {
      REQUIRE(seen.insert(resource->name).second);
      must_answer.erase(resource->name);
    }
    for (const std::string& name : response->removed) {
      REQUIRE(seen.insert(name).second);
      must_answer.erase(name);
    }
    responses.push_back(std::move(*response));
  }

  void check_not_repeated(const Response& response) {
    if (variant == Variant::kWhole && is_whole()) return;
    for (const ResourcePtr& resource : response.resources) {
      const auto known = accepted.find(resource->name);
      if (known == accepted.end() || known->second != resource->version) continue;
      REQUIRE(may_repeat[resource->name]-- > 0);
    }
  }

  std::string complaint(const Response& response) {
    std::vector<std::string> guilty;
    std::string innocent;
    for (const ResourcePtr& resource : response.resources) {
      if (resource->body.starts_with("bad")) {
        guilty.push_back(resource->name);
      } else {
        innocent = resource->name;
      }
    }
    if (guilty.empty()) return {};
    for (const ResourcePtr& resource : response.resources) ++may_repeat[resource->name];
    std::string text = "refused:";
    if (chance(50)) {
      for (const std::string& name : guilty) text += " " + name;
    } else if (chance(30)) {
      text += " " + innocent;
    }
    return text;
  }

  void receive() {
    if (responses.empty()) return;
    const Response response = std::move(responses.front());
    responses.pop_front();
    check_not_repeated(response);
    nonce = response.nonce;
    const std::string complaint_text = complaint(response);
    if (complaint_text.empty()) take(response);
    Request request = ask(chance(30));
    request.nonce = nonce;
    request.version = version;
    if (!complaint_text.empty()) request.error = complaint_text;
    requests.push_back(std::move(request));
  }

  void take(const Response& response) {
    version = response.version;
    if (variant == Variant::kWhole && is_whole()) {
      has.clear();
      accepted.clear();
    }
    for (const ResourcePtr& resource : response.resources) {
      if (!covers(resource->name) && !keeps_dropped()) continue;
      has[resource->name] = resource->version;
      accepted[resource->name] = resource->version;
    }
    for (const std::string& name : response.removed) {
      has.erase(name);
      accepted.erase(name);
    }
  }

  void reconnect() {
    catalog->detach(id);
    watcher.subscription = nullptr;
    requests.clear();
    responses.clear();
    must_answer.clear();
    may_repeat.clear();
    nonce.clear();
    attach();
    ever_asked = true;
    if (variant == Variant::kWhole) accepted.clear();  // a server can't know, unless the version says so
    Request request;
    request.version = version;
    request.names.assign(asked.begin(), asked.end());
    ever_named = !request.names.empty();
    if (variant == Variant::kDelta) {
      initial = has;
      request.initial_versions.assign(initial.begin(), initial.end());
      if (all && (!info_of(type).all_unless_named || ever_named || chance(50))) {
        request.names.emplace_back("*");
        ever_named = true;
      }
      if (request.names.empty()) all = info_of(type).all_unless_named;
    } else {
      if (all && (!info_of(type).all_unless_named || ever_named)) {
        request.names.emplace_back("*");
        ever_named = true;
      }
      if (request.names.empty()) all = info_of(type).all_unless_named;
    }
    drop_uncovered();
    requests.push_back(std::move(request));
  }

  void step() {
    const std::uint64_t dice = random.below(100);
    if (dice < 20) {
      change_world();
    } else if (dice < 35) {
      requests.push_back(ask(ever_asked || chance(50)));
    } else if (dice < 55) {
      deliver_request();
    } else if (dice < 75) {
      send();
    } else if (dice < 96) {
      receive();
    } else if (dice < 98) {
      move();
    } else if (dice < 99) {
      reconnect();
    } else {
      names.tidy();
    }
  }

  void settle() {
    requests.push_back(ask(false));
    for (int idle = 0; idle < 3; ++idle) {
      if (!requests.empty() || !responses.empty()) idle = 0;
      deliver_request();
      send();
      if (!responses.empty()) {
        receive_quietly();
        idle = 0;
      }
    }
  }
  void receive_quietly() {
    const Response response = std::move(responses.front());
    responses.pop_front();
    check_not_repeated(response);
    nonce = response.nonce;
    const std::string complaint_text = complaint(response);
    if (complaint_text.empty()) take(response);
    Request request = ask(false);
    request.nonce = nonce;
    request.version = version;
    if (!complaint_text.empty()) request.error = complaint_text;
    requests.push_back(std::move(request));
  }

  void check_end() {
    CHECK(must_answer.empty());
    for (char letter = 'a'; letter < 'g'; ++letter) {
      const std::string name(1, letter);
      const ResourcePtr& there = catalog->resource(type, names.slot(type, name));
      const auto known = has.find(name);
      if (!covers(name)) {
        if (!keeps_dropped()) CHECK(known == has.end());
      } else if (!there) {
        if (variant == Variant::kDelta || is_whole()) CHECK(known == has.end());
      } else if (there->body.starts_with("good")) {
        REQUIRE(known != has.end());
        CHECK(known->second == there->version);
      } else if (known != has.end()) {
        CHECK(known->second != there->version);
      }
    }
    const auto more = subscription->next({}, ++nonces);
    CHECK_FALSE(more.has_value());
    CHECK(subscription->oldest_change() == kNever);
  }
};

TEST_CASE("random sequences end with what the client may have, and nothing was sent twice") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const Variant variant : {Variant::kDelta, Variant::kWhole}) {
      for (const Type type : {Type::kCluster, Type::kEndpoints}) {
        CAPTURE(seed);
        CAPTURE(static_cast<int>(variant));
        CAPTURE(info_of(type).url);
        World world(type, variant, seed);
        for (int i = 0; i < kSteps; ++i) world.step();
        world.settle();
        world.check_end();
      }
    }
  }
}

}  // namespace
}  // namespace weir::xds
