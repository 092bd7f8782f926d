#include "http/date_text.h"

#include <fmt/format.h>

#include <chrono>

namespace weir::http {

std::string_view DateText::now() {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto second = std::chrono::floor<std::chrono::seconds>(clock_.wall_now());
  if (second.time_since_epoch().count() != second_) {
    second_ = second.time_since_epoch().count();
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{second - day};
    const auto made =
        fmt::format_to_n(text_.data(), text_.size(), "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                         kDays[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                         kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                         clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    bytes_ = made.size;
  }
  return {text_.data(), bytes_};
}

}  // namespace weir::http
