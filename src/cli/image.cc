// weir image: images that are kept by the controller: put there, listed, deleted.
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/session.h"
#include "client/objects.h"
#include "images/file_body.h"

namespace weir::cli {
namespace {

constexpr std::size_t kShownDigits = 12;

Result<std::unique_ptr<images::FileBody>> open(const std::string& archive) {
  if (archive != "-") return images::FileBody::open(archive);
  return images::FileBody::take(net::Descriptor(::dup(STDIN_FILENO)));
}

// "1.5 GiB"
std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20U;
  if (bytes < kMebibyte) return std::to_string((bytes + 1023) >> 10U) + " KiB";
  const std::uint64_t tenths = bytes * 10 / kMebibyte;
  if (tenths < 10240) return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " MiB";
  return std::to_string(tenths / 10240) + '.' + std::to_string(tenths % 10240 * 10 / 10240) + " GiB";
}

std::uint64_t number_at(const Tree& tree, const char* pointer) {
  const Tree& found = at(tree, pointer);
  return found.is_number_unsigned() ? found.get<std::uint64_t>() : 0;
}

net::Task<int> push(Session& session, const Arguments& arguments) {
  auto archive = open(arguments.image.archive);
  if (!archive) {
    session.terminal.say("weir: " + arguments.image.archive + ": " + why_not(archive.error()));
    co_return kFailed;
  }
  const auto content = session.content_of(co_await session.api.send(
      http::Method::kPut, "/v1/images/" + arguments.name, **archive, (*archive)->bytes()));
  if (!content) co_return kFailed;
  const Tree image = parse_tree(*content);
  session.terminal.print(printable(text_at(image, "/name")) +
                         " sha256:" + printable(text_at(image, "/sha256")) + "\n");
  session.terminal.say("weir: containers have it as weir/" + arguments.name);
  co_return kDone;
}

net::Task<int> list(Session& session) {
  const auto content = session.content_of(co_await session.api.ask(http::Method::kGet, "/v1/images"));
  if (!content) co_return kFailed;
  const Tree all = parse_tree(*content);
  std::vector<client::Row> rows{{"NAME", "SHA-256", "SIZE", "PUSHED"}};
  for (const Tree& one : at(all, "/images")) {
    rows.push_back({printable(text_at(one, "/name")),
                    printable(text_at(one, "/sha256")).substr(0, kShownDigits),
                    size_text(number_at(one, "/bytes")), printable(text_at(one, "/pushed_at"))});
  }
  session.terminal.print(client::Table().lay_out(rows));
  session.terminal.say(size_text(number_at(all, "/bytes")) + " of " +
                       size_text(number_at(all, "/bytes_max")) + " are used");
  co_return kDone;
}

net::Task<int> remove(Session& session, const std::string& name) {
  if (!session.content_of(co_await session.api.ask(http::Method::kDelete, "/v1/images/" + name))) {
    co_return kFailed;
  }
  session.terminal.print("image " + name + " deleted\n");
  co_return kDone;
}

}  // namespace

net::Task<int> image_command(Session& session, const Arguments& arguments) {
  if (arguments.image.action == "push") co_return co_await push(session, arguments);
  if (arguments.image.action == "delete") co_return co_await remove(session, arguments.name);
  co_return co_await list(session);
}

}  // namespace weir::cli
