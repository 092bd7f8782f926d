// weir delete: deletes an object.
#include <string>

#include "cli/commands.h"
#include "cli/session.h"

namespace weir::cli {

net::Task<int> delete_command(Session& session, const Arguments& arguments) {
  const config::KindInfo* kind = kind_meant(arguments.kind, session.terminal);
  if (kind == nullptr) co_return kBadUsage;
  if (!kind->client_writes) {
    session.terminal.say("weir: " + std::string(kind->plural) +
                         " are made by the server; they can't be deleted");
    co_return kFailed;
  }
  const auto answer = co_await session.api.ask(http::Method::kDelete, path_of(*kind, arguments.name));
  if (!session.content_of(answer)) co_return kFailed;
  session.terminal.print(shown_name(kind->name, arguments.name) + " deleted\n");
  co_return kDone;
}

}  // namespace weir::cli
