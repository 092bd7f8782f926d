// The heads of HTTP/1.1 messages, from bytes (RFC 9112). Pure functions: no I/O, no state, no allocation;
// every core. What they accept has one reading only: anything that two implementations have been known to
// read differently (obs-fold, bare CR or LF, space before a colon, both or repeated lengths, ...) is an
// error.
//
// How the answers are to be read, for all three:
//   n > 0   the section is complete and takes n bytes, its blank line included; `out` is filled
//   0       more bytes are needed; `out` is not to be read
//   error   no continuation of these bytes can be accepted: answer status_for(error), then close
// A prefix of what is accepted always gives 0. Limits: limits::kHeadBytesMax, kTargetBytesMax, kFieldsMax.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace weir::http {

// One empty line in front of the request line is skipped (RFC 9112 section 2.2).
//
// `seen`: how many of these bytes the last call, which gave 0, was offered. Then only the bytes behind them
// are looked at until the end of the head is among them, so a head that comes byte by byte costs linear time;
// what is malformed is found then, or when the limit is reached.
//
// Errors are Side::kDownstream: kMalformed, kHeadTooLarge, kTargetTooLong, kBadVersion, kNotImplemented
// (CONNECT, a transfer coding other than chunked), kExpectationFailed.
Result<std::size_t> parse_request_head(std::string_view bytes, RequestHead& out, std::size_t seen = 0);

// `request`: the method of the request that this answers; HEAD has no content. 1xx are heads of their own, to
// be followed by more (101 too: refusing it is the caller's business, who knows that no upgrade was asked
// for). In 1xx and 204, which cannot have content, Transfer-Encoding is an error and Content-Length is taken
// out; one that is not 0 also ends keep_alive.
//
// Errors are Side::kUpstream: kMalformed, kHeadTooLarge, kBadVersion.
Result<std::size_t> parse_response_head(std::string_view bytes, Method request, ResponseHead& out,
                                        std::size_t seen = 0);

// A field section alone, such as the trailers behind a chunked body, up to and including its blank line.
// Errors are of the given side.
Result<std::size_t> parse_field_section(std::string_view bytes, std::size_t bytes_max, Side side,
                                        Fields& out);

}  // namespace weir::http
