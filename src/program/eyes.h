// What a role with a data plane tells others about its traffic: the access log, to all of its targets, and
// traces.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "base/log.h"
#include "cli/arguments.h"
#include "record/access_log.h"
#include "record/tracer.h"
#include "shipping/spans.h"
#include "shipping/station.h"
#include "store/data_directory.h"

namespace weir::program {

struct Eyes {
  std::unique_ptr<shipping::Station> station;     // null: nothing goes to collectors
  std::unique_ptr<record::AccessLog> access_log;  // null: none is wanted
  std::unique_ptr<shipping::SpanTarget> spans;    // null: no traces are told
  std::unique_ptr<record::Tracing> tracing;       // with spans

  // Prometheus text exposition: of traces.
  void write_metrics(std::string& out) const {
    if (spans) spans->write_metrics(out);
  }
};

// The error is a sentence. log outlives it.
std::expected<Eyes, std::string> open_eyes(const cli::UpOptions& options,
                                           const store::DataDirectory& directory, Log& log);

}  // namespace weir::program
