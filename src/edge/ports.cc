#include "edge/ports.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "config/kinds.h"

namespace weir::edge {
namespace {

// Certificates of our own are made anew when a third of their life is left.
constexpr Duration kRenewBefore = tls::Authority::kLeafValidity / 3;

tls::ClientCertificates demand_of(config::ClientCertificates demand) {
  switch (demand) {
    case config::ClientCertificates::kNone: return tls::ClientCertificates::kOff;
    case config::ClientCertificates::kRequest: return tls::ClientCertificates::kRequested;
    case config::ClientCertificates::kRequire: break;
  }
  return tls::ClientCertificates::kRequired;
}

constexpr const char* kSharedHttpHasIt = "it is the shared HTTP port, which has no TLS";
constexpr const char* kSharedHttpsHasIt =
    "it is the shared HTTPS port, which HTTPS listeners without a port use";

}  // namespace

std::uint32_t SharedPorts::number_of(const config::Listener& listener) const {
  const std::uint32_t number = config::shared_or_own_port(listener);
  using enum config::ListenerProtocol;
  if (listener.protocol == kHttp && http != 0 && number == http) return config::kSharedHttp;
  const bool tls = listener.protocol == kTls;
  return tls && https != 0 && number == https ? config::kSharedHttps : number;
}

Ports::Ports(net::Env& env, std::shared_ptr<const tls::Authority> authority, std::string domain)
    : env_(env), authority_(std::move(authority)), domain_(std::move(domain)) {}

net::Address Ports::address_of(std::uint32_t number) const {
  net::Address address = shared_;
  if (number != config::kSharedHttp) address.set_port(static_cast<std::uint16_t>(number));
  return address;
}

const Error* Ports::taken(std::uint32_t number) const {
  const auto found = taken_.find(number);
  return found == taken_.end() ? nullptr : &found->second;
}

bool Ports::any_free_again() {
  return std::ranges::any_of(taken_, [this](const auto& one) {
    return env_.network.check_unused(address_of(one.first)).has_value();
  });
}

// True: it is ours to listen on, or shared and so listened on already.
bool Ports::claim(std::uint32_t number) {
  const bool shared = number == config::kSharedHttp || number == config::kSharedHttps;
  if (shared || ours_.contains(number)) return true;
  const Result<void> unused = number == shared_ports_.http    ? fail(Code::kAddressInUse, kSharedHttpHasIt)
                              : number == shared_ports_.https ? fail(Code::kAddressInUse, kSharedHttpsHasIt)
                                                              : env_.network.check_unused(address_of(number));
  if (unused) {
    ours_.insert(number);
    taken_.erase(number);
    return true;
  }
  if (!taken_.contains(number)) {
    env_.log.error("cannot listen",
                   {{"address", address_of(number).to_string()}, {"reason", sentence_of(unused.error())}});
  }
  taken_.insert_or_assign(number, unused.error());
  return false;
}

std::vector<PlannedPort> Ports::plan(const config::SnapshotPointer& snapshot, const filter::Common& common) {
  const bool same = planned_for_ && planned_for_->load_balancers == snapshot->load_balancers &&
                    planned_for_->certificates == snapshot->certificates;
  if (!same) planned_ = plan_anew(*snapshot, common);
  planned_for_ = snapshot;
  return planned_;
}

Ports::WantedPorts Ports::wanted_ports(const config::Snapshot& snapshot, const filter::Common& common) {
  using enum config::ListenerProtocol;
  WantedPorts ports;
  ports.tls[config::kSharedHttps].http = true;
  ports.plain[config::kSharedHttp].http = true;
  for (const auto& load_balancer : snapshot.load_balancers) {
    const auto& listeners = load_balancer->spec.listeners;
    for (std::size_t place = 0; place < listeners.size(); ++place) {
      const config::Listener& listener = listeners[place];
      const std::uint32_t number = shared_ports_.number_of(listener);
      if (number == config::kNoPort) continue;
      const bool secure = listener.protocol == kHttps || listener.protocol == kTls;
      Wanted& wanted = (secure ? ports.tls : ports.plain)[number];
      for (const std::string& network : listener.proxy_protocol_from) {
        wanted.proxied_from.push_back(*config::parse_network(network));
      }
      wanted.h2c |= listener.h2c;
      if (config::is_of_connections(listener.protocol)) {
        wanted.connections().add(listener, tcp_listener(snapshot, *load_balancer, place, common));
        continue;
      }
      wanted.http = true;
      if (listener.protocol != kHttps) continue;
      wanted.https.push_back(listener);
      collect(snapshot, listener, wanted);
    }
  }
  return ports;
}

std::vector<PlannedPort> Ports::plan_anew(const config::Snapshot& snapshot, const filter::Common& common) {
  auto known = snapshot.certificates.begin();  // both are in order
  std::erase_if(loaded_, [&snapshot, &known](const auto& one) {
    while (known != snapshot.certificates.end() && (*known)->name < one.first) ++known;
    return known == snapshot.certificates.end() || (*known)->name != one.first;
  });
  for (auto& [hosts, issued] : issued_) issued.wanted = false;
  without_.clear();
  contexts_wanted_.clear();
  listeners_wanted_.clear();
  auto [tls_ports, plain_ports] = wanted_ports(snapshot, common);
  const auto wanted_no_more = [&](std::uint32_t number) {
    return !plain_ports.contains(number) && !tls_ports.contains(number);
  };
  std::erase_if(ours_, wanted_no_more);
  std::erase_if(taken_, [&](const auto& one) { return wanted_no_more(one.first); });

  std::vector<PlannedPort> ports;
  for (auto& [number, wanted] : plain_ports) {
    ports.push_back({.number = number,
                     .tls = nullptr,
                     .proxied_from = std::move(wanted.proxied_from),
                     .h2c = wanted.h2c,
                     .tcp = std::move(wanted.tcp),
                     .http = wanted.http});
  }
  for (auto& [number, wanted] : tls_ports) {
    auto made = wanted.http ? context(std::to_string(number), wanted) : nullptr;
    const bool refused = wanted.http && made == nullptr;
    if (wanted.tcp) {
      for (const config::Listener& listener : wanted.https) wanted.tcp->add_http(listener);
      if (number == config::kSharedHttps) wanted.tcp->add_http({});
    }
    ports.push_back({.number = number,
                     .tls = std::move(made),
                     .proxied_from = std::move(wanted.proxied_from),
                     .refused = refused,
                     .tcp = std::move(wanted.tcp),
                     .http = wanted.http});
  }
  std::erase_if(ports, [this](const PlannedPort& port) { return !claim(port.number); });
  std::erase_if(issued_, [](const auto& one) { return !one.second.wanted; });
  std::erase_if(contexts_, [this](const auto& one) { return !contexts_wanted_.contains(one.first); });
  std::erase_if(listeners_, [this](const auto& one) { return !listeners_wanted_.contains(one.first); });
  std::ranges::sort(ports, {}, &PlannedPort::number);
  return ports;
}

// It keeps what it shares by its load balancer, port and first host name, wherever it stands in the list.
TcpListenerPointer Ports::tcp_listener(const config::Snapshot& snapshot, const config::LoadBalancer& balancer,
                                       std::size_t place, const filter::Common& common) {
  const config::Listener& spec = balancer.spec.listeners[place];
  std::string key = balancer.name + ' ' + std::to_string(shared_ports_.number_of(spec));
  if (!spec.hostnames.empty()) key += ' ' + spec.hostnames.front();
  listeners_wanted_.insert(key);
  auto& shared = listeners_[key];
  if (!shared) shared = std::make_shared<SharedListener>();
  auto listener = std::make_shared<TcpListener>(balancer, place, common, shared);
  if (spec.protocol == config::ListenerProtocol::kTls && !listener->passthrough()) {
    Wanted wanted;
    collect(snapshot, spec, wanted);
    wanted.settings.protocols = spec.tls ? spec.tls->alpn : std::vector<std::string>();
    listener->tls = context(key, wanted);
    listener->refused = listener->tls == nullptr;
  }
  return listener;
}

// All listeners of a port want the same of clients: config::Whole sees to it.
void Ports::collect(const config::Snapshot& snapshot, const config::Listener& listener, Wanted& wanted) {
  const config::ListenerTls tls = listener.tls.value_or(config::ListenerTls{});
  wanted.settings = {.tls13_only = tls.min_version == config::TlsVersion::k13,
                     .clients = demand_of(tls.client_certificates),
                     .client_ca = tls.client_ca};
  for (const std::string& name : tls.certificates) {
    if (auto certificate = load(snapshot, name)) wanted.named.push_back(std::move(certificate));
  }
  if (!tls.certificates.empty()) return;
  std::ranges::copy(listener.hostnames, std::back_inserter(wanted.unnamed_hosts));
}

std::shared_ptr<const tls::Certificate> Ports::load(const config::Snapshot& snapshot,
                                                    const std::string& name) {
  auto source = snapshot.find_certificate(name);
  if (!source) return nullptr;
  Loaded& loaded = loaded_[name];
  if (loaded.source == source) return loaded.certificate;
  auto certificate = tls::Certificate::load(source->spec.certificate, source->spec.private_key);
  if (certificate) {
    loaded = {std::move(source), std::move(*certificate)};
  } else {
    env_.log.error("a certificate can't be used", {{"name", name}, {"reason", certificate.error().text}});
  }
  return loaded.certificate;
}

std::shared_ptr<const tls::Certificate> Ports::issue(const std::vector<std::string>& hosts) {
  if (!authority_) return given(hosts.front());
  const WallTime now = env_.loop.clock().wall_now();
  Issued& issued = issued_[hosts];
  issued.wanted = true;
  if (issued.certificate && issued.until > now) return issued.certificate;
  const auto pem = authority_->issue(hosts, tls::Usage::kServer, now);
  auto certificate = pem ? tls::Certificate::load(pem->certificate, pem->private_key)
                         : Result<std::shared_ptr<const tls::Certificate>>(fail(pem.error()));
  if (!certificate) {
    env_.log.error("no certificate could be issued",
                   {{"host", hosts.front()}, {"reason", certificate.error().text}});
    return issued.certificate;
  }
  issued.until =
      now + std::chrono::duration_cast<WallTime::duration>(tls::Authority::kLeafValidity - kRenewBefore);
  issued.certificate = std::move(*certificate);
  return issued.certificate;
}

std::shared_ptr<const tls::Certificate> Ports::given(const std::string& host) {
  const auto found = given_.find(host);
  if (found != given_.end() && found->second.certificate) return found->second.certificate;
  without_.insert(host);
  return nullptr;
}

void Ports::set_issued(std::string domain, const std::map<std::string, tls::PemPair>& issued) {
  if (!domain.empty()) domain_ = std::move(domain);
  std::erase_if(given_, [&issued](const auto& one) { return !issued.contains(one.first); });
  for (const auto& [host, pem] : issued) {
    Given& given = given_[host];
    if (given.pem == pem) continue;
    auto certificate = tls::Certificate::load(pem.certificate, pem.private_key);
    if (certificate) {
      given.certificate = std::move(*certificate);
    } else {
      env_.log.error("a certificate can't be used", {{"host", host}, {"reason", certificate.error().text}});
    }
    given.pem = pem;
  }
  look_again();
}

std::shared_ptr<tls::ServerContext> Ports::context(const std::string& key, const Wanted& wanted) {
  contexts_wanted_.insert(key);
  std::vector<std::shared_ptr<const tls::Certificate>> certificates = wanted.named;
  for (const std::string& host : wanted.unnamed_hosts) {
    if (auto issued = issue({host})) certificates.push_back(std::move(issued));
  }
  if (auto own = issue({domain_, "*." + domain_, "localhost", "127.0.0.1"}))
    certificates.push_back(std::move(own));
  auto set = std::make_shared<const tls::CertificateSet>(std::move(certificates));

  Context& known = contexts_[key];
  if (known.context && known.settings == wanted.settings) {
    known.context->replace(std::move(set));
    return known.context;
  }
  tls::ServerOptions options{.protocols = wanted.settings.protocols,
                             .client_certificates = wanted.settings.clients,
                             .client_authorities = nullptr,
                             .tls13_only = wanted.settings.tls13_only};
  Error error;
  if (wanted.settings.clients != tls::ClientCertificates::kOff) {
    auto authorities = tls::TrustStore::parse(wanted.settings.client_ca);
    if (authorities) {
      options.client_authorities = std::move(*authorities);
    } else {
      error = authorities.error();
    }
  }
  if (error == Error{}) {
    auto made = tls::ServerContext::create(std::move(options), std::move(set), ticket_keys_);
    if (made) {
      known = {wanted.settings, std::move(*made)};
      return known.context;
    }
    error = made.error();
  }
  contexts_.erase(key);
  env_.log.error("a listener takes no connections: its TLS can't be had",
                 {{"listener", key}, {"reason", error.text}});
  return nullptr;
}

}  // namespace weir::edge
