#include "enroll/keeper.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir::enroll {

Result<Credentials> Keeper::read(const std::string& path) {
  const auto text = store::KeptFile::read(path, kFileBytesMax);
  if (!text) return fail(text.error());
  return Credentials::parse(*text);
}

std::expected<std::optional<Credentials>, std::string> Keeper::begin(const std::string& path, bool has_token,
                                                                     config::MachineRole role, WallTime now) {
  auto kept = read(path);
  if (kept) {
    const bool ended = now >= kept->not_after();
    if (!ended || !has_token) return std::optional(std::move(*kept));
  } else if (kept.error().code != Code::kNotFound) {
    return std::unexpected(path + ": " + sentence_of(kept.error()));
  }
  if (has_token) return std::nullopt;
  // Nobody but the first reads more than one of them.
  return std::unexpected("this machine has not joined yet: give it a join token (--join-token; `weir token " +
                         std::string("create --join ") +
                         (role == config::MachineRole::kNode ? "node" : "edge") + "` makes one)");
}

Keeper::Keeper(net::Env& env, std::vector<tls::Host> controllers, Node node, Credentials credentials,
               const std::string& path)
    : env_(env),
      controllers_(std::move(controllers)),
      node_(std::move(node)),
      credentials_(std::move(credentials)),
      file_(path, env.log) {
  WEIR_CHECK(!controllers_.empty());
  file_.keep([text = credentials_.to_text()] { return text; });
}

// Two thirds of its life: what is left is time for the controllers to come back.
Duration Keeper::until_due() const {
  const WallTime begin = credentials_.not_before();
  const WallTime due = begin + (credentials_.not_after() - begin) * 2 / 3;
  return std::max<Duration>(due - env_.loop.clock().wall_now(), Duration::zero());
}

// Doubling, and up to a quarter more, so that machines that failed together do not come back together.
Duration Keeper::pause_after(int failures) {
  const Duration pause = std::min<Duration>(kFirstPause * (1 << std::min(failures, 16)), kLongestPause);
  return pause + pause / 4 * static_cast<int>(env_.random.next() % 100) / 100;
}

net::Task<void> Keeper::run(bool at_once) {
  std::size_t turn = 0;
  while (co_await env_.loop.sleep(std::exchange(at_once, false) ? Duration::zero() : until_due())) {
    for (int failures = 0;; ++failures) {
      auto renewed = co_await renew(env_, controllers_[turn % controllers_.size()], credentials_, node_);
      if (renewed) {
        credentials_ = std::move(*renewed);
        break;
      }
      if (renewed.error().error.code == Code::kCancelled) co_return;
      ++turn;
      const bool ended = env_.loop.clock().wall_now() >= credentials_.not_after();
      env_.log.warning(ended ? "the machine's certificate has ended; a new join token is needed"
                             : "the machine's certificate is not renewed yet",
                       {{"name", credentials_.name}, {"reason", renewed.error().sentence}});
      if (renewed.error().is_final) co_return;
      if (!co_await env_.loop.sleep(pause_after(failures))) co_return;
    }
    file_.keep([text = credentials_.to_text()] { return text; });
    env_.log.info("the machine's certificate is renewed", {{"name", credentials_.name}});
    if (renewed_) renewed_(credentials_);
  }
}

}  // namespace weir::enroll
