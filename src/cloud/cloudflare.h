// Cloudflare: a zone at Cloudflare, by its API of version 4
// (https://developers.cloudflare.com/api/resources/dns). It keeps records, not sets of them; a batch is one
// transaction there, which deletes before it makes. What is proxied is never touched, and nothing that weir
// makes is proxied.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cloud/dns_client.h"

namespace weir::cloud {

class Cloudflare final : public DnsClient {
 public:
  static constexpr std::string_view kUrl = "https://api.cloudflare.com/client/v4";
  static constexpr Duration kGap = std::chrono::milliseconds(250);  // 1,200 requests in five minutes
  static constexpr std::size_t kPageRecords = 500;
  static constexpr std::size_t kPagesMax = 1000;
  static constexpr std::size_t kPageBytesMax = std::size_t{16} << 20U;
  static constexpr std::size_t kBatchRecordsMax = 200;  // of the plan that costs nothing
  static constexpr std::uint32_t kTtlMin = 60;
  static constexpr std::uint32_t kTtlMax = 86'400;

  Cloudflare(net::Env& env, HttpClient::Options options, std::string zone, std::string token);

  std::string fit(RecordSet& wanted) const override;
  net::Task<Told<RecordSets>> read() override;
  std::size_t batch_size(std::span<const Change> changes) const override;
  net::Task<Told<void>> write(std::span<const Change> batch) override;

 private:
  // One record there.
  struct Kept {
    std::string id;
    std::string value;  // normal_value()
    std::uint32_t ttl = 0;
  };
  Call call(http::Method method, std::string path, std::string query = {}) const;
  net::Task<Told<std::string>> find_zone();
  net::Task<Told<std::size_t>> read_page(std::size_t page, std::vector<RecordSet>& sets);

  HttpClient client_;
  std::string zone_;  // "example.com."
  std::string token_;
  std::string id_;                                              // of the zone
  std::map<std::string, std::vector<Kept>, std::less<>> kept_;  // by key of the set
};

}  // namespace weir::cloud
