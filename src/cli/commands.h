// Commands: the table of all of them. A command is a file, a line here, and its flags: in api_flags.h,
// role_flags.h or local_flags.h. One that works without the API has another line in local_commands.h.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "cli/api_flags.h"
#include "cli/arguments.h"
#include "cli/flags.h"
#include "cli/local_flags.h"
#include "cli/role_flags.h"
#include "client/terminal.h"
#include "net/task.h"

namespace weir::cli {

using client::printable;
using client::Terminal;

// Exit codes.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;    // refused or failed
inline constexpr int kBadUsage = 2;  // nothing was tried

struct Session;

// What works with the API. Gives its exit code, and is in the file of its name.
using ApiCommand = net::Task<int> (*)(Session& session, const Arguments& arguments);

net::Task<int> apply_command(Session& session, const Arguments& arguments);
net::Task<int> plan_command(Session& session, const Arguments& arguments);
net::Task<int> rollback_command(Session& session, const Arguments& arguments);
net::Task<int> get_command(Session& session, const Arguments& arguments);
net::Task<int> describe_command(Session& session, const Arguments& arguments);
net::Task<int> delete_command(Session& session, const Arguments& arguments);
// The topic of explain that is neither an id nor a kind.
inline constexpr std::string_view kDnsTopic = "dns";
net::Task<int> explain_command(Session& session, const Arguments& arguments);
net::Task<int> token_command(Session& session, const Arguments& arguments);
net::Task<int> login_command(Session& session, const Arguments& arguments);
net::Task<int> logout_command(Session& session, const Arguments& arguments);
net::Task<int> user_command(Session& session, const Arguments& arguments);
net::Task<int> image_command(Session& session, const Arguments& arguments);
net::Task<int> provider_command(Session& session, const Arguments& arguments);
net::Task<int> bootstrap_command(Session& session, const Arguments& arguments);
net::Task<int> join_command(Session& session, const Arguments& arguments);
net::Task<int> leave_command(Session& session, const Arguments& arguments);
net::Task<int> resolve_command(Session& session, const Arguments& arguments);
net::Task<int> logs_command(Session& session, const Arguments& arguments);
net::Task<int> exec_command(Session& session, const Arguments& arguments);
net::Task<int> rollout_command(Session& session, const Arguments& arguments);
net::Task<int> top_command(Session& session, const Arguments& arguments);

struct Command {
  std::string_view word;
  std::string_view usage;  // behind the word
  std::string_view doc;    // one line
  std::span<const Flag> flags;
  std::string (*check)(Arguments& arguments) = nullptr;  // of its flags together: what is wrong, or nothing
  ApiCommand with_api = nullptr;  // takes kApiFlags too; null: it works by itself, on this machine
};

inline constexpr std::array kCommands{
    Command{"up", "[FLAG...]", "starts everything in one process", kUpFlags, check_controller},
    Command{"controller", "[FLAG...]", "starts a controller: API, store, and discovery for edges elsewhere",
            kControllerFlags, check_controller},
    Command{"edge", "--controller URL [--join-token TOKEN] | --xds HOST:PORT [FLAG...]",
            "starts an edge that is led by controllers elsewhere", kEdgeFlags, check_edge},
    Command{"dns", "--controller URL [--join-token TOKEN] [FLAG...]",
            "starts a name server that is led by controllers elsewhere", kDnsFlags, check_dns},
    Command{"agent", "--config FILE [FLAG...]",
            "brings origins of this machine, or of those near it, to edges", kAgentFlags},
    Command{"connect", "--port PORT [--name NAME] [FLAG...]",
            "brings one origin to edges, and shows where visitors find it and what they ask for",
            kConnectFlags},
    Command{"node",
            "--controller URL [--join-token TOKEN] [FLAG...] | --instances FILE [FLAG...] | "
            "logs INSTANCE [-f] [--since DURATION]",
            "runs instances of containers by the podman of this machine; shows what one wrote", kNodeFlags,
            check_node},
    Command{"apply", "-f FILE|- [-f FILE...] [--rollout NAME]",
            "makes the objects of files so, all or none; or in waves", kApplyFlags, nullptr, apply_command},
    Command{"plan", "-f FILE|- [-f FILE...] [-o table|json|yaml]",
            "what apply would change, field by field, and what each edge would see of it", kPlanFlags,
            nullptr, plan_command},
    Command{"logs", "WORKLOAD|INSTANCE|tunnels/NAME [-f] [--since DURATION] [--tail N] [FLAG...]",
            "what the instances of a workload write, from all its cities in the order of time; or one of "
            "them; or "
            "the requests that come to a tunnel",
            kLogsFlags, nullptr, logs_command},
    Command{"exec", "INSTANCE [--container NAME] [-t] -- COMMAND [ARGUMENT...]",
            "runs a command in an instance, with this terminal or these streams; ends with its exit code",
            kExecFlags, check_exec, exec_command},
    Command{"rollout", "status WORKLOAD [--wait]",
            "how far an update of a workload has come, city by city; ends with 0 when all of it runs",
            kRolloutFlags, check_rollout, rollout_command},
    Command{"top",
            "",
            "what load balancers, services and edges carry now: rate, errors, latency, health; a screen, or "
            "once as text",
            {},
            nullptr,
            top_command},
    Command{"rollback", "REVISION [--dry-run]", "makes all that edges carry what it was at a revision",
            kRollbackFlags, nullptr, rollback_command},
    Command{"get", "KIND [NAME] [-o table|json|yaml] [-w] [-l KEY=VALUE]", "prints objects", kGetFlags,
            check_get, get_command},
    Command{"describe", "KIND NAME", "one object for people: spec, status and its recent events",
            kObjectFlags, check_object, describe_command},
    Command{"delete", "KIND NAME", "deletes an object", kObjectFlags, check_object, delete_command},
    Command{
        "explain", "ID | --request 'GET http://HOST/PATH' | dns NAME [TYPE] | KIND[.FIELD]",
        "why a request was answered as it was, what would be done with one or with a query of DNS, or what "
        "a field means",
        kExplainFlags, check_explain, explain_command},
    Command{
        "token",
        "create [NAME] [--join edge|node | --for USER | --service SERVICE... | --role ROLE] [FLAG...]",
        "makes a token and prints it, once: for a person, a program, a machine or a service that is to join, "
        "or an agent",
        kTokenFlags, check_token, token_command},
    Command{"login", "[--api URL] [--token-file FILE|-]",
            "logs in to an API by a code that somebody approves in a browser, and keeps the session for this "
            "user",
            kLoginFlags, nullptr, login_command},
    Command{"logout", "", "ends that session and forgets it", {}, nullptr, logout_command},
    Command{"user", "create EMAIL [--role ROLE] [--organization NAME]",
            "makes an account, whose password it asks for or reads from stdin", kUserFlags, check_user,
            user_command},
    Command{
        "bootstrap", "--envoy --node NAME [FLAG...]",
        "also `weir controller bootstrap`: registers an Envoy and prints what it begins with, key included",
        kBootstrapFlags, check_bootstrap, bootstrap_command},
    Command{
        "join", "SERVICE --port PORT [FLAG...] [-- COMMAND [ARGUMENT...]]",
        "makes what serves at a port of this machine a member of a service, until it is told to end, or for "
        "as long as the command runs, which it starts",
        kJoinFlags, check_join, join_command},
    Command{"leave", "SERVICE [--name NAME]", "takes out of a service what has joined it from this machine",
            kLeaveFlags, nullptr, leave_command},
    Command{"resolve", "SERVICE|[INSTANCE.]TYPE [--version VERSION] [--dns SERVER] [-o text|env|json] [-w]",
            "where a service can be reached: by priority, weight and health", kResolveFlags, nullptr,
            resolve_command},
    Command{"provider", "plan|sync NAME [--force] [--dry-run]",
            "what zones lack at a provider of DNS to be as they are here, or writes it there now",
            kProviderFlags, nullptr, provider_command},
    Command{"image", "push NAME[:TAG] ARCHIVE | list | delete NAME[:TAG]",
            "keeps images with the controller, which nodes get as weir/NAME:TAG", kImageFlags, check_image,
            image_command},
    Command{"metadata", "[-o table|env|json]",
            "which cloud this machine is in: region, addresses and instance, as the cloud tells them",
            kMetadataFlags},
    Command{"cloud-init", "ROLE [--token-file FILE] [--package URL --sha256 DIGEST] [FLAG...]",
            "prints the user-data by which a new machine of any cloud becomes an edge, a name server, a "
            "node, a controller or an agent",
            kCloudInitFlags},
    Command{"ca", "[--data-dir DIR] [--ssh]",
            "prints the certificate of weir's own authority, for those who shall trust it", kCaFlags},
    Command{"store", "copy [--from STORE] --to STORE",
            "copies a store with its history into an empty one, such as from SQLite to PostgreSQL",
            kStoreFlags, check_store},
    Command{"upgrade", "[--data-dir DIR] [--binary FILE] [FLAG...]",
            "puts this binary in the place of the weir that runs there, without a gap", kUpgradeFlags},
    Command{"completion", "bash|zsh|fish",
            "prints what that shell needs to complete command lines of weir, names of objects included",
            kCompletionFlags},
    Command{"version", "", "prints the version", {}},
    Command{"help", "[TOPIC] [--man]", "explains a command or a kind of objects", kHelpFlags},
};

// Null: there is none.
inline const Command* find_command(std::string_view word) {
  const auto* found = std::ranges::find(kCommands, word, &Command::word);
  return found == kCommands.end() ? nullptr : found;
}

// weir help and weir version (help.cc).
int help_command(const Arguments& arguments, Terminal& terminal);
int version_command(const Arguments& arguments, Terminal& terminal);
// docs/cli.md: every command and flag.
std::string cli_reference();

}  // namespace weir::cli
