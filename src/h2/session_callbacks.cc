// What nghttp2 tells, and what it asks for. It must not be called back from here but to submit frames, and
// nothing is resumed from here: streams only note what has happened.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "h2/limits.h"
#include "h2/session.h"
#include "net/frame_pool.h"

namespace weir::h2 {
namespace {

// nghttp2's objects come from the pool too. It frees without the size, so that stands in front of each.
constexpr std::size_t kSizeBytes = 16;  // keeps the alignment

void* allocate(std::size_t bytes, void* /*user*/) {
  auto* block = static_cast<std::byte*>(net::pool_allocate(bytes + kSizeBytes));
  std::memcpy(block, &bytes, sizeof bytes);
  return block + kSizeBytes;
}

std::size_t size_of(void* pointer) {
  std::size_t bytes = 0;
  std::memcpy(&bytes, static_cast<std::byte*>(pointer) - kSizeBytes, sizeof bytes);
  return bytes;
}

void release(void* pointer, void* /*user*/) {
  if (pointer == nullptr) return;
  net::pool_release(static_cast<std::byte*>(pointer) - kSizeBytes, size_of(pointer) + kSizeBytes);
}

void* allocate_zeroed(std::size_t count, std::size_t bytes, void* user) {
  void* pointer = allocate(count * bytes, user);
  std::memset(pointer, 0, count * bytes);
  return pointer;
}

void* reallocate(void* pointer, std::size_t bytes, void* user) {
  if (pointer != nullptr && bytes <= size_of(pointer)) return pointer;
  void* larger = allocate(bytes, user);
  if (pointer != nullptr) std::memcpy(larger, pointer, size_of(pointer));
  release(pointer, user);
  return larger;
}

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

constexpr std::uint64_t kConnectionSpecific =
    http::bits_of({http::Known::kConnection, http::Known::kKeepAlive, http::Known::kProxyConnection,
                   http::Known::kTransferEncoding, http::Known::kUpgrade, http::Known::kHost});
// Differs with every message, or is secret: it would only push other fields out of the dynamic table.
constexpr std::uint64_t kNotIndexed = http::bits_of({http::Known::kXRequestId, http::Known::kSetCookie,
                                                     http::Known::kTraceparent, http::Known::kAuthorization});

// A field section for nghttp2, which copies it with the names in lower case. A local of who submits it.
class HeaderList {
 public:
  HeaderList() {}  // the entries stay uninitialized

  void add(std::string_view name, std::string_view value, std::uint8_t flags) {
    if (size_ == kEntriesMax) return;
    entries_[size_++] = {.name = bytes_of(name),
                         .value = bytes_of(value),
                         .namelen = name.size(),
                         .valuelen = value.size(),
                         .flags = flags};
  }
  // name: static text
  void add_static(std::string_view name, std::string_view value) {
    add(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME);
  }
  void add(const http::Fields& fields) {
    for (const http::Field& field : fields) {
      const std::uint64_t bit = http::bits_of({field.known});
      if (field.known == http::Known::kOther) {
        add(field.name, field.value, NGHTTP2_NV_FLAG_NONE);
        continue;
      }
      if ((bit & kConnectionSpecific) != 0) continue;
      if (field.known == http::Known::kTe && field.value != "trailers") continue;
      const bool indexed = (bit & kNotIndexed) == 0;
      add(lower_name_of(field.known), field.value,
          static_cast<std::uint8_t>(NGHTTP2_NV_FLAG_NO_COPY_NAME |
                                    (indexed ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX)));
    }
  }
  const nghttp2_nv* data() const { return entries_; }
  std::size_t size() const { return size_; }

 private:
  static std::uint8_t* bytes_of(std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  }
  static constexpr std::size_t kEntriesMax = limits::kFieldsMax + 8;  // and what is added to the fields
  std::size_t size_ = 0;
  union {
    nghttp2_nv entries_[kEntriesMax];
  };
};

// "200"
class StatusText {
 public:
  explicit StatusText(int status)
      : digits_{static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                static_cast<char>('0' + status % 10)} {}
  std::string_view view() const { return {digits_.data(), digits_.size()}; }

 private:
  std::array<char, 3> digits_;
};

// A frame of content that is smaller than this waits for the next buffer.
constexpr std::size_t kPieceBytesMin = 1024;
constexpr std::size_t kFrameHeadBytes = 9;

}  // namespace

struct Session::Callbacks {
  static Session& self(void* user) { return *static_cast<Session*>(user); }

  static int on_begin_headers(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    Session& self = Callbacks::self(user);
    const std::int32_t id = frame->hd.stream_id;
    Stream* stream = nullptr;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      self.last_opened_ = id;
      stream = self.make_stream();
      if (stream == nullptr) {
        return nghttp2_submit_rst_stream(self.session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
      }
      stream->id_ = id;
      WEIR_CHECK(nghttp2_session_set_stream_user_data(self.session_, id, stream) == 0);
      self.found_ = stream;
    } else {
      stream = self.find(id);
    }
    self.decoding_ = stream != nullptr && !stream->released_ ? stream : nullptr;
    if (self.decoding_ != nullptr) stream->section_.begin(stream->begin_section());
    return 0;
  }

  static int on_header(nghttp2_session* /*session*/, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_bytes, const std::uint8_t* value, std::size_t value_bytes,
                       std::uint8_t /*flags*/, void* user) {
    Session& self = Callbacks::self(user);
    Stream* stream = self.decoding_;
    if (stream == nullptr || stream->id_ != frame->hd.stream_id) return 0;
    stream->section_.add(text(name, name_bytes), text(value, value_bytes));
    // Fatal, which is the one way to stop nghttp2 amid a section.
    return stream->section_.decoded_bytes() <= kDecodedBytesMax ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  // Names and values that HTTP does not allow are no reason for nghttp2 to refuse a message; here they are.
  static int on_invalid_header(nghttp2_session* /*session*/, const nghttp2_frame* /*frame*/,
                               const std::uint8_t* /*name*/, std::size_t /*name_bytes*/,
                               const std::uint8_t* /*value*/, std::size_t /*value_bytes*/,
                               std::uint8_t /*flags*/, void* /*user*/) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame_recv(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    Session& self = Callbacks::self(user);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: {
        Stream* stream = self.decoding_;
        self.decoding_ = nullptr;
        if (stream == nullptr || stream->id_ != frame->hd.stream_id) return 0;
        const bool end_stream = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        stream->section_.finish();
        stream->end_section(end_stream);
        if (end_stream) stream->content_.end();
        stream->note_received();
        return 0;
      }
      case NGHTTP2_DATA:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
        if (Stream* stream = self.find(frame->hd.stream_id); stream != nullptr) {
          stream->content_.end();
          stream->note_received();
        }
        return 0;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) return 0;
        if (!std::exchange(self.settings_received_, true)) self.wake_streams();
        return 0;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && self.windows_.probing() &&
            std::ranges::equal(frame->ping.opaque_data, kProbe)) {
          self.probe_answered_ = true;
        }
        return 0;
      case NGHTTP2_GOAWAY:
        self.ending_ = true;
        self.goodbye_ = static_cast<ErrorCode>(frame->goaway.error_code);
        return 0;
      default: return 0;
    }
  }

  static int on_data_chunk(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                           const std::uint8_t* data, std::size_t bytes, void* user) {
    Session& self = Callbacks::self(user);
    Stream* stream = self.find(id);
    if (stream == nullptr || stream->released_) return nghttp2_session_consume(session, id, bytes);
    if (self.carries_tunnels()) self.windows_.received(bytes);
    stream->content_.append({reinterpret_cast<const std::byte*>(data), bytes});
    stream->note_received();
    return 0;
  }

  static int on_stream_close(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t code, void* user) {
    Stream* stream = Callbacks::self(user).find(id);
    if (stream != nullptr && !stream->closed_) stream->close(static_cast<ErrorCode>(code));
    return 0;
  }

  static int on_frame_send(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
    Session& self = Callbacks::self(user);
    const std::uint8_t type = frame->hd.type;
    if (type == NGHTTP2_DATA) self.on_data_sent();
    // nghttp2 ends a connection by itself when the peer breaks the protocol. (The largest number is a
    // notice.)
    if (type == NGHTTP2_GOAWAY && frame->goaway.last_stream_id != INT32_MAX) {
      self.ending_ = true;
      self.death_ = static_cast<ErrorCode>(frame->goaway.error_code);
    }
    if (type == NGHTTP2_RST_STREAM) {
      const std::int32_t id = frame->hd.stream_id;
      self.last_reset_ = std::max(self.last_reset_, id);
      const Stream* stream = self.find(id);
      if (stream == nullptr || !stream->reset_here_) {
        self.on_stream_error(frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM);
      }
      return 0;
    }
    if (type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      if (Stream* stream = self.find(frame->hd.stream_id); stream != nullptr) stream->head_sent_ = true;
    }
    if ((type != NGHTTP2_DATA && type != NGHTTP2_HEADERS) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
      return 0;
    }
    if (Stream* stream = self.find(frame->hd.stream_id); stream != nullptr) {
      stream->end_sent_ = true;
      stream->note_progress();
      if (!stream->tunnel_) {
        self.on_end_sent(*stream);
      } else if (stream->released_ && !stream->content_.ended()) {
        stream->reset(ErrorCode::kCancel);  // nobody reads any more
      }
    }
    return 0;
  }

  // A head or trailers larger than nghttp2 sends. (A request's stream is closed by nghttp2 itself.)
  static int on_frame_not_send(nghttp2_session* /*session*/, const nghttp2_frame* frame, int /*error*/,
                               void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat == NGHTTP2_HCAT_REQUEST) return 0;
    Stream* stream = Callbacks::self(user).find(frame->hd.stream_id);
    if (stream != nullptr) stream->reset(ErrorCode::kInternalError);
    return 0;
  }

  // Of the stream's content, as much as the windows, a frame and the output have room for.
  static ssize_t read_content(nghttp2_session* session, std::int32_t id, std::uint8_t* /*buffer*/,
                              std::size_t bytes_max, std::uint32_t* flags, nghttp2_data_source* source,
                              void* user) {
    const Session& self = Callbacks::self(user);
    Stream& stream = *static_cast<Stream*>(source->ptr);
    if (stream.rest_.empty() && !stream.last_) {
      stream.deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    if (self.room() < kFrameHeadBytes + std::min(stream.rest_.size(), kPieceBytesMin))
      return NGHTTP2_ERR_PAUSE;
    const std::size_t bytes = std::min({stream.rest_.size(), bytes_max, self.room() - kFrameHeadBytes});
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream.last_ && bytes == stream.rest_.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (stream.trailers_ != nullptr && !stream.trailers_->empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        HeaderList list;
        list.add(*stream.trailers_);
        (void)nghttp2_submit_trailer(session, id, list.data(), list.size());
      }
    }
    return static_cast<ssize_t>(bytes);
  }

  static int send_content(nghttp2_session* /*session*/, nghttp2_frame* /*frame*/,
                          const std::uint8_t* frame_head, std::size_t bytes, nghttp2_data_source* source,
                          void* user) {
    Session& self = Callbacks::self(user);
    Stream& stream = *static_cast<Stream*>(source->ptr);
    self.append({reinterpret_cast<const std::byte*>(frame_head), kFrameHeadBytes});
    self.append(stream.rest_.first(bytes));
    stream.rest_ = stream.rest_.subspan(bytes);
    if (stream.left_) {
      self.left_bytes_ -= bytes;
      self.left_since_ = self.loop_.now();
    } else {
      stream.content_bytes_sent_ += bytes;
    }
    if (stream.rest_.empty() && !stream.last_) stream.note_progress();
    return 0;
  }

  static nghttp2_data_provider provider(Stream& stream) {
    stream.has_source_ = true;
    return {.source = {.ptr = &stream}, .read_callback = read_content};
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* callbacks = nullptr;
    WEIR_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_content);
    return callbacks;
  }

  static nghttp2_option* make_options() {
    nghttp2_option* option = nullptr;
    WEIR_CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, kDynamicTableBytesMax);
    nghttp2_option_set_max_continuations(option, kContinuationsMax);
    nghttp2_option_set_max_settings(option, kSettingsMax);
    // Resets count in the abuse score, which knows more than their rate.
    constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 40U;
    nghttp2_option_set_stream_reset_rate_limit(option, kUnlimited, kUnlimited);
    return option;
  }
};

nghttp2_session* Session::make_session(Role role, Session& session) {
  static nghttp2_session_callbacks* const kCallbacks = Callbacks::make();
  static nghttp2_option* const kOptions = Callbacks::make_options();
  nghttp2_mem memory{.mem_user_data = nullptr,
                     .malloc = allocate,
                     .free = release,
                     .calloc = allocate_zeroed,
                     .realloc = reallocate};
  nghttp2_session* made = nullptr;
  const auto make = role == Role::kServer ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  WEIR_CHECK(make(&made, kCallbacks, &session, kOptions, &memory) == 0);
  return made;
}

void Session::submit_response(Stream& stream, int status, std::string_view date, const http::Fields& fields,
                              bool has_content) {
  if (stream.closed() || dying_) return;
  const StatusText digits(status);
  HeaderList list;
  list.add_static(":status", digits.view());
  list.add(fields);
  if (!fields.has(http::Known::kDate)) list.add_static(lower_name_of(http::Known::kDate), date);
  if (!has_content) {
    stream.last_ = true;
    (void)nghttp2_submit_response(session_, stream.id_, list.data(), list.size(), nullptr);
    return;
  }
  const nghttp2_data_provider provider = Callbacks::provider(stream);
  (void)nghttp2_submit_response(session_, stream.id_, list.data(), list.size(), &provider);
}

void Session::submit_interim(Stream& stream, int status, const http::Fields& fields) {
  if (stream.closed() || dying_) return;
  const StatusText digits(status);
  HeaderList list;
  list.add_static(":status", digits.view());
  list.add(fields);
  (void)nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, list.data(), list.size(),
                               nullptr);
}

bool Session::submit_request(Stream& stream, std::span<const PseudoField> pseudo, const http::Fields& fields,
                             bool has_content) {
  if (dying_ || gone_) return false;
  HeaderList list;
  for (const PseudoField& field : pseudo) list.add_static(field.name, field.value);
  list.add(fields);
  nghttp2_data_provider provider{};
  if (has_content) provider = Callbacks::provider(stream);
  if (!has_content) stream.last_ = true;
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                                 has_content ? &provider : nullptr, &stream);
  if (id < 0) return false;
  stream.id_ = id;
  last_opened_ = id;
  return true;
}

}  // namespace weir::h2
