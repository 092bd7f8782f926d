#include "reference/openapi_graphs.h"
#include "reference/reference.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "config/codec.h"
#include "config/kinds.h"
#include "config/schema.h"
#include "reference/live_paths.h"
#include "reference/session_paths.h"

namespace weir::reference {
namespace {

using config::Field;
using config::KindInfo;
using config::kKinds;
using config::kNumberMax;
using config::kObjectsMax;
using config::metadata_type;
using config::print_field;
using config::Secrets;
using config::Shape;
using config::Type;

using Tree = nlohmann::ordered_json;

Tree reference(std::string_view section, std::string_view name) {
  return {{"$ref", "#/components/" + std::string(section) + '/' + std::string(name)}};
}

Tree number_schema(const Field& field) {
  Tree schema{{"type", "integer"}, {"format", "int64"}, {"minimum", field.min}};
  if (field.max != kNumberMax) schema["maximum"] = field.max;
  return schema;
}

Tree list_schema(const Field& field, Tree items) {
  Tree schema{{"type", "array"}, {"items", std::move(items)}};
  if (field.items_min > 0) schema["minItems"] = field.items_min;
  schema["maxItems"] = field.items_max;
  return schema;
}

Tree value_schema(const Field& field, const Type& type) {
  switch (type.shape) {
    case Shape::kText: {
      Tree schema{{"type", "string"}};
      if (field.min > 0) schema["minLength"] = field.min;
      schema["maxLength"] = field.max;
      return schema;
    }
    case Shape::kBool: return {{"type", "boolean"}};
    case Shape::kInteger: return number_schema(field);
    case Shape::kDuration:
      return {{"type", "string"},
              {"pattern", "^([0-9]+(h|m|s|ms|us|ns))+$"},
              {"examples", {format_duration(Duration(field.min)), format_duration(Duration(field.max))}}};
    case Shape::kTime: return {{"type", "string"}, {"format", "date-time"}};
    case Shape::kWord: return {{"type", "string"}, {"enum", type.words}};
    case Shape::kStatusRange:
      return {{"oneOf",
               {{{"type", "integer"}, {"minimum", 100}, {"maximum", 599}},
                {{"type", "string"}, {"pattern", "^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$"}}}}};
    case Shape::kJson: return {{"type", "object"}, {"additionalProperties", true}};
    case Shape::kLabels:
      return {{"type", "object"},
              {"additionalProperties", {{"type", "string"}, {"maxLength", field.max}}},
              {"maxProperties", field.items_max}};
    case Shape::kStruct: return reference("schemas", type.name);
    case Shape::kOptional: return value_schema(field, *type.element);
    case Shape::kList: break;
  }
  return list_schema(field, value_schema(field, *type.element));
}

// Adds the schema of a struct and of those within it.
void add_struct(const Type& type, Tree& schemas) {
  if (schemas.contains(std::string(type.name))) return;
  Tree& schema = schemas[std::string(type.name)];
  schema = {{"type", "object"}, {"additionalProperties", false}};
  Tree required = Tree::array();
  Tree properties = Tree::object();
  std::vector<const Type*> inner;
  for (const Field& field : type.fields) {
    if (field.secret && field.server_set) continue;  // never seen from outside
    Tree property = value_schema(field, *field.type);
    property["description"] = field.doc;
    if (field.server_set) property["readOnly"] = true;
    if (field.secret) property["writeOnly"] = true;
    if (field.required) required.push_back(field.name);
    Tree standard = print_field(field, *field.type, field.in(type.defaults()), Secrets::kHide);
    if (!field.required && !type.seen && !standard.is_null()) property["default"] = std::move(standard);
    properties[std::string(field.name)] = std::move(property);
    const Type* element = field.type->element != nullptr ? field.type->element : field.type;
    if (element->shape == Shape::kStruct) inner.push_back(element);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  schema["properties"] = std::move(properties);
  for (const Type* one : inner) add_struct(*one, schemas);  // `schema` may have moved
}

void add_kind(const KindInfo& kind, Tree& schemas) {
  const std::string name(kind.name);
  schemas[name] = {{"type", "object"},
                   {"description", kind.doc},
                   {"additionalProperties", false},
                   {"required", {"kind", "metadata"}},
                   {"properties",
                    {{"kind", {{"const", kind.name}}},
                     {"metadata", reference("schemas", "Metadata")},
                     {"spec", reference("schemas", kind.spec->name)}}}};
  if (kind.status != nullptr) {
    Tree status = reference("schemas", kind.status->name);
    status["readOnly"] = true;
    status["description"] = "what is seen; set by the server";
    schemas[name]["properties"]["status"] = std::move(status);
  }
  const bool has_secret = std::ranges::any_of(
      kind.spec->fields, [](const Field& field) { return field.secret && field.server_set; });
  if (has_secret) {
    schemas[name]["properties"]["secret"] = {
        {"type", "string"}, {"readOnly", true}, {"description", "told once, in the answer to its creation"}};
  }
  schemas[name + "List"] = {
      {"type", "object"},
      {"required", {"items", "revision"}},
      {"properties",
       {{"items", {{"type", "array"}, {"items", reference("schemas", kind.name)}}},
        {"revision", {{"type", "integer"}, {"description", "to begin a watch from"}}},
        {"continue", {{"type", "string"}, {"description", "for the next page; absent: that was all"}}}}}};
}

Tree parameter(std::string_view name, std::string_view in, std::string_view doc, Tree schema) {
  return {{"name", name}, {"in", in}, {"description", doc}, {"schema", std::move(schema)}};
}

Tree parameters() {
  Tree name =
      parameter("name", "path", "the object's metadata.name", {{"type", "string"}, {"maxLength", 63}});
  name["required"] = true;
  return {
      {"name", std::move(name)},
      {"label",
       parameter("label", "query", "only objects with this label: key=value, or key; may be repeated",
                 {{"type", "array"}, {"items", {{"type", "string"}}}})},
      {"limit", parameter("limit", "query", "objects in a page", {{"type", "integer"}, {"minimum", 1}})},
      {"continue",
       parameter("continue", "query", "the page after the one that gave this", {{"type", "string"}})},
      {"watch", parameter("watch", "query", "stream changes as server-sent events", {{"type", "boolean"}})},
      {"from", parameter("from", "query", "watch: only changes after this revision", {{"type", "integer"}})},
      {"dry_run", parameter("dry_run", "query", "validate and answer what would change; write nothing",
                            {{"type", "boolean"}})},
      {"edges", parameter("edges", "query", "of a dry run: answer what would change at each edge, too",
                          {{"type", "boolean"}})},
      {"if_match", parameter("If-Match", "header", "write only over this revision, in quotes; else 412",
                             {{"type", "string"}})},
  };
}

Tree json_content(Tree schema) { return {{"application/json", {{"schema", std::move(schema)}}}}; }

Tree patch_body() {
  const Tree schema = {{"schema", {{"type", "object"}}}};
  return {{"required", true},
          {"content", {{"application/merge-patch+json", schema}, {"application/json", schema}}}};
}

// JSON, or the same as YAML.
Tree body_of(const Tree& schema) {
  return {
      {"required", true},
      {"content", {{"application/json", {{"schema", schema}}}, {"application/yaml", {{"schema", schema}}}}}};
}

// The answers of one operation: what it does, and the refusals that it can meet.
Tree answers(std::string_view status, std::string_view doc, Tree content,
             std::initializer_list<const char*> refusals) {
  Tree all = Tree::object();
  Tree& good = all[std::string(status)];
  good["description"] = doc;
  if (!content.is_null()) good["content"] = std::move(content);
  for (const char* refusal : refusals) all[refusal] = reference("responses", refusal);
  for (const char* any : {"401", "403", "429", "503"}) all[any] = reference("responses", any);
  return all;
}

Tree responses() {
  constexpr std::pair<const char*, const char*> kRefusals[] = {
      {"400", "the request is not understood"},
      {"401", "no token, or none that is known and valid"},
      {"403", "the token may not do this"},
      {"404", "there is no such object"},
      {"409", "it exists already, or others need it"},
      {"410", "that revision is no longer kept; list again"},
      {"412", "it is no longer at the revision of If-Match"},
      {"413", "the content is too long"},
      {"415", "neither JSON nor YAML"},
      {"422", "refused by validation: violations names every field"},
      {"426", "it is answered over a WebSocket only"},
      {"428", "If-Match is missing"},
      {"429", "too many refused attempts came from this address; wait"},
      {"503", "not now: the store can't be reached, or there is too much to do"},
  };
  Tree all = Tree::object();
  for (const auto& [status, doc] : kRefusals) {
    all[status] = {
        {"description", doc},
        {"content", {{"application/problem+json", {{"schema", reference("schemas", "Problem")}}}}}};
  }
  return all;
}

Tree problem_schema() {
  const Tree text{{"type", "string"}};
  return {{"type", "object"},
          {"description", "a refusal (RFC 9457)"},
          {"required", {"type", "title", "status"}},
          {"properties",
           {{"type", text},
            {"title", text},
            {"status", {{"type", "integer"}}},
            {"detail", text},
            {"request_id", text},
            {"violations",
             {{"type", "array"},
              {"items",
               {{"type", "object"},
                {"required", {"field", "message"}},
                {"properties", {{"field", text}, {"message", text}, {"object", text}}}}}}}}}};
}

// Of a dry run, by the edges that are attached: what of it each would see.
Tree edges_schema() {
  const Tree text{{"type", "string"}};
  const Tree number{{"type", "integer"}};
  const Tree change{{"type", "object"},
                    {"required", {"field", "before", "after"}},
                    {"properties", {{"field", text}, {"before", text}, {"after", text}}},
                    {"description", "JSON as text; empty: not there; cut where it is long; without secrets"}};
  const Tree resource{
      {"type", "object"},
      {"required", {"type", "name", "result"}},
      {"properties",
       {{"type", {{"type", "string"}, {"description", "object, or of Envoy's: cluster, listener, ..."}}},
        {"name", text},
        {"result", {{"type", "string"}, {"enum", {"created", "updated", "deleted"}}}},
        {"diff", {{"type", "array"}, {"items", change}}},
        {"content", {{"type", "string"}, {"description", "JSON of what would be created"}}}}}};
  const Tree group{
      {"type", "object"},
      {"required", {"edges", "count", "data_plane", "resources", "more"}},
      {"properties",
       {{"edges",
         {{"type", "array"}, {"items", text}, {"description", "the first of those that see the same"}}},
        {"count", {{"type", "integer"}, {"description", "of all of them"}}},
        {"data_plane", {{"type", "string"}, {"enum", {"weir", "envoy"}}}},
        {"resources", {{"type", "array"}, {"items", resource}}},
        {"more", {{"type", "integer"}, {"description", "resources that are left out for length"}}}}}};
  return {{"type", "array"}, {"items", group}, {"description", "with edges=true"}};
}

// What a write came to, or with dry_run would come to.
Tree results_schema() {
  const Tree text{{"type", "string"}};
  const Tree number{{"type", "integer"}};
  const Tree change{{"type", "object"},
                    {"required", {"field"}},
                    {"properties", {{"field", text}, {"before", true}, {"after", true}}}};
  const Tree result{
      {"type", "object"},
      {"required", {"kind", "name", "result"}},
      {"properties",
       {{"kind", text},
        {"name", text},
        {"result", {{"type", "string"}, {"enum", {"created", "updated", "unchanged", "deleted"}}}},
        {"revision", number},
        {"diff", {{"type", "array"}, {"items", change}, {"description", "dry run: what would change"}}},
        {"object", {{"type", "object"}, {"description", "dry run: what would be created"}}},
        {"secret", {{"type", "string"}, {"description", "of a created object that has one; told once"}}}}}};
  return {{"type", "object"},
          {"required", {"revision", "results"}},
          {"properties",
           {{"dry_run", {{"type", "boolean"}}},
            {"revision", number},
            {"results", {{"type", "array"}, {"items", result}}},
            {"edges", edges_schema()}}}};
}

Tree operation(std::string_view id, std::string_view summary, std::string_view tag) {
  return {{"operationId", id}, {"summary", summary}, {"tags", {tag}}};
}

Tree parameter_list(std::initializer_list<const char*> names) {
  Tree list = Tree::array();
  for (const char* name : names) list.push_back(reference("parameters", name));
  return list;
}

Tree collection_path(const KindInfo& kind) {
  const std::string name(kind.name);
  Tree list = operation("list" + name, "list or watch", kind.name);
  list["parameters"] = parameter_list({"label", "limit", "continue", "watch", "from"});
  Tree content = json_content(reference("schemas", name + "List"));
  content["text/event-stream"] = {{"schema", {{"type", "string"}}}};
  list["responses"] =
      answers("200", "a page of them, in the order of names", std::move(content), {"400", "410"});
  Tree path{{"get", std::move(list)}};
  if (!kind.client_writes) return path;
  Tree create = operation("create" + name, "create one", kind.name);
  create["parameters"] = parameter_list({"dry_run", "edges"});
  create["requestBody"] = body_of(reference("schemas", kind.name));
  create["responses"] = answers("201", "created", json_content(reference("schemas", kind.name)),
                                {"400", "409", "413", "415", "422"});
  create["responses"]["200"] = {{"description", "dry run: what it would come to"},
                                {"content", json_content(reference("schemas", "Results"))}};
  path["post"] = std::move(create);
  return path;
}

Tree object_path(const KindInfo& kind) {
  const std::string name(kind.name);
  const Tree content = json_content(reference("schemas", kind.name));
  Tree path{{"parameters", parameter_list({"name"})}};
  path["get"] = operation("get" + name, "read one", kind.name);
  path["get"]["responses"] = answers("200", "the object; ETag is its revision", content, {"404"});
  if (!kind.client_writes) return path;
  const Tree results = reference("schemas", "Results");
  const auto write = [&](const char* method, const std::string& id, const char* summary, Tree body) {
    Tree& one = path[method] = operation(id, summary, kind.name);
    one["parameters"] = parameter_list({"if_match", "dry_run", "edges"});
    if (body.is_null()) {
      one["responses"] = answers("200", "done", json_content(results), {"400", "404", "409", "412"});
      return;
    }
    one["requestBody"] = std::move(body);
    one["responses"] = answers("200", "done; with dry_run what it would come to",
                               json_content({{"anyOf", {reference("schemas", kind.name), results}}}),
                               {"400", "404", "409", "412", "413", "415", "422", "428"});
    if (std::string_view(method) != "put") return;
    one["responses"]["201"] = {{"description", "there was none: created"},
                               {"content", json_content(reference("schemas", kind.name))}};
  };
  write("put", "replace" + name, "replace one", body_of(reference("schemas", kind.name)));
  write("patch", "patch" + name, "change fields of one (RFC 7396)", patch_body());
  write("delete", "delete" + name, "delete one", {});
  return path;
}

Tree apply_path() {
  Tree any = Tree::array();
  for (const KindInfo& kind : kKinds) {
    if (kind.client_writes) any.push_back(reference("schemas", kind.name));
  }
  const Tree list{{"type", "array"}, {"maxItems", kObjectsMax}, {"items", {{"oneOf", std::move(any)}}}};
  Tree apply = operation("apply", "create or replace many objects as one transaction, in any order", "apply");
  apply["parameters"] = parameter_list({"dry_run", "edges"});
  const Tree wrapped{{"type", "object"}, {"required", {"objects"}}, {"properties", {{"objects", list}}}};
  apply["requestBody"] = body_of({{"oneOf", {list, wrapped}}});
  apply["responses"] =
      answers("200", "what it came to, object by object", json_content(reference("schemas", "Results")),
              {"400", "409", "413", "415", "422"});
  return {{"post", std::move(apply)}};
}

Tree renew_path() {
  Tree one = operation("renewEndpoint", "lets the lease of an Endpoint begin anew", "Endpoint");
  one["parameters"] = parameter_list({"name"});
  const Tree answer{{"type", "object"},
                    {"properties", {{"expires_at", {{"type", "string"}, {"format", "date-time"}}}}}};
  one["responses"] = answers("200", "until when it lives now", json_content(answer), {"404", "409"});
  return {{"post", std::move(one)}};
}

Tree rollback_path() {
  Tree one = operation("rollback", "make all that edges carry what it was at a revision, as one transaction",
                       "rollback");
  one["parameters"] = parameter_list({"dry_run", "edges"});
  const Tree revision{{"type", "integer"}, {"minimum", 1}};
  const Tree wanted{{"type", "object"},
                    {"required", {"revision"}},
                    {"additionalProperties", false},
                    {"properties", {{"revision", revision}}}};
  one["requestBody"] = {{"required", true}, {"content", json_content(wanted)}};
  one["responses"] =
      answers("200", "what differed, object by object", json_content(reference("schemas", "Results")),
              {"400", "409", "410", "413", "415", "422"});
  return {{"post", std::move(one)}};
}

void add_provider_paths(Tree& paths) {
  const Tree object{{"type", "object"}, {"additionalProperties", true}};
  const std::string path = "/v1/dnsproviders/{name}/";
  Tree plan = operation("planDnsProvider", "what its zones lack there to be as they are here", "DnsProvider");
  plan["responses"] = answers("200", "the changes, zone by zone", json_content(object), {"400", "404"});
  paths[path + "plan"] = Tree{{"parameters", parameter_list({"name"})}, {"get", std::move(plan)}};
  Tree sync = operation("syncDnsProvider", "write its zones there, now", "DnsProvider");
  sync["parameters"] = Tree::array(
      {parameter("force", "query", "also when more is replaced and deleted than changes_percent_max lets",
                 Tree{{"type", "boolean"}})});
  sync["responses"] = answers("200", "what was done, zone by zone", json_content(object), {"400", "404"});
  paths[path + "sync"] = Tree{{"parameters", parameter_list({"name"})}, {"post", std::move(sync)}};
}

// Archives of images, which are no objects.
void add_image_paths(Tree& paths) {
  const Tree text{{"type", "string"}};
  const Tree number{{"type", "integer"}};
  const Tree image{{"type", "object"},
                   {"properties",
                    {{"name", text},
                     {"sha256", text},
                     {"bytes", number},
                     {"pushed_at", {{"type", "string"}, {"format", "date-time"}}}}}};
  const Tree all{
      {"type", "object"},
      {"properties",
       {{"images", {{"type", "array"}, {"items", image}}}, {"bytes", number}, {"bytes_max", number}}}};
  const Tree archive{{"application/x-tar", Tree::object()}};
  Tree list = operation("listImages", "the images that this controller keeps for nodes", "image");
  list["responses"] = answers("200", "all of them, by name", json_content(all), {"404"});
  paths["/v1/images"]["get"] = std::move(list);
  Tree& one = paths["/v1/images/{name}"];
  one["parameters"] = parameter_list({"name"});
  one["get"] = operation("readImage", "its archive; a node reads it by its certificate", "image");
  one["get"]["responses"] = answers("200", "as it was pushed; ETag is its SHA-256", archive, {"404"});
  one["put"] = operation("pushImage", "keep an archive of podman save or docker save", "image");
  one["put"]["requestBody"] = {{"required", true}, {"content", archive}};
  one["put"]["responses"] = answers("200", "it is on the disk", json_content(image), {"404", "413", "422"});
  one["put"]["responses"]["507"] = {{"description", "there is no room for it; delete another"}};
  one["delete"] = operation("deleteImage", "forget it", "image");
  one["delete"]["responses"] = answers("200", "it is gone", json_content({{"type", "object"}}), {"404"});
}

void add_insight_paths(Tree& paths) {
  const Tree flag{{"type", "boolean"}};
  const Tree text{{"type", "string"}};
  const Tree number{{"type", "integer"}, {"minimum", 0}};
  const Tree container = parameter("container", "query", "only that one of an instance", text);
  Tree some{
      parameter("follow", "query", "go on with what is written from now on", flag),
      parameter("since", "query", "a duration such as 10m, or a time such as 2026-11-30T07:11:06Z", text),
      parameter("tail", "query", "only so many lines of each container, the last ones", number),
      parameter("timestamps", "query", "tell the time of each line", flag), container};
  const auto logs = [&paths](const std::string& path, Tree one, Tree parameters) {
    one["parameters"] = std::move(parameters);
    const Tree content{
        {"application/x-ndjson", {{"schema", {{"type", "object"}, {"additionalProperties", true}}}}}};
    one["responses"] =
        answers("200", "a line of JSON for each line that was written", content, {"400", "404"});
    paths[path] = Tree{{"parameters", parameter_list({"name"})}, {"get", std::move(one)}};
  };
  logs("/v1/instances/{name}/logs", operation("readInstanceLogs", "what its containers write", "Instance"),
       some);
  some.push_back(parameter("instance", "query", "only that one", text));
  logs("/v1/workloads/{name}/logs",
       operation("readWorkloadLogs", "what the containers of all its instances write, in the order of time",
                 "Workload"),
       std::move(some));
  Tree exec = operation("execInInstance",
                        "run a command, over a WebSocket: each binary message begins with a byte, 0 stdin, 1 "
                        "stdout, 2 stderr, 3 the end, 4 the size of the terminal",
                        "Instance");
  exec["parameters"] = {parameter("command", "query", "a word of it; for each word in its order", text),
                        container, parameter("terminal", "query", "its streams are a terminal", flag),
                        parameter("rows", "query", "of that", number),
                        parameter("columns", "query", "of that", number)};
  exec["responses"] = answers("101", "the WebSocket", Tree::object(), {"400", "404", "426"});
  paths["/v1/instances/{name}/exec"] =
      Tree{{"parameters", parameter_list({"name"})}, {"get", std::move(exec)}};
}

Tree explain_path() {
  Tree one = operation("explain", "why a request was answered as it was, or what would be done with another",
                       "explain");
  const Tree text{{"type", "string"}};
  one["parameters"] = {
      parameter("id", "query", "of a request that this edge has seen: its X-Request-Id; one of the three",
                text),
      parameter("request", "query", "such as GET http://web.example/path; nothing is sent", text),
      parameter("header", "query", "a field of that request, such as Cookie: a=b; may be repeated", text),
      parameter("dns", "query", "the name that a query of DNS asks for, such as www.example.com", text),
      parameter("type", "query", "that the query asks for; A when absent", text),
      parameter(
          "peer", "query",
          "the IP address that either would come from, of a query also a network; 127.0.0.1 when absent",
          text)};
  const Tree object{{"type", "object"}, {"additionalProperties", true}};
  one["responses"] = answers("200", "the decisions", json_content(object), {"400", "404"});
  return {{"get", std::move(one)}};
}

Tree enroll_path() {
  Tree one = operation("enroll", "a machine joins, or renews its certificate over TLS with the one it has",
                       "enroll");
  one["security"] = Tree::array();  // a join token in the content, or a client certificate
  const Tree text{{"type", "string"}};
  const Tree node{{"type", "object"},
                  {"required", {"name"}},
                  {"properties",
                   {{"name", text},
                    {"provider", text},
                    {"region", text},
                    {"city", text},
                    {"address", text},
                    {"version", text},
                    {"labels", {{"type", "object"}, {"additionalProperties", text}}}}}};
  const Tree asked{{"type", "object"},
                   {"required", {"csr", "node"}},
                   {"properties", {{"token", text}, {"csr", text}, {"node", node}}}};
  one["requestBody"] = {{"required", true}, {"content", json_content(asked)}};
  const Tree answer{
      {"type", "object"},
      {"properties",
       {{"name", text}, {"certificate", text}, {"ca", text}, {"discovery_port", {{"type", "integer"}}}}}};
  one["responses"] = answers("200", "the machine's certificate, PEM, with those that signed it",
                             json_content(answer), {"400", "404", "409", "413", "415", "422"});
  return {{"post", std::move(one)}};
}

// What programs around it ask for; no token is needed for most of it.
void add_service_paths(Tree& paths) {
  const auto add = [&](const char* path, const char* id, const char* summary, const char* media_type,
                       bool open) {
    Tree& one = paths[path]["get"] = operation(id, summary, "server");
    if (open) one["security"] = Tree::array();
    one["responses"]["200"] = {{"description", "it is so"}, {"content", {{media_type, Tree::object()}}}};
    if (!open) one["responses"]["401"] = reference("responses", "401");
  };
  add("/healthz", "health", "the process answers", "text/plain", true);
  add("/readyz", "ready", "it can do its work; 503 when not", "text/plain", true);
  add("/metrics", "metrics", "counters in Prometheus' text format", "text/plain", false);
  add("/openapi.json", "openapi", "this document", "application/json", true);
  paths["/readyz"]["get"]["responses"]["503"] = {{"description", "not now"}};
}

}  // namespace

std::string openapi(std::string_view version) {
  Tree schemas = Tree::object();
  for (const KindInfo& kind : kKinds) add_kind(kind, schemas);
  add_struct(metadata_type(), schemas);
  for (const KindInfo& kind : kKinds) {
    add_struct(*kind.spec, schemas);
    if (kind.status != nullptr) add_struct(*kind.status, schemas);
  }
  schemas["Problem"] = problem_schema();
  schemas["Results"] = results_schema();

  Tree paths = Tree::object();
  for (const KindInfo& kind : kKinds) {
    const std::string path = "/v1/" + std::string(kind.plural);
    paths[path] = collection_path(kind);
    paths[path + "/{name}"] = object_path(kind);
  }
  paths["/v1/apply"] = apply_path();
  paths["/v1/rollback"] = rollback_path();
  paths["/v1/endpoints/{name}/renew"] = renew_path();
  paths.update(live_paths());
  paths["/v1/explain"] = explain_path();
  paths["/v1/metrics"] = graphs_path();
  add_provider_paths(paths);
  add_image_paths(paths);
  add_insight_paths(paths);
  paths["/v1/enroll"] = enroll_path();
  add_service_paths(paths);
  paths.merge_patch(Tree::parse(session_paths()));
  schemas.merge_patch(Tree::parse(session_schemas()));
  const Tree document{{"openapi", "3.1.0"},
                      {"info",
                       {{"title", "weir"},
                        {"version", version},
                        {"summary", "the control plane of a multi-cloud edge"},
                        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
                      {"servers", {{{"url", "/"}}}},
                      {"security", {{{"bearer", Tree::array()}}}},
                      {"paths", std::move(paths)},
                      {"components",
                       {{"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}},
                        {"parameters", parameters()},
                        {"responses", responses()},
                        {"schemas", std::move(schemas)}}}};
  return document.dump(2) + '\n';
}

}  // namespace weir::reference
