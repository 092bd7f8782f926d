#include "tls/certificate_set.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace weir::tls {
namespace {
constexpr std::size_t kNameBytesMax = 255;  // RFC 1035 section 2.3.4
}

void CertificateSet::Choice::add(const Certificate& certificate) {
  const Certificate*& place = certificate.info().key == KeyKind::kEcdsa ? ecdsa : rsa;
  if (place == nullptr) place = &certificate;
}

// The other kind is better than none: the handshake says then what is missing.
const Certificate* CertificateSet::Choice::pick(bool client_takes_ecdsa) const {
  const Certificate* preferred = client_takes_ecdsa ? ecdsa : rsa;
  if (preferred != nullptr) return preferred;
  return client_takes_ecdsa ? rsa : ecdsa;
}

CertificateSet::CertificateSet(std::vector<std::shared_ptr<const Certificate>> certificates)
    : certificates_(std::move(certificates)) {
  by_name_.reserve(certificates_.size());
  for (const auto& certificate : certificates_) {
    for (const std::string& name : certificate->info().names) by_name_[name].add(*certificate);
  }
  if (certificates_.empty()) return;
  default_.add(*certificates_.front());
  // Its twin with the other kind of key serves by default too.
  for (const std::string& name : certificates_.front()->info().names) {
    const Choice& twins = by_name_.at(name);
    if (default_.ecdsa == nullptr) default_.ecdsa = twins.ecdsa;
    if (default_.rsa == nullptr) default_.rsa = twins.rsa;
  }
}

const Certificate* CertificateSet::find(std::string_view server_name, bool client_takes_ecdsa) const {
  if (server_name.ends_with('.')) server_name.remove_suffix(1);
  if (server_name.empty() || server_name.size() > kNameBytesMax) return default_.pick(client_takes_ecdsa);
  std::array<char, kNameBytesMax + 1> text{};  // one byte in front, for the star
  std::ranges::transform(server_name, text.begin() + 1, ascii_lower);
  const std::string_view name(text.data() + 1, server_name.size());
  if (const auto exact = by_name_.find(name); exact != by_name_.end()) {
    return exact->second.pick(client_takes_ecdsa);
  }
  const std::size_t dot = name.find('.');
  if (dot != std::string_view::npos && dot > 0) {
    text.at(dot) = '*';  // over the last character of the first label
    const auto wildcard = by_name_.find(std::string_view(text.data() + dot, name.size() - dot + 1));
    if (wildcard != by_name_.end()) return wildcard->second.pick(client_takes_ecdsa);
  }
  return default_.pick(client_takes_ecdsa);
}

}  // namespace weir::tls
