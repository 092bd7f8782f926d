// The authority of this weir: issues certificates for host names that have none of their own. Its two files
// are ca.pem, which whoever is to trust it gets, and ca.key, which nobody gets; both are made at the first
// start.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "tls/authority.h"

namespace weir::enroll {

inline constexpr std::string_view kAuthorityCertificate = "ca.pem";
inline constexpr std::string_view kAuthorityKey = "ca.key";

std::string authority_path(const std::string& data_dir, std::string_view name);

// The error is a sentence with the place.
std::expected<std::shared_ptr<const tls::Authority>, std::string> read_or_make_authority(
    const std::string& data_dir, WallTime now);

// What is there.
std::expected<tls::PemPair, std::string> read_authority(const std::string& data_dir);
// Puts this one in the place of what is there.
std::expected<void, std::string> keep_authority(const std::string& data_dir, const tls::PemPair& root);

}  // namespace weir::enroll
