// Metadata: which cloud this machine is in, and what that says of it. All known clouds are asked at once at
// the one address that they have in common, with short times to answer, since there is nobody elsewhere. On
// one loop. SmartOS, which has no such address, is asked by smartos.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"
#include "cloud/http_client.h"
#include "net/env.h"
#include "net/task.h"

namespace weir::cloud {

inline constexpr std::string_view kMetadataUrl = "http://169.254.169.254";
inline constexpr Duration kMetadataConnectTimeout = std::chrono::seconds(1);
inline constexpr Duration kMetadataAnswerTimeout = std::chrono::seconds(2);
inline constexpr Duration kMetadataPause = std::chrono::milliseconds(200);  // before it is asked again
inline constexpr std::size_t kMetadataBytesMax = 256UL * 1024;              // of an answer

// What is not known is empty. Names are the providers' own, all of it printable ASCII without spaces.
struct Machine {
  std::string provider;  // aws, gcp, azure, digitalocean, hetzner, openstack, joyent
  std::string region;
  std::string zone;
  std::string city;  // of the regions that are known here
  std::string instance;
  std::string private_address;
  std::string public_address;
  friend bool operator==(const Machine&, const Machine&) = default;
};

// wait: how long it is asked again when nobody answers: at a boot, the network may be on its way up. The
// error is a sentence.
net::Task<std::expected<Machine, std::string>> find_machine(net::Env& env, Url url, Duration wait = {});

// As what it is put into takes it: a line of printable ASCII without spaces; else empty.
std::string plain_word(std::string_view text);

// Where a provider's region is; empty: not known here.
std::string_view city_of(std::string_view provider, std::string_view region);

}  // namespace weir::cloud
