// Transcripts of one stream: rules of research and specification, each with what it says.
#include "xds/session.h"

#include "xds/limits.h"
#include "xds/xds_fixture.h"

namespace weir::xds {
namespace {

using NameList = std::vector<std::string>;

struct Stream {
  explicit Stream(Variant variant, std::optional<Type> only = std::nullopt) { open(variant, only); }
  void open(Variant variant, std::optional<Type> only = std::nullopt) {
    session.emplace(Node{"n1", "", ""}, catalog, sayings,
                    Session::Options{variant, only, [this] { ++woken; }});
    sent.clear();
  }
  Result<void> say(Request request) { return session->request(request, now); }
  void ask(Type type, const NameList& subscribe, const NameList& unsubscribe = {}) {
    Request request{
        .type_url = std::string(info_of(type).url), .names = subscribe, .unsubscribed = unsubscribe};
    request.nonce = nonces[type];
    if (session_is_delta) request.nonce.clear();
    REQUIRE(say(request));
  }
  // What is sent now, none of it answered: a line each.
  std::string take() {
    std::string lines;
    while (auto response = session->next(now)) {
      nonces[response->type] = response->nonce;
      versions[response->type] = response->version;
      lines += text_of(*response) + "\n";
      sent.push_back(*response);
    }
    return lines;
  }
  void answer(Type type, std::optional<std::string> error = std::nullopt, const NameList& wanted = {}) {
    REQUIRE(say({.type_url = std::string(info_of(type).url),
                 .names = wanted,
                 .version = versions[type],
                 .nonce = nonces[type],
                 .error = error}));
  }
  // All that is sent until nothing comes, each accepted.
  std::string settle() {
    std::string lines;
    for (std::string more = take(); !more.empty(); more = take()) {
      lines += more;
      for (const Response& response : std::exchange(sent, {}))
        answer(response.type, std::nullopt, asked[response.type]);
    }
    return lines;
  }

  testing::FakeEnv fake;
  Names names;
  Catalog catalog{names};
  Catalog other{names};
  Sayings sayings;
  Instant now = testing::ManualClock::kStart;
  int woken = 0;
  bool session_is_delta = true;
  std::map<Type, std::string> nonces;
  std::map<Type, std::string> versions;
  std::map<Type, NameList> asked;  // whole: repeated with each answer
  std::vector<Response> sent;
  std::optional<Session> session;
};

struct Whole : Stream {
  Whole() : Stream(Variant::kWhole) { session_is_delta = false; }
  void ask(Type type, const NameList& wanted) {
    asked[type] = wanted;
    Stream::ask(type, wanted);
  }
};

void two_clusters(Catalog& catalog) {
  catalog.apply({put(Type::kCluster, "a", "1"), put(Type::kCluster, "b", "1"),
                 put(Type::kEndpoints, "a", "1"), put(Type::kEndpoints, "b", "1"),
                 put(Type::kListener, "l", "1"), put(Type::kRoutes, "r", "1")});
}

void attach(Stream& stream) {
  two_clusters(stream.catalog);
  stream.ask(Type::kCluster, {});
  CHECK(stream.settle() == "cluster a=1 b=1\n");
  stream.ask(Type::kEndpoints, {"a", "b"});
  stream.ask(Type::kListener, {});
  stream.ask(Type::kRoutes, {"r"});
  CHECK(stream.take() == "endpoints a=1 b=1\n");  // listener and routes wait for it
  stream.answer(Type::kEndpoints);
  CHECK(stream.settle() == "listener l=1\nroutes r=1\n");
}

TEST_CASE("what leads to a new cluster waits until the client has its endpoints") {
  Stream stream(Variant::kDelta);
  attach(stream);
  stream.catalog.apply(
      {put(Type::kCluster, "c", "1"), put(Type::kEndpoints, "c", "1"), put(Type::kRoutes, "r", "to c")});
  CHECK(stream.take() == "cluster c=1\n");
  stream.answer(Type::kCluster);
  CHECK(stream.take().empty());  // the client has not asked for c's endpoints yet
  stream.ask(Type::kEndpoints, {"c"});
  CHECK(stream.take() == "endpoints c=1\n");
  stream.answer(Type::kEndpoints);
  CHECK(stream.take() == "routes r=to c\n");
}

TEST_CASE("in sync is who has asked for what there is and accepted it, or refuses what leads to it") {
  Stream stream(Variant::kDelta);
  two_clusters(stream.catalog);
  CHECK_FALSE(stream.session->in_sync());
  stream.ask(Type::kCluster, {});
  stream.settle();
  CHECK_FALSE(stream.session->in_sync());  // nothing else was asked for yet
  stream.ask(Type::kEndpoints, {"a", "b"});
  stream.settle();
  stream.ask(Type::kListener, {});
  CHECK_FALSE(stream.session->in_sync());
  stream.take();
  SUBCASE("all of it") {
    stream.answer(Type::kListener);
    CHECK_FALSE(stream.session->in_sync());
    stream.ask(Type::kRoutes, {"r"});
    stream.settle();
    CHECK(stream.session->in_sync());
    stream.session->move_to(stream.other);
    CHECK_FALSE(stream.session->in_sync());
  }
  SUBCASE("without routes, of a listener that it refuses") {
    stream.answer(Type::kListener, "no such filter");
    stream.settle();
    CHECK(stream.session->in_sync());
  }
  SUBCASE("a view that is the same") {
    stream.answer(Type::kListener);
    stream.ask(Type::kRoutes, {"r"});
    stream.settle();
    two_clusters(stream.other);
    stream.session->move_to(stream.other);
    CHECK(stream.session->in_sync());
    CHECK(stream.take().empty());
  }
}

TEST_CASE("a client that does not ask for the endpoints of a new cluster is not waited for any longer") {
  Stream stream(Variant::kDelta);
  attach(stream);
  stream.catalog.apply(
      {put(Type::kCluster, "c", "1"), put(Type::kEndpoints, "c", "1"), put(Type::kRoutes, "r", "to c")});
  CHECK(stream.take() == "cluster c=1\n");
  stream.answer(Type::kCluster);
  CHECK(stream.take().empty());
  REQUIRE(stream.session->alarm().has_value());
  stream.now = *stream.session->alarm();
  CHECK(stream.take() == "routes r=to c\n");
}

TEST_CASE(
    "endpoints that change do not wait for anything, and an unrelated change does not wait for a cluster") {
  Stream stream(Variant::kDelta);
  attach(stream);
  stream.catalog.apply({put(Type::kRoutes, "r", "2")});
  stream.catalog.apply({put(Type::kCluster, "c", "1")});
  stream.catalog.apply({put(Type::kEndpoints, "a", "2")});
  CHECK(stream.take() == "cluster c=1\nendpoints a=2\nroutes r=2\n");
}

TEST_CASE(
    "a cluster is removed when the client has accepted what no longer leads there; its endpoints after it") {
  Stream stream(Variant::kDelta);
  attach(stream);
  stream.catalog.apply({gone(Type::kCluster, "b"), gone(Type::kEndpoints, "b"),
                        put(Type::kRoutes, "r", "to a"), put(Type::kListener, "l", "2")});
  CHECK(stream.take() == "listener l=2\nroutes r=to a\n");
  stream.answer(Type::kListener);
  CHECK(stream.take().empty());
  stream.answer(Type::kRoutes);
  CHECK(stream.take() == "cluster -b\n");
  stream.answer(Type::kCluster);
  CHECK(stream.take() == "endpoints -b\n");
}

TEST_CASE("a rename in one step: the new one first, then who uses it, then the old one goes") {
  Stream stream(Variant::kDelta);
  attach(stream);
  stream.catalog.apply({put(Type::kCluster, "c", "1"), put(Type::kEndpoints, "c", "1"),
                        gone(Type::kCluster, "b"), gone(Type::kEndpoints, "b"),
                        put(Type::kRoutes, "r", "to c")});
  CHECK(stream.take() == "cluster c=1\n");
  stream.ask(Type::kEndpoints, {"c"}, {});
  stream.answer(Type::kCluster);
  CHECK(stream.settle() == "endpoints c=1\nroutes r=to c\ncluster -b\nendpoints -b\n");
}

TEST_CASE("whole: a cluster stays in the response until what led there is gone") {
  Whole stream;
  two_clusters(stream.catalog);
  stream.ask(Type::kCluster, {});
  CHECK(stream.settle() == "cluster a=1 b=1\n");
  stream.ask(Type::kRoutes, {"r"});
  stream.now += 2s;
  CHECK(stream.settle() == "routes r=1\n");
  stream.catalog.apply(
      {put(Type::kCluster, "c", "1"), gone(Type::kCluster, "b"), put(Type::kRoutes, "r", "to c")});
  CHECK(stream.take() == "cluster a=1 c=1 b=1\n");
  stream.answer(Type::kCluster);
  CHECK(stream.take() == "routes r=to c\n");
  stream.answer(Type::kRoutes, std::nullopt, {"r"});
  CHECK(stream.take() == "cluster a=1 c=1\n");
}

TEST_CASE("endpoints are sent again behind a change of their cluster, though they have not changed") {
  Stream stream(Variant::kDelta);
  attach(stream);
  stream.catalog.apply({put(Type::kCluster, "a", "2")});
  CHECK(stream.take() == "cluster a=2\nendpoints a=1\n");
}

TEST_CASE("delta: a name that is nowhere is answered at once, remembered, and sent when it appears") {
  Stream stream(Variant::kDelta);
  stream.ask(Type::kEndpoints, {"x"});
  CHECK(stream.settle() == "endpoints -x\n");
  stream.catalog.apply({put(Type::kEndpoints, "x", "1")});
  CHECK(stream.woken == 1);
  CHECK(stream.settle() == "endpoints x=1\n");
}

TEST_CASE("whole: a name that is nowhere is remembered; listeners and clusters say that it is not there") {
  Whole stream;
  stream.ask(Type::kEndpoints, {"x"});
  CHECK(stream.settle().empty());
  stream.ask(Type::kListener, {"x"});
  CHECK(stream.settle() == "listener\n");
  stream.catalog.apply({put(Type::kEndpoints, "x", "1"), put(Type::kListener, "x", "1")});
  CHECK(stream.settle() == "endpoints x=1\nlistener x=1\n");
}

TEST_CASE("who asks for all of nothing is told so, once") {
  for (const Variant variant : {Variant::kDelta, Variant::kWhole}) {
    Stream stream(variant);
    stream.ask(Type::kCluster, {});
    CHECK(stream.settle() == "cluster\n");
    CHECK(stream.settle().empty());
  }
}

TEST_CASE("delta: asking again for what one has is answered; leaving a name that the star covers too") {
  Stream stream(Variant::kDelta);
  two_clusters(stream.catalog);
  stream.ask(Type::kCluster, {"*", "a"});
  CHECK(stream.settle() == "cluster a=1 b=1\n");
  stream.ask(Type::kCluster, {"a"});
  CHECK(stream.settle() == "cluster a=1\n");
  stream.ask(Type::kCluster, {}, {"a"});
  CHECK(stream.settle() == "cluster a=1\n");
  stream.ask(Type::kCluster, {}, {"zz"});
  CHECK(stream.settle() == "cluster -zz\n");
}

TEST_CASE("delta: a stale nonce accepts nothing, but what it asks for counts") {
  Stream stream(Variant::kDelta);
  two_clusters(stream.catalog);
  stream.ask(Type::kEndpoints, {"a"});
  CHECK(stream.take() == "endpoints a=1\n");
  REQUIRE(
      stream.say({.type_url = std::string(info_of(Type::kEndpoints).url), .names = {"b"}, .nonce = "77"}));
  CHECK(stream.sayings.take().empty());
  CHECK(stream.take().empty());  // one response at a time
  stream.answer(Type::kEndpoints);
  CHECK(stream.sayings.take() == "n1 has endpoints a=1\n");
  CHECK(stream.take() == "endpoints b=1\n");
}

TEST_CASE("whole: a request from before the last response is ignored") {
  Whole stream;
  two_clusters(stream.catalog);
  stream.ask(Type::kEndpoints, {"a"});
  CHECK(stream.take() == "endpoints a=1\n");
  const std::string old = stream.nonces[Type::kEndpoints];
  stream.answer(Type::kEndpoints, std::nullopt, {"a"});
  stream.catalog.apply({put(Type::kEndpoints, "a", "2")});
  CHECK(stream.take() == "endpoints a=2\n");
  REQUIRE(stream.say(
      {.type_url = std::string(info_of(Type::kEndpoints).url), .names = {"a", "b"}, .nonce = old}));
  CHECK(stream.take().empty());
  stream.answer(Type::kEndpoints, std::nullopt, {"a", "b"});
  CHECK(stream.take() == "endpoints b=1\n");
}

TEST_CASE("delta: a client that comes back gets what has changed, and hears of what has gone") {
  Stream stream(Variant::kDelta);
  stream.catalog.apply(
      {put(Type::kCluster, "a", "1"), put(Type::kCluster, "b", "1"), put(Type::kCluster, "c", "1")});
  const std::string version_a = put(Type::kCluster, "a", "1").resource->version;
  REQUIRE(stream.say({.type_url = std::string(info_of(Type::kCluster).url),
                      .initial_versions = {{"a", version_a}, {"b", "old"}, {"z", "1"}}}));
  CHECK(stream.settle() == "cluster b=1 c=1 -z\n");
  stream.open(Variant::kDelta);
  REQUIRE(stream.say({.type_url = std::string(info_of(Type::kCluster).url),
                      .initial_versions = {{"a", version_a}, {"b", version_a}, {"c", version_a}}}));
  CHECK(stream.settle().empty());
}

TEST_CASE("whole: a version is that of the content: who comes back with it is sent nothing") {
  Whole stream;
  two_clusters(stream.catalog);
  stream.ask(Type::kCluster, {});
  CHECK(stream.settle() == "cluster a=1 b=1\n");
  const std::string version = stream.versions[Type::kCluster];
  Whole elsewhere;  // another controller, another order
  elsewhere.catalog.apply(
      {put(Type::kCluster, "z", "1"), put(Type::kCluster, "b", "1"), put(Type::kCluster, "a", "1")});
  elsewhere.catalog.apply({gone(Type::kCluster, "z")});
  REQUIRE(elsewhere.say({.type_url = std::string(info_of(Type::kCluster).url), .version = version}));
  CHECK(elsewhere.settle().empty());
  elsewhere.catalog.apply({put(Type::kCluster, "a", "2")});
  CHECK(elsewhere.settle() == "cluster b=1 a=2\n");
}

TEST_CASE("what a client refuses is held back for it; it keeps what it has accepted, and the rest goes on") {
  Whole stream;
  two_clusters(stream.catalog);
  stream.ask(Type::kCluster, {});
  stream.settle();
  (void)stream.sayings.take();
  stream.catalog.apply({put(Type::kCluster, "a", "bad"), put(Type::kCluster, "b", "2")});
  CHECK(stream.take() == "cluster a=bad b=2\n");
  stream.answer(Type::kCluster, "Error adding/updating cluster(s) a: no such thing");
  CHECK(stream.take() == "cluster a=1 b=2\n");
  stream.answer(Type::kCluster);
  CHECK(stream.take().empty());
  CHECK(stream.sayings.take() ==
        "n1 has cluster b=2\n"
        "n1 refuses cluster services/a: Error adding/updating cluster(s) a: no such thing\n");
  stream.catalog.apply({put(Type::kCluster, "b", "3")});
  CHECK(stream.settle() == "cluster a=1 b=3\n");
  stream.catalog.apply({put(Type::kCluster, "a", "4")});
  CHECK(stream.settle() == "cluster a=4 b=3\n");
}

TEST_CASE("when a refusal names nobody, halves are tried, and each is sent once more at most") {
  Stream stream(Variant::kDelta);
  std::vector<Change> changes;
  for (char letter = 'a'; letter <= 'h'; ++letter) {
    changes.push_back(put(Type::kCluster, std::string(1, letter), letter == 'f' ? "bad" : "1"));
  }
  stream.catalog.apply(changes);
  stream.ask(Type::kCluster, {});
  std::string transcript;
  for (std::string line = stream.take(); !line.empty(); line = stream.take()) {
    transcript += line;
    const bool bad = line.contains("bad");
    stream.answer(Type::kCluster, bad ? std::optional<std::string>("cannot") : std::nullopt);
  }
  CHECK(transcript ==
        "cluster a=1 b=1 c=1 d=1 e=1 f=bad g=1 h=1\n"
        "cluster a=1 b=1 c=1 d=1\n"
        "cluster e=1 f=bad g=1 h=1\n"
        "cluster e=1 f=bad\n"
        "cluster e=1\n"
        "cluster f=bad\n"
        "cluster g=1 h=1\n");
  CHECK(stream.sayings.take().contains("n1 refuses cluster services/f: cannot\n"));
}

TEST_CASE("a stream that is moved to another view is sent what differs") {
  Stream stream(Variant::kDelta);
  attach(stream);
  two_clusters(stream.other);
  stream.other.apply(
      {put(Type::kEndpoints, "a", "2"), gone(Type::kCluster, "b"), put(Type::kCluster, "c", "1")});
  stream.session->move_to(stream.other);
  CHECK(stream.settle() == "cluster c=1 -b\nendpoints a=2\n");
  stream.catalog.apply({put(Type::kEndpoints, "a", "3")});
  CHECK(stream.settle().empty());
  stream.other.apply({put(Type::kEndpoints, "a", "4")});
  CHECK(stream.settle() == "endpoints a=4\n");
}

TEST_CASE("nonsense is refused or ignored, by itself") {
  Stream stream(Variant::kDelta);
  CHECK(stream.say({.type_url = ""}).error().code == Code::kInvalid);
  CHECK(stream.say({.type_url = "type.googleapis.com/envoy.service.runtime.v3.Runtime", .names = {"*"}}));
  CHECK(stream.take().empty());
  REQUIRE(stream.say(
      {.type_url = std::string(info_of(Type::kCluster).url), .nonce = "no such", .error = "what"}));
  CHECK(stream.sayings.take().empty());
  Stream one(Variant::kDelta, Type::kEndpoints);
  CHECK(one.say({.type_url = "", .names = {"x"}}));
  CHECK(one.settle() == "endpoints -x\n");
  CHECK(one.say({.type_url = std::string(info_of(Type::kCluster).url)}).error().code == Code::kInvalid);
}

TEST_CASE("a client that asks too much or too often, or does not answer") {
  Stream stream(Variant::kDelta);
  std::vector<std::string> many(kNamesMax + 1);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = std::to_string(i);
  CHECK(stream.say({.type_url = std::string(info_of(Type::kEndpoints).url), .names = many}).error().code ==
        Code::kOverloaded);
  stream.open(Variant::kDelta);
  for (int i = 0; i < static_cast<int>(kRequestsBurst); ++i) {
    if (i < 1900) CHECK(stream.session->may_ask_at(stream.now) == stream.now);
    stream.ask(Type::kSecret, {"s"});
  }
  CHECK(stream.session->may_ask_at(stream.now) > stream.now);
  CHECK(stream.take() == "secret -s\n");
  CHECK_FALSE(stream.session->overdue(stream.now));
  stream.now += kAnswerTimeout;
  CHECK(stream.session->overdue(stream.now));
}

TEST_CASE("a stream that has everything costs a bit for each resource") {
  Stream stream(Variant::kDelta);
  constexpr int kServices = 10'000;
  constexpr int kEndpointsEach = 10;
  std::vector<Change> changes;
  std::vector<std::string> wanted;
  std::size_t shared = 0;
  for (int i = 0; i < kServices; ++i) {
    const std::string name = "service-" + std::to_string(i);
    changes.push_back(put(Type::kCluster, name, std::string(200, 'x')));
    changes.push_back(put(Type::kEndpoints, name, std::string(kEndpointsEach * 40, 'x')));
    wanted.push_back(name);
  }
  for (const Change& change : changes) {
    shared += sizeof(Resource) + 16 + change.name.capacity() + change.resource->version.capacity() +
              change.resource->body.capacity() + change.resource->object.capacity();
  }
  stream.catalog.apply(changes);
  stream.ask(Type::kCluster, {});
  stream.settle();
  stream.ask(Type::kEndpoints, wanted);
  stream.settle();
  CHECK(stream.session->heap_bytes() + sizeof(Session) < 16UL * 1024);
  shared += stream.catalog.heap_bytes();
  MESSAGE("bytes per stream: " << stream.session->heap_bytes() + sizeof(Session)
                               << ", per endpoint: " << shared / (kServices * kEndpointsEach));
  CHECK(shared / (kServices * kEndpointsEach) < 300);
}

TEST_CASE("names that were asked for and never were are given back") {
  Stream stream(Variant::kDelta);
  for (int i = 0; i < 30'000; ++i) {
    stream.ask(Type::kSecret, {"s" + std::to_string(i)}, {"s" + std::to_string(i - 1)});
    if (i % 50 == 0) stream.settle();
  }
  CHECK(stream.names.size() < 12'000);
}

}  // namespace
}  // namespace weir::xds
