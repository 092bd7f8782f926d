// Updates by DNS that weir up carries out itself (up.h).
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "program/up.h"
#include "role/control_plane.h"

namespace weir::program {
namespace {

constexpr int kServerErrors = 500;  // statuses of problems that are not the client's

std::vector<api::Intent> intents_of(dnsupdate::UpdatePlan plan) {
  std::vector<api::Intent> intents;
  for (config::Object& object : plan.puts) {
    std::string name = object.metadata.name;
    intents.push_back({.verb = api::Verb::kApply,
                       .kind = config::Kind::kRecordSet,
                       .name = std::move(name),
                       .wanted = std::move(object),
                       .patch = {},
                       .precondition = {}});
  }
  for (std::string& name : plan.deletions) {
    intents.push_back({.verb = api::Verb::kDelete,
                       .kind = config::Kind::kRecordSet,
                       .name = std::move(name),
                       .wanted = {},
                       .patch = {},
                       .precondition = {}});
  }
  return intents;
}

// With what is wrong first.
std::string reason_of(const api::Problem& problem) {
  if (problem.violations.empty()) return problem.detail;
  return problem.detail + ": " + config::to_text(problem.violations);
}

}  // namespace

net::Task<dns::Rcode> carry_out_update(Log& log, role::ControlPlane& control,
                                       dnsupdate::UpdateRequest request) {
  std::optional<dnsupdate::UpdateRefusal> refusal;  // of the last plan
  const auto source = [&request,
                       &refusal](const config::Whole& world) -> api::Answer<std::vector<api::Intent>> {
    auto plan = dnsupdate::plan_update(request, world);
    refusal.reset();
    if (plan) return intents_of(std::move(*plan));
    refusal = plan.error();
    return api::refuse(422, "refused", plan.error().reason);
  };
  const auto written = co_await control.write(source, {"tsig/" + request.secret, request.from});
  if (written) co_return dns::Rcode::kNoError;
  const dns::Rcode rcode = refusal                                   ? refusal->rcode
                           : written.error().status >= kServerErrors ? dns::Rcode::kServFail
                                                                     : dns::Rcode::kRefused;
  log.warning("an update refused",
              {{"key", request.secret}, {"client", request.from}, {"reason", reason_of(written.error())}});
  co_return rcode;
}

}  // namespace weir::program
