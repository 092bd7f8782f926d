#include "reference/session_paths.h"

namespace weir::reference {
namespace {

constexpr std::string_view kPaths = R"json({
"/v1/session": {
 "get": {"operationId": "whoAmI", "summary": "who am I, and where", "tags": ["session"],
  "responses": {"200": {"description": "a session, or a token's caller",
   "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SessionAnswer"}}}},
   "401": {"$ref": "#/components/responses/401"}}},
 "post": {"operationId": "logIn", "summary": "log in by e-mail address and password, or by a token",
  "tags": ["session"], "security": [],
  "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object",
   "additionalProperties": false, "properties": {"email": {"type": "string"}, "password": {"type": "string"},
   "token": {"type": "string"}}}}}},
  "responses": {"200": {"description": "logged in; Set-Cookie has the session",
   "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SessionAnswer"}}}},
   "400": {"$ref": "#/components/responses/400"}, "401": {"$ref": "#/components/responses/401"},
   "403": {"$ref": "#/components/responses/403"}, "413": {"$ref": "#/components/responses/413"},
   "415": {"$ref": "#/components/responses/415"}, "429": {"$ref": "#/components/responses/429"}}},
 "delete": {"operationId": "logOut", "summary": "end this session", "tags": ["session"],
  "responses": {"204": {"description": "it has ended"}, "401": {"$ref": "#/components/responses/401"},
   "403": {"$ref": "#/components/responses/403"}}}},
"/v1/session/methods": {
 "get": {"operationId": "getLoginMethods", "summary": "how one can log in here", "tags": ["session"],
  "security": [], "responses": {"200": {"description": "by password, token, and these providers",
   "content": {"application/json": {"schema": {"type": "object",
    "required": ["password", "token", "oidc"], "properties": {"password": {"type": "boolean"},
    "token": {"type": "boolean"}, "oidc": {"type": "array", "items": {"type": "object",
    "required": ["name", "display_name", "start"], "properties": {"name": {"type": "string"},
    "display_name": {"type": "string"}, "start": {"type": "string"}}}}}}}}}}}},
"/v1/session/user": {
 "get": {"operationId": "getOwnAccount", "summary": "one's own account", "tags": ["session"],
  "responses": {"200": {"description": "the account",
   "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OwnAccount"}}}},
   "401": {"$ref": "#/components/responses/401"}, "403": {"$ref": "#/components/responses/403"}}},
 "patch": {"operationId": "changeOwnAccount", "summary": "change one's own name, keys or password",
  "tags": ["session"],
  "requestBody": {"required": true, "content": {"application/merge-patch+json": {"schema": {"type": "object",
   "additionalProperties": false, "properties": {"display_name": {"type": "string"},
   "password": {"type": "string"}, "old_password": {"type": "string"},
   "ssh_keys": {"type": "array", "maxItems": 100, "items": {"type": "string"}}}}}}},
  "responses": {"200": {"description": "changed",
   "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OwnAccount"}}}},
   "400": {"$ref": "#/components/responses/400"}, "401": {"$ref": "#/components/responses/401"},
   "403": {"$ref": "#/components/responses/403"}, "413": {"$ref": "#/components/responses/413"},
   "415": {"$ref": "#/components/responses/415"}, "422": {"$ref": "#/components/responses/422"}}}},
"/v1/session/oidc/{name}": {"parameters": [{"$ref": "#/components/parameters/name"}],
 "get": {"operationId": "startSignIn", "summary": "to the provider of identities of an organization",
  "tags": ["session"], "security": [], "parameters": [{"name": "return", "in": "query",
  "description": "a path to come back to", "schema": {"type": "string"}}],
  "responses": {"302": {"description": "there"}, "404": {"description": "it has none; a page"},
   "429": {"description": "too many tries; a page"}, "502": {"description": "it is out of reach; a page"}}}},
"/v1/session/oidc/{name}/callback": {"parameters": [{"$ref": "#/components/parameters/name"}],
 "get": {"operationId": "endSignIn", "summary": "back from the provider, logged in", "tags": ["session"],
  "security": [], "responses": {"302": {"description": "logged in; Set-Cookie has the session"},
   "403": {"description": "refused; a page says why"}, "404": {"description": "nobody signs in so; a page"},
   "429": {"description": "too many tries; a page"}, "502": {"description": "it is out of reach; a page"}}}},
"/v1/sessions/{name}": {
 "delete": {"operationId": "deleteSession", "summary": "end one", "tags": ["Session"],
  "responses": {"200": {"description": "it has ended",
   "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Results"}}}},
   "401": {"$ref": "#/components/responses/401"}, "403": {"$ref": "#/components/responses/403"},
   "404": {"$ref": "#/components/responses/404"}, "429": {"$ref": "#/components/responses/429"},
   "503": {"$ref": "#/components/responses/503"}}}},
"/v1/device": {
 "get": {"operationId": "getDevice", "summary": "which device waits with this code", "tags": ["session"],
  "parameters": [{"name": "user_code", "in": "query", "required": true, "schema": {"type": "string"}}],
  "responses": {"200": {"description": "what it says of itself", "content": {"application/json": {"schema":
   {"type": "object", "properties": {"device": {"type": "string"}, "remote_address": {"type": "string"},
   "user_agent": {"type": "string"}, "expires_at": {"type": "string", "format": "date-time"}}}}}},
   "400": {"$ref": "#/components/responses/400"}, "401": {"$ref": "#/components/responses/401"},
   "404": {"$ref": "#/components/responses/404"}, "429": {"$ref": "#/components/responses/429"}}}},
"/v1/device/code": {
 "post": {"operationId": "askDeviceCode", "summary": "a code for somebody to approve (RFC 8628)",
  "tags": ["session"], "security": [], "requestBody": {"content": {"application/json": {"schema":
   {"type": "object", "properties": {"device": {"type": "string"}}}},
   "application/x-www-form-urlencoded": {"schema": {"type": "object"}}}},
  "responses": {"200": {"description": "the codes", "content": {"application/json": {"schema":
   {"type": "object", "properties": {"device_code": {"type": "string"}, "user_code": {"type": "string"},
   "verification_uri": {"type": "string"}, "verification_uri_complete": {"type": "string"},
   "expires_in": {"type": "integer"}, "interval": {"type": "integer"}}}}}},
   "400": {"$ref": "#/components/responses/400"}, "413": {"$ref": "#/components/responses/413"},
   "415": {"$ref": "#/components/responses/415"}, "429": {"$ref": "#/components/responses/429"}}}},
"/v1/device/token": {
 "post": {"operationId": "askDeviceToken", "summary": "the token, once somebody has approved it (RFC 8628)",
  "tags": ["session"], "security": [], "requestBody": {"content": {"application/json": {"schema":
   {"type": "object", "properties": {"grant_type": {"type": "string"}, "device_code": {"type": "string"}}}},
   "application/x-www-form-urlencoded": {"schema": {"type": "object"}}}},
  "responses": {"200": {"description": "approved", "content": {"application/json": {"schema":
   {"type": "object", "properties": {"access_token": {"type": "string"}, "token_type": {"type": "string"},
   "expires_in": {"type": "integer"}}}}}},
   "400": {"description": "not yet, or not any more", "content": {"application/json": {"schema":
   {"type": "object", "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}}}},
   "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
   "413": {"$ref": "#/components/responses/413"}, "415": {"$ref": "#/components/responses/415"}}}},
"/v1/device/approve": {
 "post": {"operationId": "approveDevice", "summary": "let a device in as oneself, or refuse it",
  "tags": ["session"], "requestBody": {"required": true, "content": {"application/json": {"schema":
   {"type": "object", "required": ["user_code"], "additionalProperties": false,
   "properties": {"user_code": {"type": "string"}, "approve": {"type": "boolean", "default": true}}}}}},
  "responses": {"200": {"description": "answered", "content": {"application/json": {"schema":
   {"type": "object", "properties": {"device": {"type": "string"}, "approved": {"type": "boolean"}}}}}},
   "400": {"$ref": "#/components/responses/400"}, "401": {"$ref": "#/components/responses/401"},
   "403": {"$ref": "#/components/responses/403"}, "404": {"$ref": "#/components/responses/404"},
   "409": {"$ref": "#/components/responses/409"}, "413": {"$ref": "#/components/responses/413"},
   "415": {"$ref": "#/components/responses/415"}, "429": {"$ref": "#/components/responses/429"}}}}
})json";

constexpr std::string_view kSchemas = R"json({
"SessionAnswer": {"type": "object",
 "required": ["user", "token", "role", "organization", "organizations", "csrf", "version", "domain"],
 "properties": {"user": {"type": "string", "description": "empty: a token's caller"},
  "token": {"type": "string"}, "email": {"type": "string"}, "display_name": {"type": "string"},
  "role": {"type": "string", "description": "there; empty: which organization has to be said"},
  "organization": {"type": "string", "description": "empty: the platform"},
  "organizations": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"},
   "display_name": {"type": "string"}, "role": {"type": "string"}}}},
  "session": {"type": "string"}, "method": {"type": "string"},
  "csrf": {"type": "string", "description": "for X-Weir-CSRF of what a browser writes"},
  "version": {"type": "string"}, "domain": {"type": "string"},
  "expires_at": {"type": "string", "format": "date-time"}}},
"OwnAccount": {"type": "object",
 "properties": {"name": {"type": "string"}, "email": {"type": "string"}, "display_name": {"type": "string"},
  "has_password": {"type": "boolean"}, "ssh_keys": {"type": "array", "items": {"type": "string"}},
  "providers": {"type": "array", "items": {"type": "string"}}}}
})json";

}  // namespace

std::string_view session_paths() { return kPaths; }
std::string_view session_schemas() { return kSchemas; }

}  // namespace weir::reference
