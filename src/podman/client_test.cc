#include "podman/client.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "http/request_body.h"
#include "net/task_group.h"
#include "podman/podman_fixture.h"
#include "testing/fake_env.h"

namespace weir::podman {
namespace {

using namespace std::chrono_literals;
using Kind = Trouble::Kind;

TEST_CASE("a call is one request on a connection of its own") {
  World world;
  auto call = world.ask(world.client.version());
  CHECK(world.podman.request() ==
        "GET /v4.0.0/libpod/version HTTP/1.1\r\nHost: podman\r\nUser-Agent: weir/" WEIR_VERSION "\r\n\r\n");
  world.podman.answer("200 OK", R"({"Version":"4.3.1"})");
  REQUIRE(call->result);
  CHECK(**call->result == "4.3.1");
  auto again = world.ask(world.client.version());
  CHECK(world.podman.connections() == 2);
}

TEST_CASE("who is not there, silent or no podman is told as such") {
  World world;
  auto call = world.ask(world.client.list({{"a", "b"}}));
  CHECK(world.podman.request().starts_with(
      "GET /v4.0.0/libpod/containers/json?all=true&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D "
      "HTTP/1.1\r\n"));
  SUBCASE("silent") {
    world.fake.advance(59s);
    CHECK_FALSE(call->result);
    world.fake.advance(2s);
    REQUIRE(call->result);
    CHECK(call->result->error().kind == Kind::kUnreachable);
    CHECK(call->result->error().sentence.starts_with("podman does not answer: "));
  }
  SUBCASE("something else") {
    world.podman.answer("200 OK", "<html>");
    REQUIRE(call->result);
    CHECK(call->result->error().sentence == "podman does not answer: podman's answer can't be read");
  }
  SUBCASE("gone") {
    world.podman.reset();
    REQUIRE(call->result);
    CHECK(call->result->error().kind == Kind::kUnreachable);
  }
  SUBCASE("not there at all") {
    world.fake.network.refuse(world.at);
    auto next = world.ask(world.client.version());
    REQUIRE(next->result);
    CHECK(next->result->error().kind == Kind::kUnreachable);
  }
}

TEST_CASE("images: asked for, loaded, pulled") {
  World world;
  SUBCASE("there or not") {
    auto call = world.ask(world.client.has_image("localhost/a:1"));
    CHECK(world.podman.request().starts_with("GET /v4.0.0/libpod/images/localhost/a:1/exists "));
    SUBCASE("there") {
      world.podman.answer("204 No Content", "");
      REQUIRE(call->result);
      CHECK(**call->result);
    }
    SUBCASE("not there") {
      world.podman.answer("404 Not Found", R"({"cause":"no such image"})");
      REQUIRE(call->result);
      CHECK_FALSE(**call->result);
    }
    SUBCASE("not known") {
      world.podman.answer("500 Internal Server Error", R"({"message":"the store is broken"})");
      REQUIRE(call->result);
      CHECK(call->result->error().sentence == "podman: the store is broken");
    }
  }
  SUBCASE("an archive goes as it is") {
    http::TextBody archive("tar");
    auto call = world.ask(world.client.load_image(archive, 3));
    const std::string request = world.podman.request();
    CHECK(request.starts_with("POST /v4.0.0/libpod/images/load "));
    CHECK(request.ends_with("Content-Type: application/x-tar\r\nContent-Length: 3\r\n\r\ntar"));
    world.podman.answer("200 OK", R"({"Names":["localhost/a:1"]})");
    REQUIRE(call->result);
    CHECK(**call->result == std::vector<std::string>{"localhost/a:1"});
  }
  SUBCASE("a pull that fails says so after its head") {
    auto call = world.ask(world.client.pull_image("r.example/a:1", Credentials{"u", "p"}));
    const std::string request = world.podman.request();
    CHECK(request.starts_with(
        "POST /v4.0.0/libpod/images/pull?policy=missing&quiet=true&reference=r.example%2Fa%3A1 "));
    CHECK(request.contains("X-Registry-Auth: eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAifQ==\r\n"));
    SUBCASE("it fails") {
      world.podman.answer("200 OK", "{\"stream\":\"x\"}\n{\"error\":\"denied\"}");
      REQUIRE(call->result);
      CHECK(call->result->error().sentence ==
            "the image r.example/a:1 is not there, and can't be pulled: podman: denied");
    }
    SUBCASE("it is there") {
      world.podman.answer("200 OK", "{\"images\":[\"1\"],\"id\":\"1\"}\n");
      REQUIRE(call->result);
      CHECK(*call->result);
    }
  }
}

TEST_CASE("containers: made, started, stopped, removed") {
  World world;
  const ContainerSpec spec{.name = "a.b", .image = "i", .entrypoint = {"serve"}};
  SUBCASE("made") {
    auto call = world.ask(world.client.create(spec));
    CHECK(world.podman.request().ends_with("\r\n\r\n" + to_json(spec)));
    SUBCASE("done") {
      world.podman.answer("201 Created", R"({"Id":"77","Warnings":[]})");
      REQUIRE(call->result);
      CHECK(**call->result == "77");
    }
    SUBCASE("refused") {
      world.podman.answer("500 Internal Server Error",
                          R"({"cause":"image not known","message":"i: image not known"})");
      REQUIRE(call->result);
      CHECK(call->result->error().sentence == "the image i is not there");
      CHECK(call->result->error().kind == Kind::kRefused);
    }
  }
  SUBCASE("started") {
    auto call = world.ask(world.client.start("a.b", spec));
    CHECK(world.podman.request().starts_with("POST /v4.0.0/libpod/containers/a.b/start "));
    world.podman.answer("500 Internal Server Error",
                        R"({"message":"OCI runtime attempted to invoke a command that was not found"})");
    REQUIRE(call->result);
    CHECK(call->result->error().sentence == "the command serve is not in the image");
  }
  SUBCASE("stopped, however long that takes") {
    auto call = world.ask(world.client.stop("a.b", 90));
    CHECK(world.podman.request().starts_with("POST /v4.0.0/libpod/containers/a.b/stop?timeout=90 "));
    world.fake.advance(89s);
    world.podman.answer("304 Not Modified", "");
    REQUIRE(call->result);
    CHECK(*call->result);
  }
  SUBCASE("killed") {
    auto call = world.ask(world.client.kill("a.b", "SIGHUP"));
    CHECK(world.podman.request().starts_with("POST /v4.0.0/libpod/containers/a.b/kill?signal=SIGHUP "));
    world.podman.answer("404 Not Found", R"({"cause":"no such container"})");
    REQUIRE(call->result);
    CHECK(call->result->error().kind == Kind::kNotThere);
    CHECK(call->result->error().sentence == "the container is not there");
  }
  SUBCASE("removed is removed") {
    auto call = world.ask(world.client.remove("a.b"));
    CHECK(world.podman.request().starts_with("DELETE /v4.0.0/libpod/containers/a.b?force=true&timeout=0 "));
    world.podman.answer("404 Not Found", R"({"cause":"no such container"})");
    REQUIRE(call->result);
    CHECK(*call->result);
  }
  SUBCASE("its end is waited for") {
    auto call = world.ask(world.client.wait("a.b", 10s));
    CHECK(world.podman.request().starts_with("POST /v4.0.0/libpod/containers/a.b/wait?"));
    world.podman.answer("200 OK", "3");
    CHECK(world.podman.request().starts_with("GET /v4.0.0/libpod/containers/a.b/json "));
    world.podman.answer("200 OK", R"({"Id":"1","State":{"ExitCode":3}})");
    REQUIRE(call->result);
    CHECK(**call->result == 3);
  }
}

TEST_CASE("logs come as they are written, until they end or nobody wants them") {
  World world;
  std::string out;
  auto call = world.ask(world.client.logs("a.b", {.follow = true, .since_seconds = 5, .timestamps = true},
                                          [&](LogStream, std::string_view text) { out += text; }));
  CHECK(world.podman.request().starts_with(
      "GET /v4.0.0/libpod/containers/a.b/logs?stdout=true&stderr=true&follow=true&timestamps=true&since=5 "));
  world.podman.begin("200 OK");
  world.podman.send(std::string("\1\0\0\0\0\0\0\3one", 11));
  CHECK(out == "one");
  world.fake.advance(1h);
  world.podman.send(std::string("\2\0\0\0\0\0\0\3two", 11));
  CHECK(out == "onetwo");
  SUBCASE("the end") {
    world.podman.end();
    REQUIRE(call->result);
    CHECK(*call->result);
  }
  SUBCASE("no log") {
    world.podman.send("something else");
    REQUIRE(call->result);
    CHECK(call->result->error().sentence == "podman does not answer: this is no log of a container");
  }
}

TEST_CASE("a command in a container has an output and an exit code") {
  World world;
  auto call = world.ask(world.client.exec("a.b", {"id"}, 5s));
  CHECK(world.podman.request().ends_with(R"({"Cmd":["id"],"AttachStdout":true,"AttachStderr":true})"));
  world.podman.answer("201 Created", R"({"Id":"e1"})");
  CHECK(world.podman.request().starts_with("POST /v4.0.0/libpod/exec/e1/start "));
  SUBCASE("in time") {
    world.podman.answer("200 OK", std::string("\1\0\0\0\0\0\0\2ab\2\0\0\0\0\0\0\1c", 19));
    CHECK(world.podman.request().starts_with("GET /v4.0.0/libpod/exec/e1/json "));
    world.podman.answer("200 OK", R"({"ExitCode":2})");
    REQUIRE(call->result);
    CHECK((*call->result)->output == "abc");
    CHECK((*call->result)->exit_code == 2);
  }
  SUBCASE("too late") {
    world.fake.advance(6s);
    REQUIRE(call->result);
    CHECK(call->result->error().kind == Kind::kUnreachable);
  }
}

TEST_CASE("images are named, listed and removed") {
  World world;
  SUBCASE("named") {
    auto call = world.ask(world.client.tag_image("sha256:ab", "localhost/weir/web", "1"));
    CHECK(world.podman.request().starts_with(
        "POST /v4.0.0/libpod/images/sha256:ab/tag?repo=localhost%2Fweir%2Fweb&tag=1 "));
    world.podman.answer("404 Not Found",
                        R"({"cause":"image not known","message":"sha256:ab: image not known"})");
    REQUIRE(call->result);
    CHECK(call->result->error().sentence == "the image sha256:ab is not there");
  }
  SUBCASE("no longer named") {
    auto call = world.ask(world.client.untag_image("a:1", "a", "1"));
    CHECK(world.podman.request().starts_with("POST /v4.0.0/libpod/images/a:1/untag?repo=a&tag=1 "));
    world.podman.answer("201 Created", "\n");
    REQUIRE(call->result);
    CHECK(call->result->has_value());
  }
  SUBCASE("listed") {
    auto call = world.ask(world.client.list_images("localhost/a"));
    CHECK(world.podman.request().starts_with(
        "GET /v4.0.0/libpod/images/json?filters=%7B%22reference%22%3A%5B%22localhost%2Fa%22%5D%7D "));
    world.podman.answer("200 OK",
                        R"([{"Id":"1","RepoTags":["localhost/a:1","b:2"]},{"Id":"2","RepoTags":null}])");
    REQUIRE(call->result);
    CHECK(**call->result == std::vector<Image>{{"1", {"localhost/a:1", "b:2"}}, {"2", {}}});
  }
  SUBCASE("listed as they can't be") {
    auto call = world.ask(world.client.list_images("a"));
    (void)world.podman.request();
    world.podman.answer("200 OK", R"([{"RepoTags":[]}])");
    REQUIRE(call->result);
    CHECK_FALSE(*call->result);
  }
  SUBCASE("removed") {
    auto call = world.ask(world.client.remove_image("localhost/a:1"));
    CHECK(world.podman.request().starts_with("DELETE /v4.0.0/libpod/images/localhost/a:1 "));
    world.podman.answer("409 Conflict", R"({"message":"image is in use by a container"})");
    REQUIRE(call->result);
    CHECK_FALSE(call->result->has_value());
  }
}

TEST_CASE("networks are listed, made and removed") {
  World world;
  SUBCASE("listed") {
    auto call = world.ask(world.client.list_networks());
    CHECK(world.podman.request().starts_with("GET /v4.0.0/libpod/networks/json "));
    SUBCASE("as they are") {
      world.podman.answer("200 OK", R"([{"name":"podman"},{"name":"weir","labels":{"a":"b"}}])");
      REQUIRE(call->result);
      CHECK(**call->result == std::vector<Network>{{"podman", {}}, {"weir", {{"a", "b"}}}});
    }
    SUBCASE("as they can't be") {
      world.podman.answer("200 OK", R"([{"id":"podman"}])");
      REQUIRE(call->result);
      CHECK_FALSE(*call->result);
    }
  }
  SUBCASE("made") {
    auto call = world.ask(world.client.create_network({.name = "weir", .interface = "i", .labels = {}}));
    const std::string request = world.podman.request();
    CHECK(request.starts_with("POST /v4.0.0/libpod/networks/create "));
    CHECK(request.contains(R"({"name":"weir","driver":"bridge")"));
    world.podman.answer("200 OK", R"({"name":"weir"})");
    REQUIRE(call->result);
    CHECK(call->result->has_value());
  }
  SUBCASE("removed") {
    auto call = world.ask(world.client.remove_network("weir"));
    CHECK(world.podman.request().starts_with("DELETE /v4.0.0/libpod/networks/weir "));
    SUBCASE("it was there") {
      world.podman.answer("200 OK", "[]");
      REQUIRE(call->result);
      CHECK(call->result->has_value());
    }
    SUBCASE("it was not there") {
      world.podman.answer("404 Not Found", R"({"cause":"no such network"})");
      REQUIRE(call->result);
      CHECK(call->result->has_value());
    }
    SUBCASE("it is used") {
      world.podman.answer("409 Conflict", R"({"message":"network is being used"})");
      REQUIRE(call->result);
      CHECK_FALSE(call->result->has_value());
    }
  }
}

TEST_CASE("volumes are made once, and are gone when they are") {
  World world;
  SUBCASE("new") {
    auto call = world.ask(world.client.create_volume("a.v", {{"k", "v"}}));
    CHECK(world.podman.request().starts_with("GET /v4.0.0/libpod/volumes/a.v/exists "));
    world.podman.answer("404 Not Found", "{}");
    CHECK(world.podman.request().ends_with(R"({"Name":"a.v","Label":{"k":"v"}})"));
    world.podman.answer("201 Created", "{}");
    REQUIRE(call->result);
    CHECK(*call->result);
  }
  SUBCASE("there") {
    auto call = world.ask(world.client.create_volume("a.v", {}));
    (void)world.podman.request();
    world.podman.answer("204 No Content", "");
    REQUIRE(call->result);
    CHECK(*call->result);
  }
  SUBCASE("gone") {
    auto call = world.ask(world.client.remove_volume("a.v"));
    CHECK(world.podman.request().starts_with("DELETE /v4.0.0/libpod/volumes/a.v?force=true "));
    world.podman.answer("404 Not Found", "{}");
    REQUIRE(call->result);
    CHECK(*call->result);
  }
}

TEST_CASE("events are told for as long as podman sends them") {
  World world;
  int told = 0;
  auto call = world.ask(world.client.events({{"a", "b"}}, [&told] { ++told; }));
  CHECK(world.podman.request().starts_with("GET /v4.0.0/libpod/events?stream=true&filters="));
  world.podman.begin("200 OK");
  world.podman.send("{}\n");
  CHECK(told == 1);
  world.podman.end();
  REQUIRE(call->result);
  CHECK(*call->result);
}

}  // namespace
}  // namespace weir::podman
