#include "anycast/bird.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "anycast/bird_fixture.h"

namespace weir::anycast {
namespace {

std::string why(const Bird::Done& done) { return done ? std::string() : done.error(); }

TEST_CASE("its configuration is taken up") {
  const Folder folder;
  FakeBird fake(folder.at("ctl"));
  Bird bird(folder.at("ctl"));
  CHECK_FALSE(bird.connected());
  CHECK(why(bird.connect()).empty());
  CHECK(why(bird.connect()).empty());
  CHECK(why(bird.load()).empty());
  CHECK(why(bird.look()).empty());
  CHECK(bird.connected());
  CHECK(fake.asked(2) == std::vector<std::string>{"configure soft", "show status"});
  for (const char* done : {"0002-x\n0004 Reconfiguration in progress\n", "0002-x\n0005 queueing\n"}) {
    fake.answer("configure soft", done);
    CHECK(why(bird.load()).empty());
  }
}

TEST_CASE("what it refuses is told in its words, and the line stays") {
  const Folder folder;
  FakeBird fake(folder.at("ctl"));
  Bird bird(folder.at("ctl"));
  CHECK(why(bird.connect()).empty());
  fake.answer("configure soft", "0002-Reading\n8002 bird.conf:1:1 syntax error\n");
  CHECK(why(bird.load()) == "BIRD: bird.conf:1:1 syntax error (8002)");
  fake.answer("configure soft", "0006 Reconfiguration ignored, shutting down\n");
  CHECK(why(bird.load()) == "BIRD: Reconfiguration ignored, shutting down (6)");
  fake.answer("show status", "8007 Access denied\n");
  CHECK(why(bird.look()) == "BIRD: Access denied (8007)");
  CHECK(bird.connected());
}

TEST_CASE("a protocol is ended, also one that has ended already") {
  const Folder folder;
  FakeBird fake(folder.at("ctl"));
  Bird bird(folder.at("ctl"));
  CHECK(why(bird.connect()).empty());
  fake.answer("disable weir_a", "0009-weir_a: disabled\n0000 \n");
  CHECK(why(bird.disable("weir_a")).empty());
  fake.answer("disable weir_a", "9001 syntax error, unexpected CF_SYM_UNDEFINED\n");
  CHECK(why(bird.disable("weir_a")).empty());
  fake.answer("disable weir_a", "8007 Access denied\n");
  CHECK(why(bird.disable("weir_a")) == "BIRD: Access denied (8007)");
}

TEST_CASE("where nobody listens, or somebody else, the line is not there") {
  const Folder folder;
  Bird bird(folder.at("ctl"));
  CHECK(why(bird.connect()).starts_with(folder.at("ctl") + ": "));
  CHECK(why(bird.load()) == "BIRD is not there");
  Bird nameless("");
  CHECK_FALSE(why(nameless.connect()).empty());
  Bird too_long(std::string(200, 'x'));
  CHECK(why(too_long.connect()) == "the path of BIRD's control socket is empty or too long");
  FakeBird fake(folder.at("ctl"));
  fake.greet("220 mail.example ESMTP\n");
  CHECK(why(bird.connect()) == "what answers on the control socket does not speak like BIRD");
  CHECK_FALSE(bird.connected());
  fake.greet("0003 Reconfigured\n");
  CHECK(why(bird.connect()) == "what answers on the control socket does not greet like BIRD");
  CHECK_FALSE(bird.connected());
}

TEST_CASE("a line that ends is noticed, and made anew") {
  const Folder folder;
  Bird bird(folder.at("ctl"));
  {
    FakeBird fake(folder.at("ctl"));
    CHECK(why(bird.connect()).empty());
  }
  CHECK(why(bird.load()) == "BIRD is gone");
  CHECK_FALSE(bird.connected());
  FakeBird fake(folder.at("ctl"));
  CHECK(why(bird.connect()).empty());
  CHECK(why(bird.load()).empty());
}

TEST_CASE("an answer that makes no sense ends the line") {
  const Folder folder;
  FakeBird fake(folder.at("ctl"));
  Bird bird(folder.at("ctl"));
  CHECK(why(bird.connect()).empty());
  fake.answer("configure soft", "Reconfigured\n");
  CHECK(why(bird.load()) == "what answers on the control socket does not speak like BIRD");
  CHECK_FALSE(bird.connected());
}

TEST_CASE("one that does not answer is waited for until the deadline") {
  const Folder folder;
  FakeBird fake(folder.at("ctl"));
  Bird bird(folder.at("ctl"));
  fake.greet("");
  CHECK(why(bird.connect()) == "BIRD does not answer");
  CHECK_FALSE(bird.connected());
}

}  // namespace
}  // namespace weir::anycast
