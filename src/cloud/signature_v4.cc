#include "cloud/signature_v4.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>
#include <vector>

#include "auth/crypto.h"
#include "base/text.h"

namespace weir::cloud {
namespace {

using Field = std::pair<std::string, std::string>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string hash_of(std::string_view text) { return to_hex(auth::sha256({auth::bytes_of(text)})); }

auth::Digest keyed(std::span<const std::byte> key, std::string_view text) {
  return auth::hmac_sha256(key, {auth::bytes_of(text)});
}

// "20150830T123600Z"
std::string basic_time(WallTime now) {
  std::string text;
  for (const char c : format_rfc3339(std::chrono::floor<std::chrono::seconds>(now)).substr(0, 19)) {
    if (c != '-' && c != ':') text += c;
  }
  return text + 'Z';
}

bool is_signed(std::string_view name) {
  return equal_ignoring_case(name, "content-type") || to_lower(name).starts_with("x-amz-");
}

// Those that are signed, by name in lower case.
std::vector<Field> signed_fields(const Call& call, std::string_view host) {
  std::vector<Field> fields{{"host", std::string(host)}};
  for (const auto& [name, value] : call.fields) {
    if (is_signed(name)) fields.emplace_back(to_lower(name), trim(value));
  }
  if (!call.content.empty()) fields.emplace_back("content-type", call.content_type);
  std::ranges::sort(fields);
  return fields;
}

}  // namespace

void sign(Call& call, const AwsKey& key, const AwsScope& scope, std::string_view host, std::string_view path,
          WallTime now) {
  std::erase_if(call.fields, [](const Field& field) {
    const std::string name = to_lower(field.first);
    return name == "authorization" || name == "x-amz-date" || name == "x-amz-security-token";
  });
  const std::string time = basic_time(now);
  const std::string date = time.substr(0, 8);
  call.fields.emplace_back("X-Amz-Date", time);
  if (!key.session_token.empty()) call.fields.emplace_back("X-Amz-Security-Token", key.session_token);

  std::string lines;
  std::string names;
  for (const auto& [name, value] : signed_fields(call, host)) {
    lines.append(name).append(":").append(value).append("\n");
    names.append(names.empty() ? "" : ";").append(name);
  }
  const std::string request = std::string(http::name_of(call.method)) + '\n' + std::string(path) + '\n' +
                              call.query + '\n' + lines + '\n' + names + '\n' + hash_of(call.content);
  const std::string where = date + '/' + scope.region + '/' + scope.service + "/aws4_request";
  const std::string to_sign = std::string(kAlgorithm) + '\n' + time + '\n' + where + '\n' + hash_of(request);
  auth::Digest derived = keyed(auth::bytes_of("AWS4" + key.secret), date);
  for (const std::string_view part : {std::string_view(scope.region), std::string_view(scope.service),
                                      std::string_view("aws4_request"), std::string_view(to_sign)}) {
    derived = keyed(derived, part);
  }
  call.fields.emplace_back("Authorization", std::string(kAlgorithm) + " Credential=" + key.id + '/' + where +
                                                ", SignedHeaders=" + names +
                                                ", Signature=" + to_hex(derived));
}

}  // namespace weir::cloud
