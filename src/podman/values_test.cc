#include "podman/values.h"

#include <doctest/doctest.h>

#include <string>

namespace weir::podman {
namespace {

TEST_CASE("a container is asked for with all that it may and may not do") {
  ContainerSpec spec{.name = "web-0.app", .image = "localhost/web:1"};
  CHECK(to_json(spec) ==
        R"({"name":"web-0.app","image":"localhost/web:1","labels":{},"netns":{"nsmode":"bridge"},)"
        R"("cap_drop":["ALL"],"no_new_privileges":true,"read_only_filesystem":false,"resource_limits":{},)"
        R"("stop_timeout":10,"restart_policy":"no","log_configuration":{"driver":"k8s-file","size":0}})");
  spec.entrypoint = {"/bin/sh"};
  spec.command = {"-c", "id"};
  spec.env = {{"A", "b"}};
  spec.host_name = "web-0";
  spec.user = "1000";
  spec.labels = {{"weir.node", "x"}};
  spec.ports = {{.container_port = 80, .host_port = 8080, .host_address = "127.0.0.1"},
                {.container_port = 53, .host_port = 53, .host_address = {}, .udp = true}};
  spec.mounts = {{"web-0.data", "/data", false}, {"web-0.config", "/config", true}};
  spec.capabilities = {"CAP_CHOWN"};
  spec.read_only_root = true;
  spec.cpu_milli = 250;
  spec.memory_bytes = 64 << 20;
  spec.pids_max = 100;
  spec.log_bytes_max = 1000;
  spec.stop_seconds = 3;
  CHECK(to_json(spec) ==
        R"({"name":"web-0.app","image":"localhost/web:1","entrypoint":["/bin/sh"],"command":["-c","id"],)"
        R"("env":{"A":"b"},"user":"1000","labels":{"weir.node":"x"},"netns":{"nsmode":"bridge"},)"
        R"("hostname":"web-0","portmappings":[{"container_port":80,"host_port":8080,)"
        R"("host_ip":"127.0.0.1","protocol":"tcp"},{"container_port":53,"host_port":53,"host_ip":"",)"
        R"("protocol":"udp"}],"volumes":[{"Name":"web-0.data","Dest":"/data",)"
        R"("Options":["rw","U","nosuid","nodev"]},{"Name":"web-0.config","Dest":"/config",)"
        R"("Options":["ro","U","nosuid","nodev"]}],"cap_drop":["ALL"],"cap_add":["CAP_CHOWN"],)"
        R"("no_new_privileges":true,"read_only_filesystem":true,"resource_limits":{)"
        R"("cpu":{"quota":25000,"period":100000},"memory":{"limit":67108864,"swap":67108864},)"
        R"("pids":{"limit":100}},"stop_timeout":3,"restart_policy":"no",)"
        R"("log_configuration":{"driver":"k8s-file","size":1000}})");
}

TEST_CASE("a container that shares another's network has no host name and no ports of its own") {
  const std::string json = to_json({.name = "a.b",
                                    .image = "i",
                                    .host_name = "a",
                                    .network_of = "a.a",
                                    .ports = {{.container_port = 1, .host_port = 2}}});
  CHECK(json.contains(R"("netns":{"nsmode":"container","value":"a.a"})"));
  CHECK_FALSE(json.contains("hostname"));
  CHECK_FALSE(json.contains("portmappings"));
}

TEST_CASE("a container may be on a bridge of a name") {
  const std::string json = to_json({.name = "a.b", .image = "i", .network = "weir-a"});
  CHECK(json.contains(R"("netns":{"nsmode":"bridge"},"networks":{"weir-a":{}},)"));
}

TEST_CASE("other questions") {
  CHECK(exec_json({.command = {"a", "b c"}}) ==
        R"({"Cmd":["a","b c"],"AttachStdout":true,"AttachStderr":true})");
  CHECK(exec_start_json({.rows = 2, .columns = 3}) == R"({"Detach":false,"Tty":false})");
  const ExecSpec terminal{.command = {"a"}, .input = true, .terminal = true, .rows = 24, .columns = 80};
  CHECK(exec_json(terminal) ==
        R"({"Cmd":["a"],"AttachStdout":true,"AttachStderr":true,"AttachStdin":true,"Tty":true,)"
        R"("Env":["TERM=xterm"],"DetachKeys":"ctrl-@,ctrl-_,ctrl-@,ctrl-_"})");
  CHECK(exec_start_json(terminal) == R"({"Detach":false,"Tty":true,"h":24,"w":80})");
  CHECK(volume_json("a.v", {{"k", "v"}}) == R"({"Name":"a.v","Label":{"k":"v"}})");
  CHECK(network_json({.name = "weir-a", .interface = "weirn-1", .labels = {{"k", "v"}}}) ==
        R"({"name":"weir-a","driver":"bridge","network_interface":"weirn-1","dns_enabled":false,)"
        R"("labels":{"k":"v"}})");
  CHECK(reference_filter("a/b") == "filters=%7B%22reference%22%3A%5B%22a%2Fb%22%5D%7D");
  CHECK(label_filter({{"a", "b"}, {"c", ""}}) == "filters=%7B%22label%22%3A%5B%22a%3Db%22%2C%22c%22%5D%7D");
  CHECK(auth_field({"u", "p>?>"}) == "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InA-Pz4ifQ==");
}

TEST_CASE("answers are read, and what is none is refused") {
  const auto containers =
      read_containers(R"([{"Id":"1","Names":["a.b"],"State":"exited","ExitCode":3,"Labels":{"k":"v","n":1}},)"
                      R"({"Id":"2","Names":["c"],"State":"running","ExitCode":-1,"Labels":null}])");
  REQUIRE(containers);
  CHECK(*containers ==
        std::vector<Container>{{"1", "a.b", "exited", 3, {{"k", "v"}}}, {"2", "c", "running", -1, {}}});
  CHECK(read_containers("[]")->empty());
  const auto inspected =
      read_inspected(R"({"Id":"1","State":{"Running":true,"ExitCode":137,"OOMKilled":true,"Error":"e"},)"
                     R"("NetworkSettings":{"IPAddress":"10.88.0.2"}})");
  REQUIRE(inspected);
  CHECK(inspected->address == "10.88.0.2");
  CHECK(inspected->running);
  CHECK(inspected->out_of_memory);
  CHECK(inspected->exit_code == 137);
  CHECK(inspected->error == "e");
  CHECK(read_inspected(R"({"Id":"1","NetworkSettings":{"Networks":{"n":{"IPAddress":"10.1.0.1"}}}})")
            ->address == "10.1.0.1");
  const auto usage =
      read_usage(R"({"Error":null,"Stats":[{"Name":"a.b","CPUNano":5,"MemUsage":6,"MemLimit":7,"PIDs":8}]})");
  REQUIRE(usage);
  REQUIRE(usage->size() == 1);
  CHECK(usage->front().cpu_nanoseconds == 5);
  CHECK(usage->front().memory_bytes == 6);
  CHECK(usage->front().memory_limit_bytes == 7);
  CHECK(usage->front().processes == 8);
  CHECK(read_usage(R"({"Stats":null})")->empty());
  CHECK(*read_volumes(R"([{"Name":"a.v"}])") == std::vector<std::string>{"a.v"});
  CHECK(*read_id(R"({"Id":"1"})") == "1");
  CHECK(*read_names(R"({"Names":["a","b"]})") == std::vector<std::string>{"a", "b"});
  const auto exec = read_exec(R"({"ExitCode":4,"Running":true,"Pid":77})");
  REQUIRE(exec);
  CHECK(exec->exit_code == 4);
  CHECK(exec->running);
  CHECK(exec->process == 77);
  CHECK(*read_version(R"({"Version":"4.3.1"})") == "4.3.1");
  CHECK(read_pull_error(R"({"error":"no"})") == "no");
  CHECK(read_pull_error(R"({"stream":"yes"})").empty());
  for (const char* wrong : {"", "{", "[{}]", "[1]", "3", R"([{"Id":"1"}])", R"({"Id":3})"}) {
    CAPTURE(wrong);
    CHECK_FALSE(read_containers(wrong));
    CHECK_FALSE(read_inspected(wrong));
    CHECK_FALSE(read_volumes(wrong));
    CHECK_FALSE(read_id(wrong));
    CHECK_FALSE(read_names(wrong));
    CHECK_FALSE(read_exec(wrong));
    CHECK_FALSE(read_version(wrong));
  }
  CHECK_FALSE(read_usage("[]"));
}

TEST_CASE("a refusal becomes one sentence") {
  struct Row {
    const char* cause;
    const char* message;
    const char* sentence;
  };
  const Row rows[] = {
      {"image not known", "localhost/nope:1: image not known", "the image localhost/web:1 is not there"},
      {"OCI runtime attempted to invoke a command that was not found",
       "runc: runc create failed: unable to start container process: exec: \"nope\": executable file not "
       "found in "
       "$PATH: OCI runtime attempted to invoke a command that was not found",
       "the command nope is not in the image"},
      {"OCI runtime attempted to invoke a command that was not found", "crun: it is not",
       "the command serve is not in the image"},
      {"OCI permission denied", "runc: exec: \"/etc\": permission denied: OCI permission denied",
       "the command /etc may not be executed"},
      {"address already in use",
       "cannot listen on the TCP port: listen tcp4 127.0.0.1:18080: bind: address already in use",
       "the port 18080 is taken"},
      {"address already in use", "address already in use", "the port is taken"},
      {"no matching entries in passwd file", "unable to find user nobody: no matching entries in passwd file",
       "the user nobody is not in the image"},
      {"that name is already in use",
       "creating container storage: the container name \"b\" is already in use by 58. You have to remove "
       "that "
       "container to be able to reuse that name: that name is already in use",
       "the name b is taken by a container that is not of this node"},
      {"no such container", "no container with name or ID \"l\" found: no such container",
       "the container is not there"},
      {"", "", "podman refuses, and does not say why"},
      {"odd", "", "podman: odd"},
      {"odd", "something\nelse", "podman: something?else"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    CHECK(sentence_of({row.cause, row.message}, "localhost/web:1", "serve") == row.sentence);
  }
  CHECK(sentence_of({"", std::string(5000, 'x')}, "", "").size() < 400);
  CHECK(read_refusal(R"({"cause":"c","message":"m","response":500})").message == "m");
  CHECK(read_refusal("<html>").message == "<html>");
  CHECK(read_refusal(std::string(5000, 'x')).message.size() < 400);
}

}  // namespace
}  // namespace weir::podman
