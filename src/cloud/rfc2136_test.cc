#include "cloud/rfc2136.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/crypto.h"
#include "cloud/client_fixture.h"
#include "cloud/update.h"
#include "dns/message.h"
#include "dns/rdata.h"

namespace weir::cloud {
namespace {

using testing::FakeEnv;
using namespace std::chrono_literals;

constexpr std::size_t kZoneBytesMax = 150'000;
const std::string kSoaLine = "a.example. 300 SOA ns.a.example. host.a.example. 7 1 2 3 4";

dns::TsigKey key_of(const std::string& secret) {
  return {.name = *dns::Name::parse("weir", dns::Name()),
          .algorithm = dns::TsigAlgorithm::kHmacSha256,
          .mac = [secret](dns::Bytes bytes) {
            const std::string made = auth::hmac(auth::HmacHash::kSha256, secret, std::as_bytes(bytes));
            return Octets(made.begin(), made.end());
          }};
}

void add_bytes(Octets& out, dns::Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// "www.a.example. 60 A 192.0.2.1"
void add_record(Octets& message, std::string_view line) {
  const auto word = [&line] {
    const std::size_t end = line.find(' ');
    const std::string_view found = line.substr(0, end);
    line.remove_prefix(end + 1);
    return found;
  };
  add_bytes(message, dns::Name::parse(word(), dns::Name())->wire());
  const auto ttl = static_cast<std::uint16_t>(std::stoi(std::string(word())));
  const dns::Type type = *dns::read_type(word());
  const auto rdata = dns::read_rdata(type, line, dns::Name());
  REQUIRE(rdata);
  for (const unsigned number : {0U + static_cast<unsigned>(type), 1U, 0U, 0U + ttl, 0U}) {
    dns::append_u16(message, static_cast<std::uint16_t>(number));
  }
  dns::store_u16(&message[message.size() - 2], static_cast<std::uint16_t>(rdata->size()));
  add_bytes(message, *rdata);
  dns::store_u16(&message[6], static_cast<std::uint16_t>(dns::load_u16(&message[6]) + 1));
}

std::string framed(const Octets& message) {
  std::string text{static_cast<char>(message.size() >> 8U), static_cast<char>(message.size() & 255U)};
  return text.append(message.begin(), message.end());
}

// Each record of an update on a line: "if", "do"; a class but IN as a word of its own.
std::string shown(const Octets& request) {
  auto reader = dns::MessageReader::start(request);
  REQUIRE(reader);
  REQUIRE(reader->question());
  std::string text;
  const auto& counts = reader->header().counts;
  for (unsigned i = 0; i < 0U + counts[1] + counts[2]; ++i) {
    const auto record = reader->record();
    REQUIRE(record);
    text += (i < counts[1] ? "if " : "do ") + record->owner.to_text() + ' ' + dns::type_text(record->type);
    if (record->record_class == dns::kClassNone) text += " NONE";
    if (record->record_class == dns::kClassAny) text += " ANY";
    if (record->record_class == dns::kClassIn) {
      text += ' ' + std::to_string(record->ttl_seconds) + ' ';
      dns::write_rdata(text, record->type, record->rdata);
    }
    text += '\n';
  }
  return text;
}

class World {
 public:
  FakeEnv fake;
  Rfc2136 client{fake.env, {.name = "127.0.0.1", .port = 53}, "a.example", key_of("k3y"), kZoneBytesMax};

  // The next request without its signature, which has to be right.
  Octets request() {
    fake.run_until_idle();
    peer_.emplace(listener_.accept());
    REQUIRE(peer_->connected());
    const std::string came = peer_->take();
    REQUIRE(came.size() > 2);
    Octets message(came.begin() + 2, came.end());
    const auto tsig = dns::find_tsig(message);
    REQUIRE(tsig);
    REQUIRE(*tsig);
    REQUIRE(chain_.check(message, **tsig, now()) == dns::TsigError::kNone);
    tsig_ = **tsig;
    request_ = dns::without_tsig(message, **tsig);
    return request_;
  }
  Octets reply(dns::Rcode rcode, const std::vector<std::string>& lines = {}) const {
    Octets message(request_.begin(), request_.begin() + 12);
    message[2] |= 0x80U;
    message[3] = static_cast<std::uint8_t>(rcode);
    std::fill_n(message.begin() + 4, 8, std::uint8_t{0});
    for (const std::string& line : lines) add_record(message, line);
    return message;
  }
  Octets with_signature(Octets message) {
    const std::size_t plain = message.size();
    message.resize(plain + dns::kTsigBytesMax);
    message.resize(chain_.sign(message, plain, now()));
    return message;
  }
  Octets with_error(Octets message, dns::TsigError error) {
    const dns::Tsig request{.at = 0, .key = tsig_.key, .algorithm = tsig_.algorithm, .mac = {}, .other = {}};
    const std::size_t plain = message.size();
    message.resize(plain + dns::kTsigBytesMax);
    message.resize(dns::append_tsig_error(message, plain, request, error));
    return message;
  }
  void send(const Octets& message) { peer_->send(framed(message)); }
  void send_signed(dns::Rcode rcode, const std::vector<std::string>& lines = {}) {
    send(with_signature(reply(rcode, lines)));
  }
  testing::Peer& peer() { return *peer_; }

 private:
  std::uint64_t now() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(fake.clock.wall_now().time_since_epoch()).count());
  }

  testing::PeerListener listener_{fake, "127.0.0.1:53"};
  std::optional<testing::Peer> peer_;
  dns::TsigChain chain_{key_of("k3y")};
  dns::Tsig tsig_{};
  Octets request_;
};

TEST_CASE("a zone of two messages is read, but for what is the server's own") {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  const Octets request = world.request();
  const auto question = dns::MessageReader::start(request)->question();
  CHECK(question->type == dns::Type::kAxfr);
  CHECK(question->name.to_text() == "a.example.");
  world.send_signed(dns::Rcode::kNoError,
                    {kSoaLine, "a.example. 60 NS ns.a.example.", "WWW.a.example. 60 A 192.0.2.2",
                     "c.a.example. 60 NS ns.b.", "www.a.example. 60 TYPE47 \\# 1 00"});
  CHECK(!read.result);
  world.send_signed(dns::Rcode::kNoError,
                    {"www.a.example. 60 A 192.0.2.1", "*.a.example. 5 TXT \"a b\"", kSoaLine});
  REQUIRE(read.result);
  REQUIRE(*read.result);
  const RecordSets wanted{{"*.a.example.", "TXT", 5, {"\"a b\""}},
                          {"c.a.example.", "NS", 60, {"ns.b."}},
                          {"www.a.example.", "A", 60, {"192.0.2.1", "192.0.2.2"}}};
  CHECK(**read.result == wanted);
}

// What comes of a reading whose first message is made by `answer`.
template <class Answer>
Trouble trouble_of(const Answer& answer) {
  World world;
  UnderWay<Told<RecordSets>> read(world.fake, world.client.read());
  world.request();
  answer(world);
  REQUIRE(read.result);
  REQUIRE(!*read.result);
  CHECK(read.result->error().sentence.starts_with("127.0.0.1:53 "));
  Trouble trouble = read.result->error();
  trouble.sentence.erase(0, 13);
  return trouble;
}

TEST_CASE("a zone is taken from who has the key alone, message by message") {
  const auto sentence = [](const auto& answer) { return trouble_of(answer).sentence; };
  CHECK(sentence([](World& world) {
          Octets message = world.with_signature(world.reply(dns::Rcode::kNoError, {kSoaLine, kSoaLine}));
          message[dns::kHeaderBytes + 1] ^= 1U;
          world.send(message);
        }) == "signs its answer with another key");
  CHECK(sentence([](World& world) { world.send(world.reply(dns::Rcode::kNoError, {kSoaLine, kSoaLine})); }) ==
        "does not sign its answer");
  CHECK(sentence([](World& world) {
          world.send_signed(dns::Rcode::kNoError, {kSoaLine});
          world.send(world.reply(dns::Rcode::kNoError, {kSoaLine}));
        }) == "does not sign its answer");
  CHECK(sentence([](World& world) {
          world.fake.clock.step_wall(-1h);
          const Octets late = world.with_signature(world.reply(dns::Rcode::kNoError, {kSoaLine, kSoaLine}));
          world.fake.clock.step_wall(1h);
          world.send(late);
        }) == "signs with a time that is not this machine's");
}

TEST_CASE("why a server does not give a zone") {
  const auto refused = [](dns::Rcode rcode, dns::TsigError error = dns::TsigError::kNone) {
    return trouble_of([&](World& world) {
      const Octets plain = world.reply(rcode);
      world.send(error == dns::TsigError::kNone ? plain : world.with_error(plain, error));
    });
  };
  CHECK(refused(dns::Rcode::kRefused).sentence ==
        "refuses it (REFUSED): the key weir. may not do that there");
  CHECK(refused(dns::Rcode::kRefused).kind == Trouble::Kind::kRefused);
  CHECK(refused(dns::Rcode::kServFail).kind == Trouble::Kind::kBusy);
  CHECK(refused(dns::Rcode::kServFail).sentence == "fails at it (SERVFAIL)");
  CHECK(refused(dns::Rcode::kNotImp).sentence == "can't do that (NOTIMP)");
  CHECK(refused(dns::Rcode::kFormErr).sentence == "refuses it with code 1");
  CHECK(refused(dns::Rcode::kNotAuth).sentence == "does not have the zone a.example. (NOTAUTH)");
  CHECK(refused(dns::Rcode::kNotAuth, dns::TsigError::kBadKey).sentence ==
        "does not know the key weir., or lets it not do that (BADKEY)");
  CHECK(refused(dns::Rcode::kNotAuth, dns::TsigError::kBadSig).sentence ==
        "has another secret for the key weir. (BADSIG)");
  CHECK(refused(dns::Rcode::kNotAuth, dns::TsigError::kBadTime).sentence ==
        "has another time than this machine (BADTIME)");
  CHECK(refused(dns::Rcode::kNotAuth, dns::TsigError::kBadTrunc).sentence ==
        "does not take the signature (22)");
}

TEST_CASE("what is no zone is refused") {
  const auto sentence = [](const std::vector<std::string>& lines) {
    return trouble_of([&](World& world) { world.send_signed(dns::Rcode::kNoError, lines); }).sentence;
  };
  constexpr const char* kStrange = "sends something that is not the zone";
  CHECK(sentence({}) == kStrange);
  CHECK(sentence({"www.a.example. 60 A 192.0.2.1"}) == kStrange);
  CHECK(sentence({kSoaLine, "www.b.example. 60 A 192.0.2.1"}) == kStrange);
  CHECK(sentence({kSoaLine, "www.a.example. 60 TYPE1 \\# 4 00000000", kSoaLine,
                  "www.a.example. 60 A 192.0.2.1"}) == kStrange);
  CHECK(sentence({"b" + kSoaLine}) == kStrange);
  CHECK(sentence({kSoaLine, "b." + kSoaLine}) == kStrange);
  CHECK(sentence({kSoaLine, "a.example. 300 SOA ns.a.example. host.a.example. 8 1 2 3 4"}) ==
        "changes the zone while it sends it");
}

TEST_CASE("what is no answer, is cut off, or does not end") {
  const auto sentence = [](const auto& answer) { return trouble_of(answer).sentence; };
  CHECK(sentence([](World& world) { world.send({1, 2, 3}); }) == "sends something that is no message of DNS");
  for (const std::size_t octet : {0U, 2U}) {
    CHECK(sentence([&](World& world) {
            Octets message = world.reply(dns::Rcode::kNoError);
            message[octet] ^= 0x80U;
            world.send(message);
          }) == "sends something that is no answer");
  }
  CHECK(sentence([](World& world) {
          Octets message = world.reply(dns::Rcode::kNoError);
          message[2] |= 2U;
          world.send(world.with_signature(message));
        }) == "cuts its answer off");
  CHECK(sentence([](World& world) {
          const std::string all = framed(world.with_signature(world.reply(dns::Rcode::kNoError, {kSoaLine})));
          world.peer().send(all.substr(0, all.size() - 1));
          world.peer().finish();
          world.fake.run_until_idle();
        }) == "ends the connection before its answer does");
  CHECK(trouble_of([](World& world) {
          world.send_signed(dns::Rcode::kNoError, {kSoaLine});
          world.fake.advance(Rfc2136::kConnectTimeout + Rfc2136::kReadTimeout);
        }).kind == Trouble::Kind::kUnreachable);
  CHECK(sentence([](World& world) {
          const Octets large = world.reply(
              dns::Rcode::kNoError, {"t.a.example. 60 TYPE999 \\# 60000 " + std::string(120'000, '0')});
          world.send_signed(dns::Rcode::kNoError, {kSoaLine});
          for (int i = 0; i < 3; ++i) world.send(world.with_signature(large));
        }) == "has a zone of more than 150000 octets");
}

TEST_CASE("nobody listens") {
  FakeEnv fake;
  Rfc2136 client(fake.env, {.name = "127.0.0.1", .port = 53}, "a.example", key_of("k3y"));
  UnderWay<Told<void>> write(fake, client.write({}));
  REQUIRE(write.result);
  CHECK(write.result->error().kind == Trouble::Kind::kUnreachable);
  CHECK(write.result->error().sentence.starts_with("127.0.0.1:53 can't be asked: "));
}

std::vector<Change> some_changes() {
  const RecordSet alias{"a.a.example.", "CNAME", 60, {"b."}};
  const RecordSet old{"b.a.example.", "A", 60, {"192.0.2.1", "192.0.2.2"}};
  return {{Action::kDelete, alias, {}},
          {Action::kCreate, {}, {"a.a.example.", "A", 60, {"192.0.2.1"}}},
          {Action::kReplace, old, {"b.a.example.", "A", 30, {"192.0.2.3"}}},
          {Action::kCreate, {}, {"c.a.example.", "CNAME", 60, {"b."}}},
          {Action::kCreate, {}, {"d.a.example.", "TXT", 60, {"\"x\""}}}};
}

TEST_CASE("a batch is one update, on condition that nobody else has changed what it is about") {
  World world;
  UnderWay<Told<void>> write(world.fake, world.client.write(some_changes()));
  const Octets request = world.request();
  CHECK(request[2] == 5U << 3U);
  CHECK(shown(request) ==
        "if a.a.example. CNAME 0 b.\n"
        "if a.a.example. A NONE\n"
        "if b.a.example. A 0 192.0.2.1\n"
        "if b.a.example. A 0 192.0.2.2\n"
        "if c.a.example. ANY NONE\n"
        "if d.a.example. TXT NONE\n"
        "if d.a.example. CNAME NONE\n"
        "do a.a.example. CNAME ANY\n"
        "do a.a.example. A 60 192.0.2.1\n"
        "do b.a.example. A ANY\n"
        "do b.a.example. A 30 192.0.2.3\n"
        "do c.a.example. CNAME 60 b.\n"
        "do d.a.example. TXT 60 \"x\"\n");
  world.send_signed(dns::Rcode::kNoError);
  REQUIRE(write.result);
  CHECK(*write.result);
}

TEST_CASE("a CNAME takes the place of what is deleted beside it") {
  const std::vector<Change> batch{{Action::kDelete, {"a.a.example.", "A", 60, {"192.0.2.1"}}, {}},
                                  {Action::kCreate, {}, {"a.a.example.", "CNAME", 60, {"b."}}}};
  const auto request = update_request("a.example.", 1, batch);
  REQUIRE(request);
  CHECK(shown(*request) ==
        "if a.a.example. A 0 192.0.2.1\nif a.a.example. CNAME NONE\n"
        "do a.a.example. A ANY\ndo a.a.example. CNAME 60 b.\n");
}

TEST_CASE("what comes of an update") {
  World world;
  UnderWay<Told<void>> write(world.fake, world.client.write(some_changes()));
  world.request();
  std::string sentence;
  Trouble::Kind kind = Trouble::Kind::kRefused;
  SUBCASE("somebody was faster") {
    sentence = "has a record set already that was not there before";
    kind = Trouble::Kind::kBusy;
    world.send_signed(dns::Rcode::kYxRrset);
  }
  SUBCASE("somebody has changed it") {
    sentence = "does not have a record set any more as it was before";
    kind = Trouble::Kind::kBusy;
    world.send_signed(dns::Rcode::kNxRrset);
  }
  SUBCASE("refused") {
    sentence = "refuses it (REFUSED): the key weir. may not do that there";
    world.send_signed(dns::Rcode::kRefused);
  }
  SUBCASE("what is not signed may not be true") {
    sentence = "refuses it (REFUSED): the key weir. may not do that there";
    kind = Trouble::Kind::kUnknown;
    world.send(world.reply(dns::Rcode::kRefused));
  }
  SUBCASE("an acceptance that is not signed") {
    sentence = "does not sign its answer";
    kind = Trouble::Kind::kUnknown;
    world.send(world.reply(dns::Rcode::kNoError));
  }
  SUBCASE("it fails there") {
    sentence = "fails at it (SERVFAIL)";
    kind = Trouble::Kind::kUnknown;
    world.send_signed(dns::Rcode::kServFail);
  }
  SUBCASE("nobody knows") {
    sentence = "ends the connection before its answer does";
    kind = Trouble::Kind::kUnknown;
    world.peer().close();
    world.fake.run_until_idle();
  }
  REQUIRE(write.result);
  REQUIRE(!*write.result);
  CHECK(write.result->error().kind == kind);
  CHECK(write.result->error().sentence == "127.0.0.1:53 " + sentence);
}

TEST_CASE("what can't be an update is not sent") {
  World world;
  const auto refusal = [&](RecordSet set) {
    const std::vector<Change> batch{{Action::kCreate, {}, std::move(set)}};
    UnderWay<Told<void>> write(world.fake, world.client.write(batch));
    REQUIRE(write.result);
    CHECK(write.result->error().kind == Trouble::Kind::kRefused);
    return write.result->error().sentence;
  };
  CHECK(refusal({"a.a.example.", "A", 60, {"x"}}) == "a.a.example. A can't be written as octets");
  CHECK(refusal({"a.a.example.", "AXFR", 60, {"x"}}) == "a.a.example. AXFR can't be written as octets");
  RecordSet large{"a.a.example.", "TXT", 60, {}};
  for (int i = 0; i < 400; ++i) large.values.push_back(std::to_string(i) + std::string(200, 'x'));
  CHECK(refusal(large) == "the records do not fit into one message");
  RecordSet made{"a.example.", "DNSKEY", 60, {}};
  CHECK(world.client.fit(made).empty());
  made.type = "TYPE48";
  CHECK(world.client.fit(made) == "is made by the server itself");
  made.type = "A";
  CHECK(world.client.fit(made).empty());
}

TEST_CASE("batches are of whole names, and below 16 KiB") {
  World world;
  std::vector<Change> changes;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "n" + std::to_string(1000 + i / 2) + ".a.example.";
    const std::string text = '"' + std::string(200, 'x') + '"';
    changes.push_back({Action::kCreate, {}, {name, i % 2 == 0 ? "SPF" : "TXT", 60, {text}}});
    changes.back().after.type = i % 2 == 0 ? "TYPE99" : "TXT";
    if (i % 2 == 0) changes.back().after.values = {"\\# 2 0161"};
  }
  const std::size_t first = world.client.batch_size(changes);
  CHECK(first % 2 == 0);
  CHECK(first > 40);
  CHECK(first < 300);
  const auto request = update_request("a.example.", 1, std::span(changes).first(first));
  REQUIRE(request);
  CHECK(request->size() < 16'384);
  CHECK(request->size() > 12'000);
}

}  // namespace
}  // namespace weir::cloud
