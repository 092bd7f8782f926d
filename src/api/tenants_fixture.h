// Tenants: an API with three sets of objects of every kind: an organization's own, another's, and the
// platform's; and tokens of the first of each role. For tests only.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "api/api_fixture.h"
#include "config/kinds.h"
#include "mirror/records.h"
#include "tls/tls_fixture.h"

namespace weir::api {

using auth::Role;
using config::Kind;

inline constexpr const char* kMergePatch = "Content-Type: application/merge-patch+json\r\n";
// Stands in every object that is somebody else's, and must be in no answer.
inline constexpr const char* kMark = "nobody-elses-business";

// One object of each kind; @: whose, by which its name begins, and the names in it.
struct Sample {
  Kind kind;
  const char* spec;
};
inline constexpr std::array kSamples{
    Sample{Kind::kLoadBalancer,
           R"({"listeners":[{"protocol":"HTTP","hostnames":["@.example"]}],
               "routes":[{"backends":[{"service":"@-services"}]}]})"},
    Sample{Kind::kService, R"({"endpoints":[{"address":"10.0.0.1:80"}]})"},
    Sample{Kind::kEndpoint, R"({"service":"@-services","address":"10.0.0.1:80","lease":"10s"})"},
    Sample{Kind::kToken, R"({"role":"viewer"})"},
    Sample{Kind::kEvent, R"({"actor":"@-users","verb":"create","kind":"Service","name":"x"})"},
    Sample{Kind::kCertificate, "{}"},  // see a_certificate()
    Sample{Kind::kSecret, R"({"values":{"a":"b"}})"},
    Sample{Kind::kEdge, R"({"city":"fra"})"},
    Sample{Kind::kRollout, R"({"changes":[{"kind":"Service","metadata":{"name":"@-services"}}]})"},
    Sample{Kind::kTunnel, R"({"service":"@-services","instance":"laptop","edge":"fra-1"})"},
    Sample{Kind::kUser, R"({"email":"@@mail.example","display_name":"@"})"},
    Sample{Kind::kZone, R"({"nameservers":["ns1"]})"},
    Sample{Kind::kRecordSet, R"({"zone":"@-zones","name":"www","type":"A","values":["192.0.2.1"]})"},
    Sample{Kind::kDnsProvider, R"({"type":"CLOUDFLARE","credentials":"@-secrets","zones":["@-zones"]})"},
    Sample{Kind::kDnsLedger, R"({"provider":"@-dnsproviders","zone":"@-zones"})"},
    Sample{Kind::kDnsWeights, R"({"zone":"@-zones"})"},
    Sample{Kind::kWorkload,
           R"({"containers":[{"name":"app","image":"example.org/a:1"}],
            "targets":[{"name":"eu","cities":["fra"]}]})"},
    Sample{Kind::kNode, R"({"city":"fra"})"},
    Sample{Kind::kInstance, R"({"workload":"@-workloads","target":"eu","city":"fra","number":1,"node":"n",
               "containers":[{"name":"app","image":"example.org/a:1"}]})"},
    Sample{Kind::kOrganization, R"({"members":[{"user":"@-users","role":"owner"}]})"},
    Sample{Kind::kSession, R"({"user":"@-users"})"},
};
static_assert(kSamples.size() == config::kKindsMax, "a new kind needs a sample here");

// Whose everything else is.
inline constexpr std::array<const char*, 2> kOthers{"theirs", "platforms"};

inline std::string filled(std::string text, const std::string& whose) {
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + whose.size())) {
    if (text.compare(at, 2, "@@") == 0) {
      text.replace(at, 2, whose + "@");
      ++at;
    } else {
      text.replace(at, 1, whose);
    }
  }
  return text;
}

inline std::string name_of(Kind kind, const std::string& whose) {
  if (kind == Kind::kOrganization) return whose;
  return whose + '-' + std::string(config::info_of(kind).plural);
}

inline const tls::PemPair& a_certificate() {
  static const tls::PemPair pair = tls::World().issue({"a.example"});
  return pair;
}

// PEM within a text of JSON.
inline std::string in_json(std::string text) {
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 2)) {
    text.replace(at, 1, "\\n");
  }
  return text;
}

// As it is in the store.
inline std::string sample_json(const Sample& sample, const std::string& whose,
                               const std::string& organization, const std::string& name = {}) {
  std::string metadata = R"({"name":")" + (name.empty() ? name_of(sample.kind, whose) : name) + '"';
  if (!organization.empty()) metadata += R"(,"organization":")" + organization + '"';
  if (whose != "ours") metadata += R"(,"annotations":{"note":")" + std::string(kMark) + R"("})";
  std::string spec = filled(sample.spec, whose);
  if (sample.kind == Kind::kCertificate) {
    spec = R"({"certificate":")" + in_json(a_certificate().certificate) + R"(","private_key":")" +
           in_json(a_certificate().private_key) + R"("})";
  }
  return R"({"kind":")" + std::string(config::info_of(sample.kind).name) + R"(","metadata":)" + metadata +
         R"(},"spec":)" + spec + '}';
}

inline bool is_owned(Kind kind) {
  return kind != Kind::kEdge && kind != Kind::kNode && kind != Kind::kRollout && kind != Kind::kUser &&
         kind != Kind::kOrganization && kind != Kind::kSession;
}

class Tenants : public ApiFixture {
 public:
  Tenants() {
    for (const char* whose : {"ours", "theirs", "platforms"}) {
      for (const Sample& sample : kSamples) {
        const bool owned = is_owned(sample.kind) && std::string(whose) != "platforms";
        put(sample_json(sample, whose, owned ? whose : ""));
      }
    }
    std::vector<auth::TokenRecord> tokens;
    for (const Role role : {Role::kOwner, Role::kAdmin, Role::kEditor, Role::kViewer}) {
      tokens.push_back({.name = std::string(auth::name_of(role)),
                        .hash = token_of(fill_of(role)).hash,
                        .role = role,
                        .user = "ours-users",
                        .organization = "ours"});
    }
    tokens.push_back({.name = "narrow",
                      .hash = token_of(9).hash,
                      .role = Role::kAdmin,
                      .organization = "ours",
                      .scopes = {"services:write", "tokens:write", "zones:read"}});
    set_tokens(std::move(tokens));
    api.set_explain_source([](const ExplainQuestion& asked, const Api::Explained& done) {
      if (asked.dns.empty()) {
        done(R"({"load_balancer":")" + asked.id + R"(","candidates":[{"route":"theirs-loadbalancers/0"},)" +
             R"({"route":"ours-loadbalancers/0"}]})");
      } else {
        done(R"({"steps":[{"zone":")" + asked.dns + R"(."},{"zone":"theirs-zones.","note":"x"}]})");
      }
    });
    api.set_health_source([](std::string_view service) { return '"' + std::string(service) + '"'; });
    api.set_provider_source([](const std::string& provider, ProviderCall, const Api::Explained& done) {
      done('"' + provider + '"');
    });
    api.set_insight([](http::Request&, const Target& target, const auth::Identity&,
                       const std::function<bool()>&) -> net::Task<Answer<http::ResponsePtr>> {
      co_return http::ResponsePtr(std::make_unique<http::TextResponse>(200, "text/plain", target.name));
    });
  }

  static int fill_of(Role role) { return 3 + static_cast<int>(role); }

  void put(const std::string& json) {
    auto object = config::parse_object(json, config::Origin::kStore);
    if (!object) FAIL(json << "\n" << config::to_text(object.error()));
    store::Transaction transaction;
    transaction.put(mirror::key_of(object->kind(), object->metadata.name), mirror::encode(*object));
    const auto committed = fake.run(store.commit(std::move(transaction)));
    REQUIRE((committed && *committed));
    const auto read = fake.run(mirror.catch_up());
    REQUIRE((read && *read));
  }
  ApiAnswer as(int fill, std::string_view method, const std::string& target, std::string_view body = {},
               const std::string& fields = {}) {
    return call(method, target, body, "Authorization: Bearer " + token_of(fill).text + "\r\n" + fields);
  }
  ApiAnswer as(Role role, std::string_view method, const std::string& target, std::string_view body = {},
               const std::string& fields = {}) {
    return as(fill_of(role), method, target, body, fields);
  }
  store::Revision revision() {
    const auto page = fake.run(store.list("", "", 1));
    REQUIRE((page && *page));
    return (*page)->revision;
  }
};

inline std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// Without what differs from request to request.
inline std::string comparable(const ApiAnswer& answer, const std::string& name) {
  std::string body = replaced(answer.body, name, "NAME");
  const std::size_t at = body.find("\"request_id\"");
  if (at != std::string::npos) body.erase(at);
  return std::to_string(answer.status) + ' ' + body;
}

}  // namespace weir::api
