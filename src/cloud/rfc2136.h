// Rfc2136: a zone at any name server that lets it be copied (AXFR, RFC 5936) and updated (RFC 2136) by who
// signs with a key (RFC 8945): Knot, BIND, PowerDNS, and others. Each call is one connection. A batch is one
// update, which a server makes as a whole or not at all, and only while what it replaces is as it was read.
#pragma once

#include <cstddef>
#include <string>

#include "cloud/dns_client.h"
#include "dns/tsig.h"
#include "tls/dial.h"

namespace weir::cloud {

class Rfc2136 final : public DnsClient {
 public:
  static constexpr Duration kConnectTimeout = std::chrono::seconds(5);
  static constexpr Duration kReadTimeout = std::chrono::seconds(60);  // of a whole zone
  static constexpr Duration kWriteTimeout = std::chrono::seconds(20);
  static constexpr std::size_t kZoneBytesMax = std::size_t{64} << 20U;  // of all its messages
  static constexpr std::size_t kBatchBytesMax = std::size_t{15} << 10U;

  // zone: without a dot at its end. env outlives the client.
  Rfc2136(net::Env& env, tls::Host server, std::string zone, dns::TsigKey key,
          std::size_t zone_bytes_max = kZoneBytesMax);

  std::string fit(RecordSet& wanted) const override;
  net::Task<Told<RecordSets>> read() override;
  std::size_t batch_size(std::span<const Change> changes) const override;
  net::Task<Told<void>> write(std::span<const Change> batch) override;

 private:
  net::Env& env_;
  tls::Host server_;
  std::string zone_;  // "example.com."
  dns::TsigKey key_;
  std::size_t zone_bytes_max_;
};

}  // namespace weir::cloud
