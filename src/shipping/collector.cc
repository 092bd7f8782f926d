#include "shipping/collector.h"

#include <algorithm>

#include "base/text.h"
#include "http/h1_bytes.h"
#include "store/kept_file.h"

namespace weir::shipping {
namespace {

// What weir says itself.
constexpr std::string_view kOwnFields[] = {"host",       "content-length",    "content-type",
                                           "connection", "transfer-encoding", "x-weir-batch"};

Delivery delivery_of(const cloud::Answered& answer, const std::string& authority) {
  using Outcome = Delivery::Outcome;
  if (answer.status >= 200 && answer.status < 300) return {.outcome = Outcome::kTaken};
  // That the content is wrong; what else there is, such as 401 or 404, somebody may put right.
  const bool refused = answer.status == 400 || answer.status == 413 || answer.status == 422;
  return {.outcome = refused ? Outcome::kRefused : Outcome::kFailed,
          .sentence = authority + " answers with status " + std::to_string(answer.status)};
}

}  // namespace

std::expected<Collector::Fields, std::string> Collector::parse_fields(std::string_view text) {
  Fields fields;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const auto wrong = [number](const char* what) {
      return std::unexpected("line " + std::to_string(number) + ' ' + what);
    };
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return wrong("has no colon: it should be like \"Authorization: Bearer ...\"");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    const auto is_visible = [](char c) { return c >= ' ' && c != 0x7f; };
    if (name.empty() || !std::ranges::all_of(name, http::is_token_byte)) return wrong("has no valid name");
    if (value.empty() || !std::ranges::all_of(value, is_visible)) return wrong("has no valid value");
    if (std::ranges::find(kOwnFields, to_lower(name)) != std::end(kOwnFields)) {
      return wrong("is a field that weir sets itself");
    }
    if (fields.size() == kHeadersMax) return wrong("is one too many");
    fields.emplace_back(name, value);
  }
  return fields;
}

std::expected<Collector::Fields, std::string> Collector::read_fields(const std::string& path) {
  if (path.empty()) return Fields();
  const auto text = store::KeptFile::read(path, kHeaderFileBytesMax);
  if (!text) return std::unexpected(path + ": " + sentence_of(text.error()));
  auto fields = parse_fields(*text);
  if (!fields) return std::unexpected(path + ": " + fields.error());
  return fields;
}

std::expected<std::unique_ptr<Collector>, std::string> Collector::open(net::Env& env,
                                                                       CollectorOptions options) {
  // The query, and a slash at the end, are no part of cloud's URL.
  const std::string_view text = options.url;
  const std::size_t host = std::min(text.find("//"), text.size() - std::min<std::size_t>(2, text.size())) + 2;
  const std::size_t query = std::min(text.find('?'), text.size());
  const std::size_t path = std::min(text.find('/', host), query);
  auto url = cloud::Url::parse(text.substr(0, path));
  if (!url) return std::unexpected("the URL " + url.error());
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7f && c != '#'; };
  if (!std::ranges::all_of(text, is_plain)) {
    return std::unexpected("the URL must have visible ASCII only, and no \"#\"");
  }
  std::string of_path(text.substr(path, query - path));
  if (of_path.empty()) of_path = "/";
  std::string of_query(query < text.size() ? text.substr(query + 1) : std::string_view());
  if (!url->over_tls && !options.header_file.empty() && !url->host.is_loopback()) {
    return std::unexpected(
        "the fields of a header file are not sent without TLS: the URL must begin with "
        "https://");
  }
  if (auto fields = read_fields(options.header_file); !fields) return std::unexpected(fields.error());
  return std::unique_ptr<Collector>(
      new Collector(env, std::move(options), std::move(*url), std::move(of_path), std::move(of_query)));
}

Collector::Collector(net::Env& env, CollectorOptions options, cloud::Url url, std::string path,
                     std::string query)
    : options_(std::move(options)),
      path_(std::move(path)),
      query_(std::move(query)),
      client_(env, {.url = std::move(url),
                    .context = options_.context,
                    .prepare = nullptr,
                    .answer_timeout = kAnswerTimeout,
                    .answer_bytes_max = kAnswerBytesMax,
                    .tries_max = 1}) {
  if (client_.url().over_tls || client_.url().host.is_loopback()) return;
  env.log.warning("what is sent to a collector without TLS can be read on its way",
                  {{"collector", client_.url().authority}});
}

net::Task<Delivery> Collector::post(std::string content_type, std::string content, Fields fields) {
  auto secret = read_fields(options_.header_file);
  if (!secret) co_return Delivery{.outcome = Delivery::Outcome::kFailed, .sentence = secret.error()};
  std::ranges::move(*secret, std::back_inserter(fields));
  auto answer = co_await client_.ask({.method = http::Method::kPost,
                                      .path = path_,
                                      .query = query_,
                                      .fields = std::move(fields),
                                      .content_type = std::move(content_type),
                                      .content = std::move(content)});
  if (answer) co_return delivery_of(*answer, client_.url().authority);
  const bool cancelled = answer.error().kind == cloud::Trouble::Kind::kCancelled;
  co_return Delivery{.outcome = cancelled ? Delivery::Outcome::kCancelled : Delivery::Outcome::kFailed,
                     .sentence = std::move(answer.error().sentence),
                     .wait = answer.error().wait};
}

}  // namespace weir::shipping
