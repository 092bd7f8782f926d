// Route53: a public hosted zone at Amazon's Route 53, by its API of 2013-04-01
// (https://docs.aws.amazon.com/Route53/latest/APIReference). A change batch is one transaction there. Sets
// with a routing policy, a health check or an alias target are never touched.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cloud/dns_client.h"
#include "cloud/signature_v4.h"

namespace weir::cloud {

class Route53 final : public DnsClient {
 public:
  static constexpr std::string_view kUrl = "https://route53.amazonaws.com";
  static constexpr Duration kGap = std::chrono::milliseconds(200);  // five requests a second for an account
  static constexpr std::size_t kPageSets = 300;
  static constexpr std::size_t kPagesMax = 1000;
  static constexpr std::size_t kPageBytesMax = std::size_t{32} << 20U;  // a set has up to 32,000 characters
  // Of a batch: 1,000 values and 32,000 characters; what is replaced counts twice.
  static constexpr std::size_t kBatchCharactersMax = 32'000;
  static constexpr std::size_t kCharactersOfValue = 32;  // so that 1,000 values are as much as all characters

  // Its own `prepare` signs.
  Route53(net::Env& env, HttpClient::Options options, std::string zone, AwsKey key);

  net::Task<Told<RecordSets>> read() override;
  std::size_t batch_size(std::span<const Change> changes) const override;
  net::Task<Told<void>> write(std::span<const Change> batch) override;

 private:
  struct Next {
    std::string name;
    std::string type;
    std::string identifier;
    bool more = false;
  };
  net::Task<Told<std::string>> find_zone();
  net::Task<Told<Next>> read_page(Next from, std::vector<RecordSet>& sets);
  std::string batch_text(std::span<const Change> batch) const;

  HttpClient client_;
  std::string zone_;                                   // "example.com."
  std::string id_;                                     // of the hosted zone
  std::map<std::string, RecordSet, std::less<>> raw_;  // by key: as it is written there
};

// Of names and values: an octet is \DDD in octal there, and in decimal in master files.
std::string from_octal(std::string_view text);
std::string to_octal(std::string_view text);

}  // namespace weir::cloud
