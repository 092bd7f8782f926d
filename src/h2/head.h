// A decoded field section as the head of a message (RFC 9113 section 8.3), with what the decoder (nghttp2)
// leaves unchecked: it has seen that the pseudo-header fields are there, once and in front, that there are no
// connection-specific fields, and that content-length is a number and agrees with the content. A WebSocket
// (RFC 8441) reads as over HTTP/1.1 on both sides: its CONNECT is a GET with an upgrade, what agrees to it
// is a 101. Pure.
#pragma once

#include "base/error.h"
#include "h2/field_section.h"
#include "http/message.h"

namespace weir::h2 {

// end_stream: there is no content. Errors as those of http::parse_request_head, and its reading of Host: the
// field is there, and has the value of head.authority.
Result<void> settle_request(const FieldSection& section, bool end_stream, http::RequestHead& head);

// A CONNECT as such (RFC 9113 section 8.5): it names an authority and nothing else.
bool is_connect(const FieldSection& section);
Result<void> settle_connect(const FieldSection& section, http::RequestHead& head);

// request: the method that this answers; kConnect: a 2xx reads as 101. Interim responses too.
Result<void> settle_response(const FieldSection& section, http::Method request, http::ResponseHead& head);

}  // namespace weir::h2
