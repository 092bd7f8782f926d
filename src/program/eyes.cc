#include "program/eyes.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string_view>
#include <utility>

#include "record/log_file.h"
#include "role/machine.h"
#include "shipping/collector_lines.h"
#include "tls/client_context.h"
#include "tls/trust_store.h"

namespace weir::program {
namespace {

using Kind = record::AccessLogTarget::Kind;

constexpr const char* kSpoolName = "log-spool";  // in the data directory

std::string_view authority_of(std::string_view url) {
  url.remove_prefix(std::min(url.find("//") + 2, url.size()));
  return url.substr(0, url.find_first_of("/?"));
}

// Their URLs.
std::vector<std::string> collectors_of(const cli::UpOptions& options) {
  std::vector<std::string> urls;
  for (const record::AccessLogTarget& one : options.access_log) {
    if (one.kind == Kind::kCollector) urls.push_back(one.path);
  }
  if (!options.traces.empty()) urls.push_back(options.traces);
  return urls;
}

// Whose authorities collectors are verified by; null: none of them is spoken to by TLS.
std::expected<std::shared_ptr<tls::ClientContext>, std::string> context_for(const cli::UpOptions& options) {
  const auto over_tls = [](const std::string& url) { return url.starts_with("https://"); };
  if (std::ranges::none_of(collectors_of(options), over_tls)) return nullptr;
  auto authorities = tls::TrustStore::system();
  if (const std::string& file = options.collector_ca; !file.empty()) {
    const auto bundle = role::read_file(file, tls::TrustStore::kBundleBytesMax);
    if (!bundle) return std::unexpected(file + " (--collector-ca): " + sentence_of(bundle.error()));
    authorities = tls::TrustStore::parse(*bundle);
    if (!authorities) return std::unexpected(file + " (--collector-ca): " + authorities.error().text);
  }
  if (!authorities) return std::unexpected(std::string("no authorities: ") + authorities.error().text);
  auto context = tls::ClientContext::create({.authorities = std::move(*authorities)});
  if (!context) return std::unexpected(std::string("no TLS: ") + context.error().text);
  return std::move(*context);
}

// By the collectors' hosts: a token of one is not for another.
class HeaderFiles {
 public:
  static std::expected<HeaderFiles, std::string> of(const cli::UpOptions& options) {
    const std::vector<std::string> urls = collectors_of(options);
    std::set<std::string_view> hosts;
    for (const std::string& url : urls) hosts.insert(authority_of(url));
    HeaderFiles files;
    for (const std::string& written : options.collector_header_files) {
      const auto host = std::ranges::find_if(hosts, [&](std::string_view one) {
        return written.starts_with(one) && written.substr(one.size()).starts_with('=');
      });
      if (host == hosts.end() && hosts.size() != 1) {
        return std::unexpected("--collector-header-file " + written +
                               " does not say which collector it is for: HOST[:PORT]=FILE");
      }
      const std::string_view of_host = host == hosts.end() ? *hosts.begin() : *host;
      const std::string file = host == hosts.end() ? written : written.substr(of_host.size() + 1);
      files.files_.emplace_back(of_host, file);
    }
    return files;
  }
  std::string find(std::string_view url) const {
    const auto found = std::ranges::find(files_, authority_of(url), &File::first);
    return found == files_.end() ? std::string() : found->second;
  }

 private:
  using File = std::pair<std::string, std::string>;
  std::vector<File> files_;
};

// Where collectors have their spools, in the data directory.
std::expected<std::string, std::string> spool_folder(const store::DataDirectory& directory) {
  std::string folder = directory.path_of(kSpoolName);
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return folder;
  return std::unexpected(folder + ": " + sentence_of(system_error(errno, "it cannot be made")));
}

class Opening {
 public:
  Opening(const cli::UpOptions& options, const store::DataDirectory& directory, Log& log)
      : options_(options), directory_(directory), log_(log) {}

  std::expected<Eyes, std::string> run() {
    if (options_.access_log.empty() && options_.traces.empty()) return Eyes();
    auto headers = HeaderFiles::of(options_);
    if (!headers) return std::unexpected(headers.error());
    headers_ = std::move(*headers);
    auto context = context_for(options_);
    if (!context) return std::unexpected(context.error());
    context_ = std::move(*context);
    if (!collectors_of(options_).empty()) {
      auto station = shipping::Station::create(log_);
      if (!station) return std::unexpected(station.error());
      eyes_.station = std::move(*station);
    }
    if (auto done = open_access_log(); !done) return std::unexpected(done.error());
    if (auto done = open_traces(); !done) return std::unexpected(done.error());
    return std::move(eyes_);
  }

 private:
  shipping::CollectorOptions collector(const std::string& url) const {
    return {.url = url, .header_file = headers_.find(url), .context = context_};
  }

  std::expected<void, std::string> open_access_log() {
    if (options_.access_log.empty()) return {};
    auto access_log = std::make_unique<record::AccessLog>();
    for (const record::AccessLogTarget& target : options_.access_log) {
      auto opened = open_target(target);
      if (!opened) {
        return std::unexpected("cannot open the access log " + target.name() +
                               " (--access-log): " + opened.error());
      }
      access_log->add(std::move(*opened));
    }
    eyes_.access_log = std::move(access_log);
    return {};
  }

  std::expected<std::unique_ptr<record::LineTarget>, std::string> open_target(
      const record::AccessLogTarget& target) {
    if (target.kind != Kind::kCollector) {
      auto opened = record::LogFile::open(target, log_);
      if (!opened) return std::unexpected(why_not(opened.error()));
      return std::move(*opened);
    }
    auto folder = spool_folder(directory_);
    if (!folder) return std::unexpected(folder.error());
    return shipping::CollectorLines::open(target.name(), *eyes_.station,
                                          {.collector = collector(target.path),
                                           .folder = std::move(*folder),
                                           .spool_bytes_max = options_.access_log_spool});
  }

  std::expected<void, std::string> open_traces() {
    if (options_.traces.empty()) return {};
    auto opened = shipping::SpanTarget::open("traces", *eyes_.station, collector(options_.traces),
                                             {{"service.name", "weir"},
                                              {"service.version", WEIR_VERSION},
                                              {"service.instance.id", role::name_of_this_machine()},
                                              {"host.name", role::name_of_this_machine()},
                                              {"cloud.provider", options_.provider},
                                              {"cloud.region", options_.region}});
    if (!opened) return std::unexpected("cannot tell traces (--traces): " + opened.error());
    eyes_.spans = std::move(*opened);
    eyes_.tracing = std::make_unique<record::Tracing>(
        record::Tracing{*eyes_.spans, record::Tracing::share_of(options_.trace_sample)});
    return {};
  }

  const cli::UpOptions& options_;
  const store::DataDirectory& directory_;
  Log& log_;
  HeaderFiles headers_;
  std::shared_ptr<tls::ClientContext> context_;
  Eyes eyes_;
};

}  // namespace

std::expected<Eyes, std::string> open_eyes(const cli::UpOptions& options,
                                           const store::DataDirectory& directory, Log& log) {
  return Opening(options, directory, log).run();
}

}  // namespace weir::program
