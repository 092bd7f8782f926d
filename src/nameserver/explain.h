// Why a query is answered as it is: the way of one through zones, names, RecordSets, places and health, as
// JSON for people and programs. Takes no turn and changes nothing. On the control loop.
#pragma once

#include <expected>
#include <string>

#include "nameserver/catalogue.h"

namespace weir::nameserver {

struct QueryToExplain {
  std::string name;  // "www.example.com"
  std::string type;  // empty: A
  std::string from;  // an address or a network; empty: 127.0.0.1
};

// The error is a sentence about the question.
std::expected<std::string, std::string> explain(const Catalogue& catalogue, const QueryToExplain& query);

}  // namespace weir::nameserver
