// Bodies: what requests about sessions bring, as JSON, or as a form where RFC 8628 has one. Hostile until it
// is a value. What is not known is refused, so that a slip of the hand is seen. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"

namespace weir::session {

struct Login {
  std::string email;
  std::string password;
  std::string token;  // in place of both
};
api::Answer<Login> parse_login(std::string_view json);

// What somebody changes of his own account.
struct AccountChange {
  std::optional<std::string> display_name;
  std::optional<std::string> password;
  std::string old_password;
  std::optional<std::vector<std::string>> ssh_keys;
};
api::Answer<AccountChange> parse_account_change(std::string_view json);

struct Approval {
  std::string user_code;
  bool approve = true;
};
api::Answer<Approval> parse_approval(std::string_view json);

// RFC 8628 sections 3.1 and 3.4. client_id and scope are passed over: any program may ask for a person.
struct DeviceWish {
  std::string device;       // what the program calls itself
  std::string device_code;  // of a request for the token
  std::string grant_type;
};
api::Answer<DeviceWish> parse_device_wish(std::string_view content, bool is_form);

}  // namespace weir::session
