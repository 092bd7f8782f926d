#include "reference/openapi_graphs.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace weir::reference {
namespace {

constexpr std::string_view kGraphsPath = R"({"get":{
"operationId":"readMetrics",
"summary":"what went on over time: of an object, of all of a kind, or of all there is",
"tags":["metrics"],
"parameters":[
 {"name":"of","in":"query","required":true,"schema":{"type":"string"},
  "description":"such as services/web, services/* or *; the kinds are loadbalancers, services, )"
                                         R"(endpoints, tunnels, edges, nodes, workloads and instances"},
 {"name":"series","in":"query","schema":{"type":"string"},
  "description":"a list, with commas, of requests, errors, latency (p50, p90 and p99), in_flight, )"
                                         R"(bytes_in, bytes_out, connections, cpu, memory and queries"},
 {"name":"by","in":"query","schema":{"type":"string"},
  "description":"a line for each edge, endpoint, service, loadbalancer, node, workload or instance"},
 {"name":"from","in":"query","schema":{"type":"string"},
  "description":"-1h (ago), a time, or seconds since 1970; an hour ago when absent"},
 {"name":"to","in":"query","schema":{"type":"string"},"description":"the same; now when absent"},
 {"name":"step","in":"query","schema":{"type":"string"},
  "description":"a multiple of 10s; when absent 10s within the last hour, else 5m"},
 {"name":"watch","in":"query","schema":{"type":"boolean"},
  "description":"server-sent events, each with the values that are new"}],
"responses":{
 "200":{"description":"a value for each step; null where nothing is known","content":{
  "application/json":{"schema":{"type":"object","required":["step","from","series"],"properties":{
   "step":{"type":"integer","description":"in seconds"},
   "from":{"type":"integer","description":"when the first step begins, in seconds since 1970"},
   "series":{"type":"array","items":{"type":"object",
    "required":["name","labels","unit","values"],"properties":{
    "name":{"type":"string"},
    "labels":{"type":"object","additionalProperties":{"type":"string"}},
    "unit":{"type":"string"},
    "values":{"type":"array","items":{"type":["number","null"]}}}}}}}},
  "text/event-stream":{}}},
 "400":{"$ref":"#/components/responses/400"},
 "401":{"$ref":"#/components/responses/401"},
 "403":{"$ref":"#/components/responses/403"},
 "404":{"$ref":"#/components/responses/404"}}}})";

}  // namespace

nlohmann::ordered_json graphs_path() { return nlohmann::ordered_json::parse(kGraphsPath); }

}  // namespace weir::reference
