#include "client/cloud_init.h"

#include <doctest/doctest.h>

#include <string>

#include "config/documents.h"

namespace weir::client {
namespace {

const std::string kDigest(64, 'a');
const std::string kKey = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n";

FirstBoot an_edge() {
  return {.role = "edge",
          .flags = {"--controller", "https://c.example:8480", "--public", "--ssh", "[::]:2222"},
          .files = {{std::string(kJoinTokenPath), "weirjoin_a_b.c\n"}},
          .package = {.url = "https://p.example/weir.deb", .sha256 = kDigest, .repository = {}, .key = {}}};
}

bool refused(const FirstBoot& boot) { return !cloud_init(boot).has_value(); }

TEST_CASE("an edge installs, is told, and begins") {
  const auto text = cloud_init(an_edge());
  REQUIRE(text);
  const auto has = [&text](std::string_view part) {
    CAPTURE(part);
    CHECK(text->find(part) != std::string::npos);
  };
  CHECK(text->starts_with("#cloud-config\n"));
  has("CAUTION");
  has("- path: /etc/weir/edge.env\n  owner: root:root\n  permissions: \"0600\"\n  content: |\n"
      "    WEIR_DETECT=yes\n"
      "    WEIR_FLAGS=\"--controller https://c.example:8480 --public --ssh [::]:2222\"\n");
  has("- path: /etc/weir/join-token\n  owner: root:root\n  permissions: \"0600\"\n  content: |\n"
      "    weirjoin_a_b.c\n");
  has("until python3 -c \"$load\" 'https://p.example/weir.deb' \"$package\"; do\n");
  has("    echo \"" + kDigest + "  $package\" | sha256sum --check --quiet\n");
  has("    systemctl enable --now --no-block weir-edge.service\n");
  const auto documents = config::read_yaml(*text);
  REQUIRE(documents);
  CHECK(documents->size() == 1);
}

TEST_CASE("the package may come from a repository, or be there") {
  FirstBoot boot = an_edge();
  boot.package = {.url = {}, .sha256 = {}, .repository = "https://p.example/debian stable main", .key = kKey};
  auto text = cloud_init(boot);
  REQUIRE(text);
  CHECK(text->contains("      source: \"deb [signed-by=$KEY_FILE] https://p.example/debian stable main\"\n"));
  CHECK(text->contains("      key: |\n        -----BEGIN PGP PUBLIC KEY BLOCK-----\n\n        mQ==\n"));
  CHECK(text->contains("\npackages: [weir]\n"));
  CHECK_FALSE(text->contains("python3"));
  CHECK(config::read_yaml(*text).has_value());

  boot.package = {};
  boot.files = {};
  text = cloud_init(boot);
  REQUIRE(text);
  CHECK_FALSE(text->contains("apt"));
  CHECK_FALSE(text->contains("CAUTION"));  // there is no secret in it
}

TEST_CASE("a node gets podman and nft besides") {
  FirstBoot boot = an_edge();
  boot.role = "node";
  auto text = cloud_init(boot);
  REQUIRE(text);
  CHECK(text->contains("install \"$package\" podman netavark nftables; }\n"));
  CHECK(text->contains("    systemctl enable --now --no-block weir-node.service\n"));
  boot.package = {.url = {}, .sha256 = {}, .repository = "https://p.example/debian stable main", .key = kKey};
  text = cloud_init(boot);
  REQUIRE(text);
  CHECK(text->contains("\npackages: [weir, podman, netavark, nftables]\n"));
  CHECK(config::read_yaml(*text).has_value());
}

TEST_CASE("nothing that is put in becomes more than a value") {
  const std::string hostile[] = {"a\nruncmd: [x]",
                                 "a b",
                                 "a'b",
                                 "a\"b",
                                 "$(reboot)",
                                 "`reboot`",
                                 "a;b",
                                 "a\\b",
                                 "a#b",
                                 "a|b",
                                 "{a}",
                                 "a*",
                                 "!a",
                                 "",
                                 "a\tb",
                                 "a\x7f"
                                 "b",
                                 "\xc3\xa9",
                                 std::string("a\0b", 3)};
  for (const std::string& text : hostile) {
    CAPTURE(text);
    FirstBoot boot = an_edge();
    boot.flags.push_back(text);
    CHECK(refused(boot));
    boot = an_edge();
    boot.role = "edge" + text;
    CHECK((text.empty() || refused(boot)));
    boot = an_edge();
    boot.package.url = "https://p.example/" + text;
    CHECK((text.empty() || refused(boot)));
    boot = an_edge();
    boot.package.sha256 = kDigest.substr(1) + text;
    CHECK(refused(boot));
    boot = an_edge();
    boot.files.front().path += text;
    CHECK((text.empty() || refused(boot)));
    boot = an_edge();
    boot.package = {.url = {}, .sha256 = {}, .repository = "https://p.example/a stable " + text, .key = kKey};
    CHECK((text == "a b" || text.empty() || refused(boot)));
  }
}

TEST_CASE("what of the package does not go together is refused") {
  const PackageSource wrong[] = {
      {.url = "https://p.example/weir.deb", .sha256 = {}, .repository = {}, .key = {}},
      {.url = {}, .sha256 = kDigest, .repository = {}, .key = {}},
      {.url = "ftp://p.example/weir.deb", .sha256 = kDigest, .repository = {}, .key = {}},
      {.url = "https://", .sha256 = kDigest, .repository = {}, .key = {}},
      {.url = "https://p.example/weir.deb", .sha256 = std::string(64, 'A'), .repository = {}, .key = {}},
      {.url = "https://p.example/weir.deb",
       .sha256 = kDigest,
       .repository = "https://p.example a",
       .key = kKey},
      {.url = {}, .sha256 = {}, .repository = "https://p.example stable main", .key = {}},
      {.url = {}, .sha256 = {}, .repository = "https://p.example", .key = kKey},
      {.url = {}, .sha256 = {}, .repository = "https://p.example  stable", .key = kKey},
      {.url = {}, .sha256 = {}, .repository = "https://p.example ", .key = kKey},
      {.url = {}, .sha256 = {}, .repository = "https://p.example stable", .key = "a key"},
      {.url = {}, .sha256 = {}, .repository = {}, .key = kKey},
  };
  for (const PackageSource& package : wrong) {
    CAPTURE(package.url);
    CAPTURE(package.repository);
    FirstBoot boot = an_edge();
    boot.package = package;
    CHECK(refused(boot));
  }
}

TEST_CASE("a file's lines stay within their block") {
  const auto content_of = [](const std::string& content) {
    FirstBoot boot = an_edge();
    boot.files = {{std::string(kAgentFilePath), content}};
    return cloud_init(boot);
  };
  const auto text = content_of("a:\n  - b\n\nruncmd:\n- reboot\n# \xc3\xa9 \xe2\x82\xac\n");
  REQUIRE(text);
  CHECK(text->contains("  content: |\n    a:\n      - b\n\n    runcmd:\n    - reboot\n"));
  for (const std::string& wrong :
       {std::string(" a\n"), std::string("\na\n"), std::string("a"), std::string("a\r\n"),
        std::string("a\x1b[2J\n"), std::string("a\x7f\n"), std::string("\xc2\x85\n"), std::string("\xff\n"),
        std::string("\xe2\x80\xa8\n"), std::string("\xe2\x82\n"), std::string("\xc3"),
        std::string("a\0\n", 3),
        std::string("\xef\xbb\xbf"
                    "a\n"),
        std::string("\xed\xa0\x80\n"), std::string("a\tb\n")}) {
    CAPTURE(wrong);
    const auto answer = content_of(wrong);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().contains("/etc/weir/agent.yaml"));
  }
}

TEST_CASE("what no cloud takes is refused") {
  FirstBoot boot = an_edge();
  boot.files.front().content = std::string(kUserDataBytesMax, 'a') + '\n';
  const auto answer = cloud_init(boot);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().contains("16384"));
}

}  // namespace
}  // namespace weir::client
