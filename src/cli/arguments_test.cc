#include "cli/arguments.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace weir::cli {
namespace {

using Words = std::vector<std::string>;

std::expected<Arguments, std::string> parse(const Words& words) { return parse_arguments(words, 3); }

// What was understood, as one line.
std::string told(const Words& words) {
  const auto arguments = parse(words);
  if (!arguments) return "error: " + arguments.error();
  std::string text(arguments->command->word);
  const auto add = [&text](std::string_view name, std::string_view value) {
    if (!value.empty()) text.append(" ").append(name).append("=").append(value);
  };
  add("api", arguments->api.value_or(""));
  add("token", arguments->token.value_or(""));
  for (const std::string& file : arguments->files) add("file", file);
  add("kind", arguments->kind);
  add("name", arguments->name);
  add("format", arguments->format == Format::kTable  ? ""
                : arguments->format == Format::kJson ? "json"
                                                     : "yaml");
  add("watch", arguments->watch ? "yes" : "");
  for (const std::string& label : arguments->labels) add("label", label);
  add("topic", arguments->topic);
  return text;
}

TEST_CASE("what is given is understood") {
  struct Row {
    Words words;
    std::string told;
  };
  const Row rows[] = {
      {{"apply", "-f", "web.yaml"}, "apply file=web.yaml"},
      {{"apply", "-f", "-"}, "apply file=-"},
      {{"apply", "-f", "a.yaml", "--file", "b", "--file=c"}, "apply file=a.yaml file=b file=c"},
      {{"plan", "-fweb.yaml"}, "plan file=web.yaml"},
      {{"get", "services"}, "get kind=services"},
      {{"get", "service", "web", "-o", "json"}, "get kind=service name=web format=json"},
      {{"get", "-o", "yaml", "service", "web"}, "get kind=service name=web format=yaml"},
      {{"get", "service/web"}, "get kind=service name=web"},
      {{"get", "svc", "-w", "-l", "tier=web", "-l", "stage"},
       "get kind=svc watch=yes label=tier=web label=stage"},
      {{"get", "-wo", "json", "svc"}, "get kind=svc format=json watch=yes"},
      {{"describe", "lb", "web"}, "describe kind=lb name=web"},
      {{"delete", "endpoint/web-1"}, "delete kind=endpoint name=web-1"},
      {{"version"}, "version"},
      {{"--version"}, "version"},
      {{"help"}, "help"},
      {{"--help"}, "help"},
      {{"-h"}, "help"},
      {{"help", "service.spec"}, "help topic=service.spec"},
      {{"get", "--help"}, "help topic=get"},
      {{"apply", "-h"}, "help topic=apply"},
      {{"up", "--help"}, "help topic=up"},
      // words of commands are words like others behind a command
      {{"help", "get"}, "help topic=get"},
      {{"get", "service", "up"}, "get kind=service name=up"},
      {{"delete", "service", "version"}, "delete kind=service name=version"},
      // the flags of the API stand before and behind the command
      {{"--api", "http://a:1", "get", "lb", "--token", "t"}, "get api=http://a:1 token=t kind=lb"},
      {{"get", "--api=http://a:1", "lb"}, "get api=http://a:1 kind=lb"},
      {{"apply", "-f", "x", "--token", "t"}, "apply token=t file=x"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.told);
    CHECK(told(row.words) == row.told);
  }
}

struct Refusal {
  Words words;
  std::string sentence;  // a part of it
};

void check_refused(const std::vector<Refusal>& rows) {
  for (const Refusal& row : rows) {
    const std::string got = told(row.words);
    CAPTURE(got);
    CAPTURE(row.sentence);
    CHECK(got.starts_with("error: "));
    CHECK(got.find(row.sentence) != std::string::npos);
    CHECK(got.find('\n') == std::string::npos);
  }
}

TEST_CASE("bad usage is one sentence that says what is wrong") {
  check_refused({
      {{}, "`weir help` lists the commands"},
      {{"aply", "-f", "x"}, "there is no command \"aply\"; did you mean apply?"},
      {{"frobnicate"}, "there is no command \"frobnicate\"; `weir help`"},
      {{"serve"}, "there is no command \"serve\""},
      {{"get"}, "KIND is missing; see `weir help get`"},
      {{"get", "a", "b", "c"}, "too much is \"c\"; see `weir help get`"},
      {{"get", "svc", "--outptu", "json"}, "there is no flag \"--outptu\"; did you mean --output?"},
      {{"get", "svc", "--outptu=json"}, "there is no flag \"--outptu\"; did you mean --output?"},
      {{"get", "svc", "-o", "xml"}, "-o,--output must be table, json or yaml, not \"xml\""},
      {{"get", "svc", "-o", "json", "-o", "yaml"}, "-o,--output is given twice"},
      {{"get", "svc", "-o"}, "--output: 1 required FORMAT missing; see `weir help get`"},
      {{"get", "svc", "-l", "=web"}, "the key of a label must be"},
      {{"get", "svc", "web", "-l", "a"}, "--label does not go with a NAME"},
      {{"get", "svc", ""}, "NAME must not be empty"},
      {{"apply"}, "-f,--file is missing; see `weir help apply`"},
      {{"apply", "web.yaml"}, "too much is \"web.yaml\""},
      {{"describe", "svc"}, "NAME is missing"},
      {{"delete", "svc/"}, "NAME is missing"},
      {{"--api", "http://a", "up"}, "--api URL and --token go with the commands that call the API"},
      {{"up", "extra"}, "too much is \"extra\""},
      {{"up", "--workers", "0"}, "--workers must be a number from 1 to 1024, not \"0\""},
      {{"up", "--workers", "many"}, "--workers must be a number from 1 to 1024"},
      {{"up", "--workers", "-1"}, "--workers"},
      {{"up", "--http", "web.example:80"}, "--http must be an IP address with a port"},
      {{"up", "--http", "127.0.0.1:65536"}, "--http must be an IP address with a port"},
      {{"up", "--http", "127.0.0.1"}, "--http must be an IP address with a port"},
      {{"up", "--http", "off"}, "--http must be an IP address with a port"},
      {{"up", "--dns", "nowhere"}, "--dns must be an IP address with a port"},
      {{"up", "--domain", "no domain"}, "--domain "},
      {{"up", "--log-level", "loud"}, "--log-level must be debug, info, warning or error"},
      {{"up", "--log-format", "xml"}, "--log-format must be text or json"},
      {{"up", "--data-dir", ""}, "--data-dir must not be empty"},
      {{"up", "--store", "mysql://weir:s3cret@db"}, "--store must be a URL such as postgres://USER@HOST/"},
      {{"up", "--access-log", ""}, "--access-log must not be empty"},
      {{"up", "--access-log", "-", "--access-log", "-"}, "--access-log names stdout twice"},
      {{"up", "--traces", "host:4318"}, "--traces must be a URL such as http://127.0.0.1:4318/v1/traces"},
      {{"up", "--trace-sample", "1.1"}, "--trace-sample must be a number from 0 to 1, not \"1.1\""},
      {{"up", "--trace-sample", "-0.1"}, "--trace-sample"},
      {{"up", "--trace-sample", "nan"}, "--trace-sample must be a number from 0 to 1"},
      {{"up", "--trace-sample", "1%"}, "--trace-sample must be a number from 0 to 1"},
      {{"up", "--collector-header-file", ""}, "--collector-header-file must not be empty"},
  });
}

TEST_CASE("bad usage of roles elsewhere is one, too") {
  check_refused({
      {{"edge"}, "either --controller or --xds is needed; see `weir help edge`"},
      {{"edge", "--controller", "https://a:1", "--xds", "127.0.0.1:1"}, "either --controller or --xds"},
      {{"edge", "--controller", "http://a:1"}, "--controller must be a URL such as https://weir.example"},
      {{"edge", "--controller", "a"}, "--controller must be a URL"},
      {{"edge", "--controller", "https://a", "--xds-ca", "x"}, "--xds-ca goes with --xds"},
      {{"edge", "--controller", "https://a", "-l", "tier"}, "--label must be KEY=VALUE, not \"tier\""},
      {{"edge", "--controller", "https://a", "--name", "A b"}, "--name "},
      {{"edge", "--xds", "a.example:1"}, "--xds-ca is missing"},
      {{"edge", "--xds", "localhost:1", "--dns", "127.0.0.1:53"}, "--dns goes with --controller"},
      {{"dns"}, "--controller is missing; see `weir help dns`"},
      {{"dns", "--controller", "https://a", "--dns", "off"}, "--dns is off"},
      {{"dns", "--controller", "https://a", "--http", "127.0.0.1:80"}, "there is no flag \"--http\""},
      {{"edge", "--xds", "a.example"}, "--xds must be HOST:PORT, not \"a.example\""},
      {{"edge", "--xds", "localhost:1", "--join-token", "t"}, "--join-token goes with --controller"},
      {{"edge", "--controller", "https://a", "--join-token", "t", "--join-token-file", "f"},
       "--join-token does not go with --join-token-file"},
      {{"image"}, "ACTION is missing; see `weir help image`"},
      {{"image", "pull"}, "must be push, list or delete, not \"pull\""},
      {{"image", "list", "web"}, "list takes no NAME"},
      {{"image", "push"}, "NAME is missing"},
      {{"image", "push", "Web", "a.tar"}, "NAME must be a name and a tag such as web:1.2"},
      {{"image", "push", "web"}, "ARCHIVE is missing"},
      {{"image", "delete", "web", "a.tar"}, "delete takes no ARCHIVE"},
      {{"controller", "--image-size-max", "0"},
       "--image-size-max must be a size such as 512Mi or 8Gi, not \"0\""},
      {{"cloud-init"}, "ROLE is missing; see `weir help cloud-init`"},
      {{"cloud-init", "box"}, "ROLE must be edge, dns, node, controller, up or agent, not \"box\""},
      {{"cloud-init", "edge", "--controller", "http://a"}, "--controller must be a URL such as https://"},
      {{"explain"}, "ID or --request is missing; see `weir help explain`"},
      {{"explain", "dns"}, "NAME is missing: explain dns NAME [TYPE]"},
      {{"explain", "dns", "a", "-H", "b: c"}, "--header and --from go with --request"},
      {{"explain", "a", "--request", "b"}, "ID does not go with --request"},
      {{"explain", "a", "-H", "b: c"}, "--header and --from go with --request"},
      {{"up", "--pubic"}, "did you mean --public?"},
  });
}

UpFlags up(Words words) {
  words.insert(words.begin(), "up");
  const auto arguments = parse(words);
  REQUIRE_MESSAGE(arguments.has_value(), arguments.error());
  return arguments->up;
}

TEST_CASE("weir edge knows which addresses it shares, and how they are announced") {
  const auto shared = parse({"edge",
                             "--controller",
                             "https://a",
                             "--anycast",
                             "203.0.113.10,203.0.113.11=web",
                             "--anycast",
                             "2001:db8::1/48",
                             "--anycast-as",
                             "65001",
                             "--anycast-prepend",
                             "1",
                             "--anycast-drain-prepend",
                             "2",
                             "--anycast-drain-wait",
                             "3s",
                             "--anycast-hold",
                             "4s",
                             "--anycast-last",
                             "withdraw",
                             "--anycast-community",
                             "1:2",
                             "--bird-socket",
                             "/s",
                             "--bird-include",
                             "/i"});
  REQUIRE(shared.has_value());
  const anycast::StationOptions& station = shared->edge.anycast;
  CHECK(station.anycast.wanted.size() == 3);
  CHECK(station.anycast.site.as == 65001);
  CHECK(station.anycast.site.communities.size() == 1);
  CHECK(station.anycast.site.prepends == 1);
  CHECK(station.anycast.site.drain_prepends == 2);
  CHECK(station.anycast.policy.drain_wait == std::chrono::seconds(3));
  CHECK(station.anycast.policy.hold == std::chrono::seconds(4));
  CHECK_FALSE(station.anycast.policy.keeps_last);
  CHECK(station.bird_socket == "/s");
  CHECK(station.include_path == "/i");
  const auto wrong = [](const char* flag, const char* value) {
    const auto refused = parse({"edge", "--controller", "https://a", flag, value});
    return refused ? std::string() : refused.error();
  };
  CHECK(wrong("--anycast", "127.0.0.1").starts_with("--anycast must be an address that"));
  CHECK(wrong("--anycast-as", "65001").starts_with("--anycast is missing"));
  CHECK(wrong("--anycast-hold", "1").starts_with("--anycast-hold must be a duration"));
  CHECK(wrong("--anycast-last", "lose").starts_with("--anycast-last must be keep or withdraw"));
}

TEST_CASE("weir edge knows who leads it") {
  const auto given = parse({"edge", "--controller", "https://weir.example", "--controller", "https://[::1]:1",
                            "--join-token", "weirjoin_x", "--name", "fra-1", "--http", "127.0.0.1:1",
                            "--metrics", "9000", "-l", "tier=a"});
  REQUIRE(given.has_value());
  REQUIRE(given->edge.controllers.size() == 2);
  CHECK(given->edge.controllers[0].name == "weir.example");
  CHECK(given->edge.controllers[0].port == 443);
  CHECK(given->edge.controllers[1].name == "::1");
  CHECK(given->edge.join_token == "weirjoin_x");
  CHECK(given->edge.name == "fra-1");
  CHECK(given->edge.metrics->to_string() == "127.0.0.1:9000");
  CHECK(given->up.options.http.to_string() == "127.0.0.1:1");
  const auto foreign = parse({"edge", "--xds", "plane.example:18000", "--xds-ca", "ca.pem"});
  REQUIRE(foreign.has_value());
  CHECK(foreign->edge.xds->name == "plane.example");
  CHECK(foreign->edge.xds->port == 18000);
}

TEST_CASE("weir up has the defaults of the contract") {
  const UpOptions options = up({}).options;
  CHECK(options.data_dir == "./weir-data");
  CHECK(options.store.empty());
  CHECK(up({"--store", "postgres://weir@db/weir"}).options.store == "postgres://weir@db/weir");
  CHECK(options.api.to_string() == "127.0.0.1:8480");
  CHECK(options.http.to_string() == "127.0.0.1:8080");
  CHECK(options.domain == "weir.localhost");
  CHECK(options.workers == 3);
  CHECK(options.log_level == Level::kInfo);
  CHECK(!options.log_json);
  CHECK(options.access_log.empty());
  CHECK(up({"--access-log", "./a.log"}).options.access_log.front().path == "./a.log");
  CHECK(up({"--access-log", "off"}).options.access_log.empty());
  CHECK(options.traces.empty());
  CHECK(options.trace_sample == 0.01);
  CHECK(up({"--traces", "http://127.0.0.1:4318/v1/traces"}).options.traces ==
        "http://127.0.0.1:4318/v1/traces");
  CHECK(up({"--traces", "off"}).options.traces.empty());
  CHECK(up({"--trace-sample", "1"}).options.trace_sample == 1);
  const auto several = up({"--access-log", "-", "--access-log", "https://logs.example/in"}).options;
  REQUIRE(several.access_log.size() == 2);
  CHECK(several.access_log[0].kind == record::AccessLogTarget::Kind::kStdout);
  CHECK(several.access_log[1].kind == record::AccessLogTarget::Kind::kCollector);
  CHECK(up({"--access-log-spool", "2Gi"}).options.access_log_spool == std::uint64_t{2} << 30U);
  // and the help says the same
  const auto preset = [](std::string_view name) {
    const auto* flag = std::ranges::find(kUpFlags, name, &Flag::names);
    return flag == kUpFlags.end() ? std::string_view("(none)") : flag->preset;
  };
  CHECK(preset("--data-dir") == options.data_dir);
  CHECK(preset("--api") == options.api.to_string());
  CHECK(preset("--http") == options.http.to_string());
  CHECK(preset("--domain") == options.domain);
  CHECK(preset("--https") == options.https->to_string());
  CHECK(preset("--ssh") == "127.0.0.1:2222");
  CHECK(preset("--tunnel") == "127.0.0.1:8444");
  CHECK(preset("--dns") == "127.0.0.1:8053");
  CHECK(preset("--xds") == "127.0.0.1:18000");
}

TEST_CASE("what goes with --join of weir token create, and what does not") {
  const auto wrong = [](Words words) {
    words.insert(words.begin(), "token");
    const auto parsed = parse_arguments(words, 1);
    return parsed ? "fine" : parsed.error();
  };
  CHECK(wrong({"create"}) == "fine");
  CHECK(wrong({"create", "a", "--join", "edge", "--uses", "5", "--valid-for", "1h"}) == "fine");
  CHECK(wrong({"revoke"}).starts_with("must be create, not \"revoke\""));
  CHECK(wrong({"create", "--uses", "5"}).starts_with("--as, --uses, "));
  CHECK(wrong({"create", "--join", "edge", "--role", "admin"}).starts_with("--role does not go with --join"));
  CHECK(wrong({"create", "--join", "edge", "--uses", "0"}).starts_with("--uses must be a number"));
  CHECK(wrong({"create", "--service", "web", "--service", "db", "--valid-for", "1h"}) == "fine");
  CHECK(wrong({"create", "--service", "web", "--role", "admin"}).starts_with("--service does not go with"));
  CHECK(wrong({"create", "--service", "web", "--for", "ada"}).starts_with("--service does not go with"));
  CHECK(wrong({"create", "--role", "editor", "--user", "ann", "--organization", "acme", "--scope",
               "*:read"}) == "fine");
  CHECK(wrong({"create", "--join", "edge", "--scope", "*:read"}).starts_with("--user and --scope do not go"));
  CHECK(wrong({"create", "--for", "ada", "--user", "ann"}).starts_with("--user and --scope do not go"));
  CHECK(wrong({"create", "--valid-for", "soon"}).starts_with("--valid-for must be a duration"));
}

TEST_CASE("the names of the API's certificate") {
  const UpOptions options = up({"--api-name", "Weir.Example", "--api-name", "192.0.2.7"}).options;
  CHECK(options.api_names == std::vector<std::string>{"weir.example", "192.0.2.7"});
  CHECK(options.api_over_tls());
  CHECK_FALSE(up({}).options.api_over_tls());
  CHECK(up({"--public"}).options.api_over_tls());
  CHECK_FALSE(parse_arguments(Words{"up", "--api-name", "a b"}, 1).has_value());
}

TEST_CASE("anybody can sign up where nobody else comes, and elsewhere when somebody says so") {
  struct Case {
    std::vector<std::string> flags;
    bool open;
  };
  for (const Case& one : std::vector<Case>{{{}, true},
                                           {{"--https", "off", "--xds", "off"}, true},
                                           {{"--public"}, false},
                                           {{"--http", "0.0.0.0:80"}, false},
                                           {{"--https", "[::]:443"}, false},
                                           {{"--xds", "10.0.0.1:18000"}, false},
                                           {{"--api", "10.0.0.1:8480"}, false},
                                           {{"--public", "--sign-up", "open"}, true},
                                           {{"--sign-up", "closed"}, false}}) {
    CAPTURE(one.flags);
    CHECK(up(one.flags).options.lets_sign_up() == one.open);
  }
}

TEST_CASE("nothing listens beyond loopback until --public or an address says so") {
  struct Row {
    Words words;
    std::string http;
    std::string api;
  };
  const Row rows[] = {
      {{}, "127.0.0.1:8080", "127.0.0.1:8480"},
      {{"--public"}, "[::]:8080", "[::]:8480"},
      {{"--http", "10.1.2.3:80"}, "10.1.2.3:80", "127.0.0.1:8480"},
      {{"--http", "[::]:80"}, "[::]:80", "127.0.0.1:8480"},
      {{"--http", "8081"}, "127.0.0.1:8081", "127.0.0.1:8480"},
      {{"--http", "localhost:8081"}, "127.0.0.1:8081", "127.0.0.1:8480"},
      {{"--public", "--http", "8081"}, "[::]:8081", "[::]:8480"},
      {{"--public", "--api", "127.0.0.1:9000"}, "[::]:8080", "127.0.0.1:9000"},
      {{"--api", "localhost:0", "--public"}, "[::]:8080", "127.0.0.1:0"},
  };
  for (const Row& row : rows) {
    const UpOptions options = up(row.words).options;
    CHECK(options.http.to_string() == row.http);
    CHECK(options.api.to_string() == row.api);
  }
}

TEST_CASE("the name server listens on loopback, where it is told to, or nowhere") {
  CHECK(up({}).options.dns->to_string() == "127.0.0.1:8053");
  CHECK(up({"--public"}).options.dns->to_string() == "[::]:8053");
  CHECK(!up({"--dns", "off"}).options.dns);
  const UpOptions given = up({"--dns", "192.0.2.1:53", "--public"}).options;
  CHECK(given.dns->to_string() == "192.0.2.1:53");
  CHECK(!given.dns_is_preset);

  const auto edge = [](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"edge", "--controller", "https://a"});
    return parse(flags)->up.options.dns;
  };
  CHECK(!edge({}));
  CHECK(!edge({"--public"}));
  CHECK(edge({"--dns", "192.0.2.1:53"})->to_string() == "192.0.2.1:53");
  CHECK(parse({"dns", "--controller", "https://a"})->up.options.dns->to_string() == "127.0.0.1:8053");
  CHECK(parse({"dns", "--controller", "https://a", "--public"})->up.options.dns->to_string() == "[::]:8053");
}

TEST_CASE("what weir up is told about itself is kept") {
  const UpOptions options =
      up({"--data-dir", "/d", "--domain", "Edge.Example", "--workers", "7", "--provider", "hetzner",
          "--region", "fsn1", "--city", "Falkenstein", "--log-level", "debug", "--log-format", "json"})
          .options;
  CHECK(options.data_dir == "/d");
  CHECK(options.domain == "edge.example");
  CHECK(options.workers == 7);
  CHECK(options.provider == "hetzner");
  CHECK(options.region == "fsn1");
  CHECK(options.city == "Falkenstein");
  CHECK(options.log_level == Level::kDebug);
  CHECK(options.log_json);
}

TEST_CASE("every command is found by its word") {
  for (const Command& command : kCommands) {
    CAPTURE(command.word);
    CHECK(find_command(command.word) == &command);
  }
  CHECK(find_command("explode") == nullptr);
}

TEST_CASE("a label without a value has an empty one") {
  const std::vector<std::string> written{"stage", "team=web", "note=a=b"};
  CHECK(labels_of(written) == config::Labels{{"stage", ""}, {"team", "web"}, {"note", "a=b"}});
}

}  // namespace
}  // namespace weir::cli
