// PowerDns: a zone at a PowerDNS Authoritative Server, by its HTTP API
// (https://doc.powerdns.com/authoritative/http-api/zone.html). A PATCH is one transaction there.
#pragma once

#include <string>

#include "cloud/dns_client.h"

namespace weir::cloud {

class PowerDns final : public DnsClient {
 public:
  static constexpr std::size_t kBatchValuesMax = 1000;

  // zone: without a dot at its end.
  PowerDns(net::Env& env, HttpClient::Options options, std::string zone, std::string api_key);

  net::Task<Told<RecordSets>> read() override;
  std::size_t batch_size(std::span<const Change> changes) const override;
  net::Task<Told<void>> write(std::span<const Change> batch) override;

 private:
  Call call(http::Method method) const;

  HttpClient client_;
  std::string zone_;  // "example.com."
  std::string api_key_;
};

}  // namespace weir::cloud
