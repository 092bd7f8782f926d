#include "oidc/pages.h"

#include <utility>

namespace weir::oidc {
namespace {

using http::Known;

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&': html += "&amp;"; break;
      case '<': html += "&lt;"; break;
      case '>': html += "&gt;"; break;
      case '"': html += "&quot;"; break;
      default: html += c;
    }
  }
  return html;
}

}  // namespace

std::unique_ptr<http::TextResponse> sent_to(std::string location) {
  auto response = std::make_unique<http::TextResponse>(302, "", "");
  response->add_field(Known::kLocation, std::move(location));
  response->head.fields.add(Known::kCacheControl, "no-store");
  response->head.fields.add("Referrer-Policy", "no-referrer");
  return response;
}

std::unique_ptr<http::TextResponse> shown(const Page& page) {
  std::string html = "<!doctype html><html lang=\"en\"><title>weir</title><h1>";
  html.append(page.heading).append("</h1><p>").append(escaped(page.sentence)).append(".</p><p><a href=\"");
  html.append(escaped(page.link)).append("\">").append(page.link_text).append("</a></p></html>\n");
  auto response =
      std::make_unique<http::TextResponse>(page.status, "text/html; charset=utf-8", std::move(html));
  response->head.fields.add(Known::kCacheControl, "no-store");
  response->head.fields.add("X-Content-Type-Options", "nosniff");
  response->head.fields.add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  return response;
}

}  // namespace weir::oidc
