// For tests: the octets of queries, and replies as texts.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "config/formats.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/rdata.h"

namespace weir::nameserver {

// subnet: "192.0.2.0/24", of the client whom the query is for
inline std::vector<std::uint8_t> query(const std::string& name, const std::string& type,
                                       const std::string& subnet = "") {
  std::vector<std::uint8_t> message(dns::kHeaderBytes);
  message[1] = 7;
  message[5] = 1;
  const dns::Name owner = *dns::Name::parse(name + '.', dns::Name());
  message.insert(message.end(), owner.wire().begin(), owner.wire().end());
  const unsigned number = static_cast<std::uint16_t>(*dns::read_type(type));
  for (const unsigned octet : {number >> 8U, number & 255U, 0U, 1U}) {
    message.push_back(static_cast<std::uint8_t>(octet));
  }
  if (subnet.empty()) return message;
  const auto network = *config::parse_network(subnet);
  const unsigned bytes = (network.prefix_bits + 7U) / 8;
  message[11] = 1;  // OPT: 1,232 bytes, no flags; option 8
  for (const unsigned octet : {0U, 0U, 41U, 4U, 208U, 0U, 0U, 0U, 0U, 0U, 8 + bytes, 0U, 8U, 0U, 4 + bytes,
                               0U, network.v6 ? 2U : 1U, unsigned{network.prefix_bits}, 0U}) {
    message.push_back(static_cast<std::uint8_t>(octet));
  }
  message.insert(message.end(), network.bytes.begin(), network.bytes.begin() + bytes);
  return message;
}

// "0: 192.0.2.1 192.0.2.2": code and data of the answers; TC is "+"
inline std::string shown(dns::Bytes message) {
  auto reader = dns::MessageReader::start(message);
  REQUIRE(reader.has_value());
  const auto& header = reader->header();
  std::string text =
      std::to_string(header.flags & 15U) + ((header.flags & dns::kFlagTruncated) != 0 ? "+:" : ":");
  for (int i = 0; i < header.counts[0]; ++i) REQUIRE(reader->question());
  for (int i = 0; i < header.counts[1]; ++i) {
    const auto record = reader->record();
    REQUIRE(record);
    std::vector<std::uint8_t> rdata;
    REQUIRE(dns::copy_rdata(message, *record, rdata));
    text += ' ';
    dns::write_rdata(text, record->type, rdata);
  }
  return text;
}

}  // namespace weir::nameserver
