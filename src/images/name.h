// What images that are kept by controllers are called: "web:1.2", and in a container "weir/web:1.2". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::images {

inline constexpr std::size_t kNameBytesMax = 64;
inline constexpr std::size_t kTagBytesMax = 128;

// The whole name: "web" -> "web:latest". Nothing: it can't be one.
std::optional<std::string> full_name(std::string_view text);
inline constexpr std::string_view kNameLike = "must be a name and a tag such as web:1.2";

// What a container's image is called here: "weir/web" -> "web:latest". Nothing: it is of a registry.
inline constexpr std::string_view kPrefix = "weir/";
std::optional<std::string> pushed_name(std::string_view image);

}  // namespace weir::images
