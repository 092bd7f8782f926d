#include "cli/settings.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "config/documents.h"
#include "role/machine.h"

namespace weir::cli {
namespace {

using Tree = nlohmann::ordered_json;

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

struct ConfigFile {
  std::optional<std::string> api;
  std::optional<std::string> token;
  std::optional<std::string> ca;
};

struct ConfigKey {
  std::string_view name;
  std::optional<std::string> ConfigFile::* value;
};
constexpr std::array kConfigKeys{ConfigKey{"api", &ConfigFile::api}, ConfigKey{"token", &ConfigFile::token},
                                 ConfigKey{"ca", &ConfigFile::ca}};

std::expected<ConfigFile, std::string> read_config(std::string_view text) {
  const auto documents = config::read_yaml(text);
  if (!documents) return refuse(config::to_text(documents.error()));
  ConfigFile file;
  if (documents->empty()) return file;
  if (documents->size() > 1) return refuse("holds more than one document");
  const Tree tree = Tree::parse(documents->front().json, nullptr, false);
  if (!tree.is_object()) return refuse("must be like: api: http://127.0.0.1:8480");
  for (const auto& [key, value] : tree.items()) {
    const auto* known = std::ranges::find(kConfigKeys, key, &ConfigKey::name);
    if (known == kConfigKeys.end()) {
      return refuse("has the unknown key \"" + key.substr(0, 80) + "\"; the keys are api, token and ca");
    }
    if (!value.is_string()) return refuse(key + " must be a text");
    file.*known->value = value.get<std::string>();
  }
  if (file.ca && !file.ca->starts_with('/')) return refuse("ca must be the whole path of a file");
  return file;
}

// RFC 6750 has a narrower alphabet; what matters here is that it stays within its field.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kTokenBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

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
  settings.config_path = sources.config_path;
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
  if (settings.api.host.is_loopback()) take(sources.admin_token, kAdminTokenPath);
  if (sources.ca_variable) {
    settings.ca_path = *sources.ca_variable;
    settings.ca_source = "WEIR_CA";
  } else if (file.ca) {
    settings.ca_path = *file.ca;
    settings.ca_source = sources.config_path + ": ca";
  }
  if (!settings.token_source.empty() && !is_token(settings.token)) {
    return refuse("the token from " + settings.token_source +
                  " is empty or has characters that no token has");
  }
  return settings;
}

std::string with_login(std::string_view config, std::string_view api, std::string_view token) {
  std::string text;
  while (!config.empty()) {
    const std::size_t end = std::min(config.find('\n'), config.size());
    const std::string_view line = config.substr(0, end);
    if (!line.starts_with("api:") && !line.starts_with("token:")) text.append(line).append("\n");
    config.remove_prefix(std::min(end + 1, config.size()));
  }
  text.append("api: ").append(api).append("\n");
  if (!token.empty()) text.append("token: ").append(token).append("\n");
  return text;
}

std::expected<std::shared_ptr<tls::ClientContext>, std::string> tls_for(const Settings& settings) {
  if (!settings.api.over_tls) return nullptr;
  std::string path = settings.ca_path;
  std::string source = settings.ca_source;
  if (path.empty() && settings.api.host.is_loopback()) {
    path = kOwnCaPath;
    source.clear();  // that it is not there is no mistake
  }
  Result<std::shared_ptr<const tls::TrustStore>> trust = nullptr;
  if (!path.empty()) {
    const auto bundle = role::read_file(path, tls::TrustStore::kBundleBytesMax);
    if (!bundle && !source.empty()) return refuse(source + ": " + path + ": " + why_not(bundle.error()));
    if (bundle) trust = tls::TrustStore::parse(*bundle);
    if (!trust) return refuse((source.empty() ? source : source + ": ") + path + ": " + trust.error().text);
  }
  if (!*trust) trust = tls::TrustStore::system();
  if (!trust)
    return refuse(std::string("no authority to believe for ") + settings.api.text + ": " +
                  trust.error().text + "; WEIR_CA names a file");
  auto context = tls::ClientContext::create(
      {.authorities = std::move(*trust), .protocols = {"http/1.1"}, .certificate = nullptr});
  if (!context) return refuse(context.error().text);
  return std::move(*context);
}

}  // namespace weir::cli
