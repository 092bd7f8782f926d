#include "nameserver/nameserver.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <ranges>
#include <utility>

#include "base/exposition.h"
#include "base/text.h"
#include "dns/message.h"
#include "dns/name.h"

namespace weir::nameserver {
namespace {

// Ejections are decided where requests are, and not told: they are looked for.
constexpr Duration kLookInterval = std::chrono::milliseconds(100);

constexpr std::size_t kSerialsShownMax = 1000;  // a line each

// By number (https://www.iana.org/assignments/dns-parameters); those without a name are not sent.
constexpr std::array<std::string_view, WorkerCounters::kRcodes> kRcodeNames{
    "noerror", "formerr", "servfail", "nxdomain", "notimp", "refused", "yxdomain", "yxrrset",
    "nxrrset", "notauth", "notzone",  {},         {},       {},        {},         {},
    "badvers", {},        {},         {},         {},       {},        {},         "badcookie"};

}  // namespace

Nameserver::Nameserver(net::Env& control, std::span<net::Env* const> workers, const WorkerOptions& options,
                       Catalogue::Health health)
    : control_(control),
      names_(control, [this](const std::string& name) { catalogue_.look_at_name(name); }),
      catalogue_(std::move(health), &names_,
                 [this](const ViewPointer& view) {
                   for (const auto& worker : workers_) {
                     worker->env().loop.post([worker = worker.get(), view] { worker->apply(view); });
                   }
                 }),
      notifier_(control),
      tasks_(control.loop) {
  for (net::Env* env : workers) workers_.push_back(std::make_unique<Worker>(*env, options));
}

Result<net::Address> Nameserver::listen(net::Address at) {
  for (const auto& worker : workers_) {
    auto bound = worker->listen(at);
    if (!bound) {
      for (const auto& one : workers_) one->close();
      return fail(bound.error());
    }
    at = *bound;
  }
  for (const auto& worker : workers_) {
    if (updates_) pass_on_updates(*worker);
    worker->env().loop.post([worker = worker.get()] { worker->serve(); });
  }
  listening_ = true;
  notifier_.open(at);
  tell_of_changes();
  tasks_.spawn(look_around());
  if (files_) files_->start();
  if (countries_) tasks_.spawn(countries_->watch(*slow_));
  return at;
}

Result<void> Nameserver::serve_files(net::Env& slow, const std::string& folder) {
  files_.emplace(control_, slow, folder, [this](const std::string& zone, zones::ChangedFile file) {
    catalogue_.put_file(zone, std::move(file));
    when_taken([this, zone, view = catalogue_.view()] {
      if (!told_) return;
      for (const auto& one : told_->zones) {
        if (one->name == zone) tell_of(*one, *view);
      }
    });
  });
  return files_->check();
}

// From the worker's loop to the control loop, and back.
void Nameserver::pass_on_updates(Worker& worker) {
  worker.on_update([this, &worker](dnsupdate::UpdateRequest request, std::function<void(dns::Rcode)> done) {
    control_.loop.post([this, &worker, request = std::move(request), done = std::move(done)]() mutable {
      if (!stopping_) return tasks_.spawn(carry_out(worker, std::move(request), std::move(done)));
      worker.env().loop.post([done = std::move(done)] { done(dns::Rcode::kServFail); });
    });
  });
}

net::Task<void> Nameserver::carry_out(Worker& worker, dnsupdate::UpdateRequest request,
                                      std::function<void(dns::Rcode)> done) {
  request.file = file_for(request.message);
  const dns::Rcode rcode = co_await updates_(std::move(request));
  worker.env().loop.post([done = std::move(done), rcode] { done(rcode); });
}

// What a file has of the zone that an update is of.
std::shared_ptr<const dns::Zone> Nameserver::file_for(dns::Bytes update) const {
  auto reader = dns::MessageReader::start(update);
  const auto question = reader ? reader->question() : fail(reader.error());
  if (!question) return nullptr;
  std::string zone = to_lower(question->name.to_text());
  zone.pop_back();
  return catalogue_.file_of(zone);
}

// Called when every worker answers from what is in the catalogue now: whoever hears of a change comes at
// once, and goes with what was before if that is what he finds. Only where queries are answered.
void Nameserver::when_taken(const std::function<void()>& then) {
  if (!listening_) return;
  const auto left = std::make_shared<std::size_t>(workers_.size());  // touched on the control loop
  for (const auto& worker : workers_) {
    worker->env().loop.post([this, left, then] {
      control_.loop.post([left, then] {
        if (--*left == 0) then();
      });
    });
  }
}

void Nameserver::tell_of_changes() {
  if (!applied_) return;
  when_taken([this, snapshot = applied_, view = catalogue_.view()] {
    const config::SnapshotPointer before = told_ ? told_ : std::make_shared<const config::Snapshot>();
    told_ = snapshot;
    config::each_difference(before->zones, told_->zones, [&](const auto& old, const auto& zone) {
      if (!zone) return notifier_.forget(old->name);
      tell_of(*zone, *view);
    });
  });
}

void Nameserver::tell_of(const config::Zone& zone, const View& view) {
  const auto apex = dns::Name::parse(zone.name + '.', dns::Name());
  if (!apex) return;
  const dns::Zone* made = view.zones().find(dns::HashedName(apex->wire()), dns::Type::kSoa);
  if (made == nullptr || !dns::same_name(made->apex(), apex->wire())) return;
  notifier_.tell(zone, *made, view.rules().keys);
}

std::expected<void, std::string> Nameserver::read_countries(const std::string& file, net::Loop& slow) {
  slow_ = &slow;
  countries_.emplace(control_, file,
                     [this](GeoDatabasePointer read) { catalogue_.set_countries(std::move(read)); });
  return countries_->open();
}

void Nameserver::apply(const config::SnapshotPointer& snapshot) {
  const auto wrong_before = catalogue_.wrong_keys();
  catalogue_.apply(snapshot);
  tell_refused();
  for (const auto& [secret, reason] : catalogue_.wrong_keys()) {
    const auto known = wrong_before.find(secret);
    if (known != wrong_before.end() && known->second == reason) continue;
    control_.log.error("a Secret is no TSIG key", {{"secret", secret}, {"reason", reason}});
  }
  applied_ = snapshot;
  tell_of_changes();
}

void Nameserver::set_domain(const std::string& domain, const std::string& address) {
  catalogue_.set_domain(domain, address);
  tell_refused();
}

void Nameserver::look_at(std::string_view service) {
  catalogue_.look_at(service);
  tell_refused();
}

void Nameserver::tell_refused() {
  const auto refused = catalogue_.refused();
  if (refused == told_refused_) return;
  for (const auto& [zone, reason] : refused) {
    const auto known = told_refused_.find(zone);
    if (known != told_refused_.end() && known->second == reason) continue;
    control_.log.error("a zone can't be served as it is written", {{"zone", zone}, {"reason", reason}});
  }
  told_refused_ = refused;
}

void Nameserver::set_cookies(const dns::CookieSecrets& cookies) {
  for (const auto& worker : workers_) {
    worker->env().loop.post([worker = worker.get(), cookies] { worker->set_cookies(cookies); });
  }
}

net::Task<void> Nameserver::look_around() {
  while (co_await control_.loop.sleep(kLookInterval)) {
    catalogue_.look_at_all();
    tell_refused();
  }
}

net::Task<void> Nameserver::stop() {
  stopping_ = true;
  co_await notifier_.stop();
  co_await tasks_.stop();
  if (files_) co_await files_->stop();
  co_await names_.stop();
  if (!std::exchange(listening_, false)) co_return;
  for (const auto& worker : workers_) {
    net::Event stopped;
    worker->env().loop.post([&, worker = worker.get()] {
      worker->finish([&] { control_.loop.post([&stopped] { stopped.set(); }); });
    });
    (void)co_await stopped.wait(control_.loop);
  }
}

std::uint64_t Nameserver::queries() const {
  std::uint64_t all = 0;
  for (const auto& worker : workers_) {
    all += worker->counters().udp_queries.get() + worker->counters().tcp_queries.get();
  }
  return all;
}

void Nameserver::write_metrics(std::string& out) const {
  if (!listening_) return;
  Exposition exposition(out);
  const auto sum = [this](Counter WorkerCounters::* counter) {
    std::uint64_t all = 0;
    for (const auto& worker : workers_) all += (worker->counters().*counter).get();
    return all;
  };
  exposition.family("weir_dns_queries_total", "counter", "Queries that came in.");
  exposition.sample(sum(&WorkerCounters::udp_queries), R"({transport="udp"})");
  exposition.sample(sum(&WorkerCounters::tcp_queries), R"({transport="tcp"})");
  exposition.family("weir_dns_replies_total", "counter", "Replies, by their code.");
  for (std::size_t i = 0; i < kRcodeNames.size(); ++i) {
    if (kRcodeNames[i].empty()) continue;
    std::uint64_t all = 0;
    for (const auto& worker : workers_) all += worker->counters().replies[i].get();
    exposition.sample(all, "{code=\"" + std::string(kRcodeNames[i]) + "\"}");
  }
  exposition.single("weir_dns_connections_total", "counter", "Connections of TCP.",
                    sum(&WorkerCounters::tcp_connections));
  exposition.single("weir_dns_ignored_total", "counter", "What came in and was no query.",
                    sum(&WorkerCounters::ignored));
  exposition.family("weir_dns_limited_total", "counter", "Replies beyond the rate of a network.");
  exposition.sample(sum(&WorkerCounters::truncated_for_rate), R"({how="truncated"})");
  exposition.sample(sum(&WorkerCounters::dropped_for_rate), R"({how="dropped"})");
  exposition.single("weir_dns_transfers_total", "counter", "Copies of zones that were begun.",
                    sum(&WorkerCounters::transfers));
  exposition.single("weir_dns_updates_total", "counter", "Updates that were signed with a known key.",
                    sum(&WorkerCounters::updates));
  const dnspeer::NotifierCounters& notices = notifier_.counters();
  exposition.family("weir_dns_notices_total", "counter", "Servers told of changes.");
  exposition.sample(notices.sent.get(), R"({what="sent"})");
  exposition.sample(notices.answered.get(), R"({what="answered"})");
  exposition.sample(notices.given_up.get(), R"({what="given_up"})");
  std::uint64_t records = 0;
  for (const auto& zone : catalogue_.view()->zones().all()) records += zone->records();
  exposition.single("weir_dns_zones", "gauge", "Zones that are answered for.",
                    catalogue_.view()->zones().all().size());
  exposition.single("weir_dns_records", "gauge", "Records in them that are the same for everybody.", records);
  exposition.family("weir_dns_zone_serial", "gauge", "Serial numbers of zones, of the first 1,000.");
  for (const auto& zone : catalogue_.view()->zones().all() | std::views::take(kSerialsShownMax)) {
    std::string name = dns::name_text(zone->apex());
    if (name.size() > 1) name.pop_back();
    exposition.sample(zone->serial(), "{zone=\"" + name + "\"}");
  }
}

}  // namespace weir::nameserver
