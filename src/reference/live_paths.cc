#include "reference/live_paths.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace weir::reference {
namespace {

constexpr std::string_view kPaths = R"({
"/v1/services/{name}/health": {
  "parameters": [{"$ref": "#/components/parameters/name"}],
  "get": {
    "operationId": "readServiceHealth",
    "summary": "its endpoints' health, as each edge sees it",
    "tags": ["Service"],
    "responses": {
      "200": {"description": "by edges", "content": {"application/json": {"schema": {
        "type": "object",
        "required": ["vantage_points", "more"],
        "properties": {
          "vantage_points": {"type": "array", "items": {
            "type": "object",
            "required": ["edge", "attached", "healthy", "unhealthy", "unknown", "out"],
            "properties": {
              "edge": {"type": "string"},
              "attached": {"type": "boolean"},
              "healthy": {"type": "integer", "minimum": 0},
              "unhealthy": {"type": "integer", "minimum": 0},
              "unknown": {"type": "integer", "minimum": 0},
              "out": {"type": "array", "items": {"type": "string"},
                      "description": "the first of those that are unhealthy"}}}},
          "more": {"type": "integer", "description": "edges that are left out for length"}}}}}},
      "400": {"$ref": "#/components/responses/400"},
      "404": {"$ref": "#/components/responses/404"},
      "401": {"$ref": "#/components/responses/401"},
      "403": {"$ref": "#/components/responses/403"},
      "429": {"$ref": "#/components/responses/429"},
      "503": {"$ref": "#/components/responses/503"}}}},
"/v1/tunnels/{name}/requests": {
  "parameters": [{"$ref": "#/components/parameters/name"}],
  "get": {
    "operationId": "readTunnelRequests",
    "summary": "the latest requests to its origin, by all edges; kept since somebody has looked at them",
    "tags": ["Tunnel"],
    "parameters": [{"$ref": "#/components/parameters/watch"}],
    "responses": {
      "200": {"description": "as in the access log; watched: events, for those kept and each as it ends",
              "content": {
                "application/json": {"schema": {
                  "type": "object",
                  "required": ["items"],
                  "properties": {
                    "items": {"type": "array", "items": {"type": "object", "additionalProperties": true}},
                    "notices": {"type": "array", "items": {
                      "type": "object",
                      "properties": {"edge": {"type": "string"}, "notice": {"type": "string"}}}}}}},
                "text/event-stream": {"schema": {"type": "string"}}}},
      "400": {"$ref": "#/components/responses/400"},
      "404": {"$ref": "#/components/responses/404"},
      "401": {"$ref": "#/components/responses/401"},
      "403": {"$ref": "#/components/responses/403"},
      "429": {"$ref": "#/components/responses/429"},
      "503": {"$ref": "#/components/responses/503"}}}},
"/v1/tunnels/{name}/requests/{id}": {
  "parameters": [{"$ref": "#/components/parameters/name"}, {"name": "id", "in": "path",
    "description": "its request_id", "required": true, "schema": {"type": "string", "maxLength": 64}}],
  "get": {
    "operationId": "readTunnelRequest",
    "summary": "one of them, with what was sent and answered: up to 64 KiB of content each way",
    "tags": ["Tunnel"],
    "responses": {
      "200": {"description": "as in the access log, and both messages; values of secret fields are hidden",
              "content": {"application/json": {"schema": {
        "type": "object",
        "additionalProperties": true,
        "properties": {"request": {
          "type": "object",
          "properties": {
            "headers": {"type": "array", "items": {
              "type": "object",
              "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}},
            "body": {"type": "string", "description": "as text, or in base64"},
            "base64": {"type": "boolean"},
            "truncated": {"type": "boolean"}}},
                       "response": {
          "type": "object",
          "properties": {
            "headers": {"type": "array", "items": {
              "type": "object",
              "properties": {"name": {"type": "string"}, "value": {"type": "string"}}}},
            "body": {"type": "string", "description": "as text, or in base64"},
            "base64": {"type": "boolean"},
            "truncated": {"type": "boolean"}}}}}}}},
      "400": {"$ref": "#/components/responses/400"},
      "404": {"$ref": "#/components/responses/404"},
      "401": {"$ref": "#/components/responses/401"},
      "403": {"$ref": "#/components/responses/403"},
      "429": {"$ref": "#/components/responses/429"},
      "503": {"$ref": "#/components/responses/503"}}}},
"/v1/tunnels/{name}/requests/{id}/replay": {
  "parameters": [{"$ref": "#/components/parameters/name"}, {"name": "id", "in": "path",
    "description": "its request_id", "required": true, "schema": {"type": "string", "maxLength": 64}}],
  "post": {
    "operationId": "replayTunnelRequest",
    "summary": "send it again to the same origin; that is an Event, and its answer appears in the log",
    "tags": ["Tunnel"],
    "responses": {
      "200": {"description": "it was sent; no request_id: nothing has answered it yet",
              "content": {"application/json": {"schema": {
        "type": "object",
        "properties": {"request_id": {"type": "string"},
                       "status": {"type": "integer"},
                       "edge": {"type": "string"}}}}}},
      "400": {"$ref": "#/components/responses/400"},
      "404": {"$ref": "#/components/responses/404"},
      "409": {"$ref": "#/components/responses/409"},
      "401": {"$ref": "#/components/responses/401"},
      "403": {"$ref": "#/components/responses/403"},
      "429": {"$ref": "#/components/responses/429"},
      "503": {"$ref": "#/components/responses/503"}}}},
"/v1/watch": {
  "get": {
    "operationId": "watch",
    "summary": "changes of several kinds, in the order in which they were made",
    "tags": ["watch"],
    "parameters": [
      {"name": "kind", "in": "query",
       "description": "the plural of a kind, such as services; once for each kind",
       "schema": {"type": "string"}, "required": true},
      {"$ref": "#/components/parameters/from"}],
    "responses": {
      "200": {"description": "server-sent events, as of a watch of one kind",
              "content": {"text/event-stream": {"schema": {"type": "string"}}}},
      "400": {"$ref": "#/components/responses/400"},
      "410": {"$ref": "#/components/responses/410"},
      "401": {"$ref": "#/components/responses/401"},
      "403": {"$ref": "#/components/responses/403"},
      "429": {"$ref": "#/components/responses/429"},
      "503": {"$ref": "#/components/responses/503"}}}}
})";

}  // namespace

nlohmann::ordered_json live_paths() { return nlohmann::ordered_json::parse(kPaths); }

}  // namespace weir::reference
