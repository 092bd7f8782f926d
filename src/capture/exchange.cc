#include "capture/exchange.h"

#include <algorithm>

namespace weir::capture {

void Captured::take(const http::Fields& all) {
  std::size_t left = kFieldBytesMax;
  for (const http::Field& field : all) {
    const std::size_t bytes = field.name.size() + field.value.size();
    if (bytes > left) {
      truncated = true;
      return;
    }
    left -= bytes;
    fields.emplace_back(field.name, field.value);
  }
}

void Captured::take(net::Slice piece) {
  const std::size_t taken = std::min(piece.size(), kBodyBytesMax - body.size());
  body.append(reinterpret_cast<const char*>(piece.data()), taken);
  truncated |= taken < piece.size();
}

std::size_t Captured::bytes() const {
  constexpr std::size_t kOfField = 2 * sizeof(std::string);
  std::size_t bytes = body.size();
  for (const auto& [name, value] : fields) bytes += kOfField + name.size() + value.size();
  return bytes;
}

}  // namespace weir::capture
