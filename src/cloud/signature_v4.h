// AWS Signature Version 4: how a request to AWS shows that its sender has a secret key
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "cloud/http_client.h"

namespace weir::cloud {

struct AwsKey {
  std::string id;
  std::string secret;
  std::string session_token;  // empty: the key is not a temporary one
};
struct AwsScope {
  std::string region;
  std::string service;
};

// Adds X-Amz-Date, X-Amz-Security-Token and Authorization; those of an earlier try are replaced. path: with
// that of the URL, as it is sent. The query's parameters are encoded and in order already.
void sign(Call& call, const AwsKey& key, const AwsScope& scope, std::string_view host, std::string_view path,
          WallTime now);

}  // namespace weir::cloud
