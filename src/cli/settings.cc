#include "cli/settings.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "cli/machine.h"
#include "config/documents.h"
#include "config/formats.h"
#include "net/network.h"

namespace weir::cli {
namespace {

using Tree = nlohmann::ordered_json;

constexpr std::size_t kConfigBytesMax = 64 * 1024;
constexpr std::size_t kTokenBytesMax = 4096;  // far above what weir makes; fits a head

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

struct ConfigFile {
  std::optional<std::string> api;
  std::optional<std::string> token;
};

std::expected<ConfigFile, std::string> read_config(std::string_view text) {
  const auto documents = config::read_yaml(text);
  if (!documents) return refuse(config::to_text(documents.error()));
  ConfigFile file;
  if (documents->empty()) return file;
  if (documents->size() > 1) return refuse("holds more than one document");
  const Tree tree = Tree::parse(documents->front().json, nullptr, false);
  if (!tree.is_object()) return refuse("must be like: api: http://127.0.0.1:8480");
  for (const auto& [key, value] : tree.items()) {
    if (key != "api" && key != "token") {
      return refuse("has the unknown key \"" + key.substr(0, 80) + "\"; the keys are api and token");
    }
    if (!value.is_string()) return refuse(key + " must be a text");
    (key == "api" ? file.api : file.token) = value.get<std::string>();
  }
  return file;
}

// RFC 6750 has a narrower alphabet; what matters here is that it stays within its field.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kTokenBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

}  // namespace

bool ApiUrl::is_loopback() const {
  if (const auto address = net::Address::parse_ip(host, port)) return address->is_loopback();
  return host == "localhost" || host.ends_with(".localhost");
}

std::expected<ApiUrl, std::string> parse_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  const std::string lower = to_lower(text);
  if (lower.starts_with("https://")) {
    return refuse("is https, which this version can't speak; it takes http:// (tunnel it with ssh -L)");
  }
  if (!lower.starts_with(kScheme)) return refuse("must be a URL such as http://127.0.0.1:8480");
  std::string_view authority = text.substr(kScheme.size());
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (authority.find_first_of("/?#") != std::string_view::npos) return refuse("must be a URL without a path");
  if (authority.contains('@')) return refuse("must be a URL without a user; a token goes into WEIR_TOKEN");
  const bool has_port = authority.rfind(':') != std::string_view::npos && !authority.ends_with(']');
  const auto parsed =
      config::parse_address(has_port ? std::string(authority) : std::string(authority) + ":80");
  if (!parsed) return refuse("must be a URL such as http://127.0.0.1:8480");
  ApiUrl url;
  url.host = parsed->host;
  url.port = parsed->port;
  url.authority = config::to_text(*parsed);
  url.text = std::string(kScheme) + url.authority;
  return url;
}

std::expected<Settings, std::string> choose_settings(const SettingSources& sources) {
  ConfigFile file;
  if (sources.config) {
    auto read = read_config(*sources.config);
    if (!read) return refuse(sources.config_path + ": " + read.error());
    file = std::move(*read);
  }
  const auto url_from = [](const std::string& source,
                           const std::string& text) -> std::expected<ApiUrl, std::string> {
    auto url = parse_url(text);
    if (!url) return refuse(source + " " + url.error());
    return url;
  };
  Settings settings;
  std::expected<ApiUrl, std::string> api = parse_url(kDefaultApi);
  std::optional<ApiUrl> of_file;
  if (file.api) {
    api = url_from(sources.config_path + ": api", *file.api);
    if (!api) return refuse(api.error());
    of_file = *api;
  }
  if (sources.api_variable) api = url_from("WEIR_API", *sources.api_variable);
  if (sources.api_flag) api = url_from("--api", *sources.api_flag);
  if (!api) return refuse(api.error());
  settings.api = std::move(*api);

  const auto take = [&settings](const std::optional<std::string>& token, std::string_view source) {
    if (!token || !settings.token_source.empty()) return;
    settings.token = trim(*token);
    while (settings.token.ends_with('\n') || settings.token.ends_with('\r')) settings.token.pop_back();
    settings.token_source = source;
  };
  take(sources.token_flag, "--token");
  take(sources.token_variable, "WEIR_TOKEN");
  // The file's token belongs to the file's API: another one must not learn it.
  if (!of_file || of_file->text == settings.api.text) take(file.token, sources.config_path);
  if (settings.api.is_loopback()) take(sources.admin_token, kAdminTokenPath);
  if (!settings.token_source.empty() && !is_token(settings.token)) {
    return refuse("the token from " + settings.token_source +
                  " is empty or has characters that no token has");
  }
  return settings;
}

std::expected<SettingSources, std::string> gather_sources(const Arguments& arguments) {
  SettingSources sources;
  sources.api_flag = arguments.api;
  sources.token_flag = arguments.token;
  sources.api_variable = variable("WEIR_API");
  sources.token_variable = variable("WEIR_TOKEN");
  if (const auto home = variable("HOME")) {
    sources.config_path = *home + "/.config/weir/config.yaml";
    auto text = read_file(sources.config_path, kConfigBytesMax);
    if (text) {
      sources.config = std::move(*text);
    } else if (text.error().os_errno != ENOENT && text.error().os_errno != ENOTDIR) {
      return refuse(sources.config_path + ": " + why_not(text.error()));
    }
  }
  if (auto token = read_file(std::string(kAdminTokenPath), kTokenBytesMax)) {
    sources.admin_token = std::move(*token);
  }
  return sources;
}

}  // namespace weir::cli
