#include "images/pushed.h"

#include <utility>
#include <vector>

namespace weir::images {
namespace {

using podman::Told;
using podman::Trouble;

constexpr std::string_view kPlace = "localhost/weir/";
constexpr std::size_t kDigestDigits = 64;

std::unexpected<Trouble> refused(std::string sentence) {
  return std::unexpected(Trouble{Trouble::Kind::kRefused, std::move(sentence)});
}

// "web:1" -> "localhost/weir/web" and "1"
std::string repository_of(std::string_view name) {
  return std::string(kPlace) + std::string(name.substr(0, name.find(':')));
}
std::string tag_of(std::string_view name) { return std::string(name.substr(name.find(':') + 1)); }

std::string called(std::string_view name) { return "the image weir/" + std::string(name); }

bool is_digest(std::string_view tag) {
  return tag.size() == kDigestDigits && tag.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

net::Task<Told<std::string>> PushedImages::ensure(std::string name) {
  if (!co_await turn_.enter()) {
    co_return std::unexpected(Trouble{Trouble::Kind::kCancelled, "told to stop"});
  }
  auto done = co_await ensure_in_turn(std::move(name));
  turn_.leave();
  co_return done;
}

net::Task<Told<std::string>> PushedImages::ensure_in_turn(std::string name) {
  if (!source_.find) co_return co_await last(name, ": this node is led by no controller that could have it");
  const auto found = co_await source_.find(name);
  if (!found && found.error().kind == Trouble::Kind::kCancelled) co_return std::unexpected(found.error());
  if (!found) co_return co_await last(name, ", and no controller can be asked: " + found.error().sentence);
  if (!*found) co_return co_await last(name, "");
  std::string known = repository_of(name) + ':' + (*found)->sha256;
  const auto there = co_await podman_.has_image(known);
  if (!there) co_return std::unexpected(there.error());
  if (*there) co_return known;
  co_return co_await load(std::move(name), **found);
}

net::Task<Told<std::string>> PushedImages::last(std::string name, std::string why_not) {
  std::string known = std::string(kPlace) + name;
  const auto there = co_await podman_.has_image(known);
  if (!there) co_return std::unexpected(there.error());
  if (*there) co_return known;
  co_return refused(called(name) + " is not there" + why_not);
}

net::Task<Told<std::string>> PushedImages::load(std::string name, Pushed what) {
  auto archive = co_await source_.open(name, what);
  if (!archive) co_return std::unexpected(archive.error());
  const auto loaded = co_await podman_.load_image(**archive, what.bytes);
  if (!(*archive)->settled()) co_await (*archive)->settle();
  if (!loaded) {
    const Trouble& why = loaded.error();
    co_return std::unexpected(Trouble{why.kind, called(name) + " can't be loaded: " + why.sentence});
  }
  if (loaded->empty()) co_return refused(called(name) + " has no image in its archive");
  for (const std::string& one : *loaded) {
    const bool is_first = &one == &loaded->front();
    if (is_first) {
      if (auto named = co_await name_it(one, name, what); !named) co_return std::unexpected(named.error());
    }
    // What it was called where it was made means nothing here, and must not be taken for a registry's.
    const std::size_t colon = one.rfind(':');
    if (one.starts_with("sha256:") || colon == std::string::npos) continue;
    (void)co_await podman_.untag_image(one, one.substr(0, colon), one.substr(colon + 1));
  }
  co_await tidy(repository_of(name), what.sha256);
  co_return repository_of(name) + ':' + what.sha256;
}

// By its content, and by its name for when nobody can be asked.
net::Task<Told<void>> PushedImages::name_it(const std::string& loaded, std::string name, const Pushed& what) {
  if (auto tagged = co_await podman_.tag_image(loaded, repository_of(name), what.sha256); !tagged) {
    co_return tagged;
  }
  co_return co_await podman_.tag_image(loaded, repository_of(name), tag_of(name));
}

// Contents that no name stands for any more, unless containers are made from them: podman refuses those.
net::Task<void> PushedImages::tidy(std::string repository, std::string_view sha256) {
  const auto images = co_await podman_.list_images(repository);
  if (!images) co_return;
  for (const podman::Image& one : *images) {
    if (one.names.size() != 1) continue;
    const std::string& name = one.names.front();
    if (!name.starts_with(repository + ':')) continue;
    const std::string_view tag = std::string_view(name).substr(repository.size() + 1);
    if (is_digest(tag) && tag != sha256) (void)co_await podman_.remove_image(name);
  }
}

}  // namespace weir::images
