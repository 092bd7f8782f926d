// Settings: which API to call, and with which token: from the flags, the environment, the configuration file
// or the defaults, in this order. The choice is a pure function; reading what it chooses from is apart.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/arguments.h"
#include "client/api_client.h"
#include "tls/dial.h"

namespace weir::cli {

using client::ApiUrl;
using client::parse_url;

struct Settings {
  ApiUrl api;
  std::string token;         // empty: none
  std::string token_source;  // "WEIR_TOKEN": for messages
  std::string ca_path;       // of the authorities (PEM) that alone are believed; empty: the usual ones
  std::string ca_source;
  std::string config_path;  // where a login is kept; empty: nowhere
};

// What may have been set, each by its owner.
struct SettingSources {
  std::optional<std::string> api_flag;
  std::optional<std::string> token_flag;
  std::optional<std::string> api_variable;
  std::optional<std::string> token_variable;
  std::optional<std::string> ca_variable;
  std::string config_path;
  std::optional<std::string> config;       // the text of that file
  std::optional<std::string> admin_token;  // the text of kAdminTokenPath
};

// What `weir up` leaves behind by default. Only sent to this machine.
inline constexpr std::string_view kAdminTokenPath = "./weir-data/admin.token";
inline constexpr std::string_view kOwnCaPath = "./weir-data/ca.pem";
inline constexpr std::size_t kTokenBytesMax = 4096;  // far above what weir makes; fits a head
inline constexpr std::size_t kConfigBytesMax = 64 * 1024;
inline constexpr std::string_view kDefaultApi = "http://127.0.0.1:8480";

// The error is one sentence with the place. A token is never in it.
std::expected<Settings, std::string> choose_settings(const SettingSources& sources);

// The text of the configuration file with that API and token in the place of those that it names; without a
// token, it names none. What else is in it stays as it is.
std::string with_login(std::string_view config, std::string_view api, std::string_view token);

// How the API is spoken to: null for http://. Believed are the authorities of ca_path; without one, that of
// `weir up` in this folder for an API of this machine, or else the system's. The error is one sentence.
std::expected<std::shared_ptr<tls::ClientContext>, std::string> tls_for(const Settings& settings);

}  // namespace weir::cli
