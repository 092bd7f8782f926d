// Bodies: what mysocket's calls bring, as JSON, and as values. Hostile until it is a value. Fields that are
// not known here are passed over, since other clients of mysocket send more of them. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"

namespace weir::mysocket {

// Mysocket's own limits, as its successor's description of the API has them.
inline constexpr std::size_t kBodyBytesMax = 64 * 1024;  // 100 e-mail addresses have 26 KiB
inline constexpr std::size_t kNameBytesMax = 200;
inline constexpr std::size_t kVisitorNameBytesMax = 20;
inline constexpr std::size_t kVisitorPasswordBytesMax = 100;
inline constexpr std::size_t kAllowedMax = 100;       // addresses, and domains, that may sign in
inline constexpr std::size_t kAllowedBytesMax = 254;  // of one of them

struct SignUp {
  std::string name;
  std::string email;
  std::string password;
  std::string sshkey;  // lines of authorized_keys
};
api::Answer<SignUp> parse_sign_up(std::string_view json);

struct Login {
  std::string email;
  std::string password;
};
api::Answer<Login> parse_login(std::string_view json);

// What a socket shall be.
struct SocketWish {
  std::string name;
  std::string description;
  std::string type = "http";  // or "https", "tcp", "tls"
  bool is_protected = false;
  std::string visitor_name;                    // that visitors of a protected one have to give
  std::string visitor_password;                // empty: as before
  bool asks_sign_in = false;                   // visitors sign in with their e-mail address
  std::vector<std::string> allowed_addresses;  // of e-mail, of those who may
  std::vector<std::string> allowed_domains;
};
// Refused: what this weir can't do, so that nobody takes a socket for protected that is not.
api::Answer<SocketWish> parse_socket(std::string_view json);

}  // namespace weir::mysocket
