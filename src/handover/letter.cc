#include "handover/letter.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace weir::handover {

std::string_view Letter::get(std::string_view key) const {
  const auto found = fields.find(key);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::uint64_t> Letter::number(std::string_view key) const { return parse_decimal(get(key)); }

net::Descriptor Letter::take(std::string_view name) {
  const auto found =
      std::ranges::find_if(enclosed, [&](const Enclosed& one) { return one.name == name && one.descriptor; });
  return found == enclosed.end() ? net::Descriptor() : std::move(found->descriptor);
}

std::string to_text(const Letter& letter) {
  nlohmann::json names = nlohmann::json::array();
  for (const Letter::Enclosed& one : letter.enclosed) names.push_back(one.name);
  const nlohmann::json whole{{"word", letter.word}, {"fields", letter.fields}, {"enclosed", names}};
  return whole.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Result<Letter> read_letter(std::string_view text, std::vector<net::Descriptor> descriptors) {
  const auto whole = nlohmann::json::parse(text, nullptr, false);
  const auto text_of = [](const nlohmann::json& value) {
    return value.is_string() ? value.get_ref<const std::string&>() : std::string();
  };
  if (!whole.is_object() || !whole.contains("word")) return fail(Code::kMalformed, "no letter");
  Letter letter = make_letter(text_of(whole["word"]));
  if (const auto fields = whole.find("fields"); fields != whole.end() && fields->is_object()) {
    for (const auto& [key, value] : fields->items()) letter.fields.emplace(key, text_of(value));
  }
  std::size_t names = 0;
  if (const auto enclosed = whole.find("enclosed"); enclosed != whole.end() && enclosed->is_array()) {
    names = enclosed->size();
    for (std::size_t i = 0; i < std::min(names, descriptors.size()); ++i) {
      letter.enclose(text_of((*enclosed)[i]), std::move(descriptors[i]));
    }
  }
  if (names != descriptors.size()) return fail(Code::kMalformed, "a letter without what it encloses");
  return letter;
}

Result<net::Descriptor> enclose_text(std::string_view text) {
  net::Descriptor memory(::memfd_create("weir-handover", MFD_CLOEXEC));
  if (!memory) return fail(system_error(errno, "no memory for a text"));
  while (!text.empty()) {
    const ssize_t written = ::write(memory.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) return fail(system_error(errno, "no memory for a text"));
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return memory;
}

Result<std::string> read_enclosed(const net::Descriptor& descriptor, std::size_t bytes_max) {
  const off_t size = ::lseek(descriptor.get(), 0, SEEK_END);
  if (size < 0) return fail(system_error(errno, "a text cannot be read"));
  if (static_cast<std::size_t>(size) > bytes_max) return fail(Code::kBodyTooLarge, "a text is too large");
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t begin = 0;
  while (begin < text.size()) {
    const ssize_t got =
        ::pread(descriptor.get(), text.data() + begin, text.size() - begin, static_cast<off_t>(begin));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(system_error(got < 0 ? errno : EIO, "a text cannot be read"));
    begin += static_cast<std::size_t>(got);
  }
  return text;
}

}  // namespace weir::handover
