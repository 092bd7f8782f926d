// Any octets as a signed message: what is found lies within it, is taken off and put on again, and nobody is
// believed who does not have the key.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "dns/message.h"
#include "dns/tsig.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::dns;
  const Bytes message(data, size);
  const auto found = find_tsig(message);
  if (!found || !*found) return 0;
  const Tsig& tsig = **found;
  const std::vector<std::uint8_t> plain = without_tsig(message, tsig);
  const auto none = find_tsig(plain);
  WEIR_CHECK(none && !*none);
  const TsigKey key{.name = tsig.key, .algorithm = TsigAlgorithm::kHmacSha256, .mac = [](Bytes) {
                      return std::vector<std::uint8_t>(32, 0x5a);
                    }};
  TsigChain chain(key);
  const TsigError error = chain.check(message, tsig, tsig.signed_at);
  WEIR_CHECK(error != TsigError::kBadTime);
  std::vector<std::uint8_t> room(plain);
  room.resize(plain.size() + 600);
  const std::size_t bytes = TsigChain(key).sign(room, plain.size(), 1'700'000'000);
  if (plain.size() + kTsigBytesMax > kMessageBytesMax || bytes > kMessageBytesMax) return 0;
  WEIR_CHECK(bytes != 0);
  const auto again = find_tsig(Bytes(room).first(bytes));
  WEIR_CHECK(again && *again && (*again)->at == plain.size());
  return 0;
}
