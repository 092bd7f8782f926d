// CertificateSet: all certificates of a listener, by the name that a client asks for (RFC 6066 section 3).
// Immutable; shared by all cores. A change makes a new set of the same certificates, which costs a few
// milliseconds for ten thousand.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tls/certificate.h"

namespace weir::tls {

class CertificateSet {
 public:
  // Of several for one name and kind of key the first is taken. The first of all is the default, for clients
  // that name no host or one that no certificate stands for.
  explicit CertificateSet(std::vector<std::shared_ptr<const Certificate>> certificates);

  // Exact, then "*." with one label, then the default; ECDSA when the client takes it and there is one, else
  // RSA. Null when the set is empty.
  const Certificate* find(std::string_view server_name, bool client_takes_ecdsa) const;
  std::size_t size() const { return certificates_.size(); }

 private:
  struct Choice {
    const Certificate* ecdsa = nullptr;
    const Certificate* rsa = nullptr;

    void add(const Certificate& certificate);
    const Certificate* pick(bool client_takes_ecdsa) const;
  };

  std::vector<std::shared_ptr<const Certificate>> certificates_;
  std::unordered_map<std::string_view, Choice> by_name_;  // views of their info().names
  Choice default_;
};

}  // namespace weir::tls
