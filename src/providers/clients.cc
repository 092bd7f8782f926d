#include "providers/clients.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cloud/cloudflare.h"
#include "cloud/powerdns.h"
#include "cloud/rfc2136.h"
#include "cloud/route53.h"
#include "config/formats.h"
#include "dnspeer/keys.h"
#include "net/network.h"
#include "tls/client_context.h"
#include "tls/trust_store.h"

namespace weir::providers {
namespace {

using config::DnsProviderSpec;
using config::DnsProviderType;

using Pace = std::shared_ptr<cloud::Pace>;
using Made = std::expected<std::unique_ptr<cloud::DnsClient>, std::string>;

// As a field of a request can have it.
std::expected<std::string, std::string> credential(const DnsProviderSpec& spec, const config::Labels& secret,
                                                   const std::string& key) {
  const std::string where = "Secret/" + spec.credentials;
  const auto found = secret.find(key);
  if (found == secret.end()) return std::unexpected(where + " has no value " + key);
  std::string value = found->second;
  while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
  const bool plain = std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7f; });
  if (value.empty() || !plain) {
    return std::unexpected(where + ": " + key + " has characters that no credential has");
  }
  return value;
}

bool is_this_machine(const std::string& host) {
  const auto address = net::Address::parse_ip(host, 0);
  return address ? address->is_loopback() : host == "localhost";
}

std::expected<cloud::HttpClient::Options, std::string> options_of(const DnsProviderSpec& spec,
                                                                  std::string_view usual_url, Pace pace) {
  auto url = cloud::Url::parse(spec.url.empty() ? usual_url : spec.url);
  if (!url) return std::unexpected("url " + url.error());
  cloud::HttpClient::Options options{.url = std::move(*url), .pace = std::move(pace)};
  if (!options.url.over_tls) {
    // PowerDNS has no TLS of its own, and is reached by a network of its owner's; the others are far away.
    if (spec.type == DnsProviderType::kPowerDns || is_this_machine(options.url.host.name)) return options;
    return std::unexpected("url must begin with https://, since credentials are sent there");
  }
  auto authorities = spec.ca.empty() ? tls::TrustStore::system() : tls::TrustStore::parse(spec.ca);
  if (!authorities) return std::unexpected(std::string("ca: ") + authorities.error().text);
  auto context = tls::ClientContext::create(
      {.authorities = std::move(*authorities), .protocols = {"http/1.1"}, .certificate = nullptr});
  if (!context) return std::unexpected(std::string("no TLS: ") + context.error().text);
  options.context = std::move(*context);
  return options;
}

Made make_powerdns(net::Env& env, const DnsProviderSpec& spec, const config::Labels& secret,
                   const std::string& zone, Pace pace) {
  auto options = options_of(spec, "", std::move(pace));
  if (!options) return std::unexpected(options.error());
  auto key = credential(spec, secret, "api_key");
  if (!key) return std::unexpected(key.error());
  return std::make_unique<cloud::PowerDns>(env, std::move(*options), zone, std::move(*key));
}

Made make_cloudflare(net::Env& env, const DnsProviderSpec& spec, const config::Labels& secret,
                     const std::string& zone, Pace pace) {
  auto options = options_of(spec, cloud::Cloudflare::kUrl, std::move(pace));
  if (!options) return std::unexpected(options.error());
  options->gap_min = cloud::Cloudflare::kGap;
  options->answer_bytes_max = cloud::Cloudflare::kPageBytesMax;
  auto token = credential(spec, secret, "token");
  if (!token) return std::unexpected(token.error());
  return std::make_unique<cloud::Cloudflare>(env, std::move(*options), zone, std::move(*token));
}

Made make_route53(net::Env& env, const DnsProviderSpec& spec, const config::Labels& secret,
                  const std::string& zone, Pace pace) {
  auto options = options_of(spec, cloud::Route53::kUrl, std::move(pace));
  if (!options) return std::unexpected(options.error());
  options->gap_min = cloud::Route53::kGap;
  options->answer_bytes_max = cloud::Route53::kPageBytesMax;
  auto id = credential(spec, secret, "access_key_id");
  if (!id) return std::unexpected(id.error());
  auto key = credential(spec, secret, "secret_access_key");
  if (!key) return std::unexpected(key.error());
  cloud::AwsKey aws{.id = std::move(*id), .secret = std::move(*key), .session_token = {}};
  if (secret.contains("session_token")) {
    auto token = credential(spec, secret, "session_token");
    if (!token) return std::unexpected(token.error());
    aws.session_token = std::move(*token);
  }
  return std::make_unique<cloud::Route53>(env, std::move(*options), zone, std::move(aws));
}

Made make_rfc2136(net::Env& env, const DnsProviderSpec& spec, const config::Labels& secret,
                  const std::string& zone) {
  const auto server = config::parse_address(spec.url);
  if (!server) return std::unexpected("url must be host:port");
  if (!secret.contains("secret"))
    return std::unexpected("Secret/" + spec.credentials + " has no value secret");
  auto key = dnspeer::tsig_key_of(spec.credentials, {.values = secret});
  if (!key) return std::unexpected("Secret/" + spec.credentials + ": " + key.error().text);
  return std::make_unique<cloud::Rfc2136>(env, tls::Host{.name = server->host, .port = server->port}, zone,
                                          std::move(*key));
}

}  // namespace

Made make_client(net::Env& env, const DnsProviderSpec& spec, const config::Labels& secret,
                 const std::string& zone, std::shared_ptr<cloud::Pace> pace) {
  switch (spec.type) {
    case DnsProviderType::kPowerDns: return make_powerdns(env, spec, secret, zone, std::move(pace));
    case DnsProviderType::kCloudflare: return make_cloudflare(env, spec, secret, zone, std::move(pace));
    case DnsProviderType::kRoute53: return make_route53(env, spec, secret, zone, std::move(pace));
    case DnsProviderType::kRfc2136: break;
  }
  return make_rfc2136(env, spec, secret, zone);
}

}  // namespace weir::providers
