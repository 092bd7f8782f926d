// Tokens that a provider of identities has signed, and its keys: made once by node:crypto, by keys that
// nobody has any more. Of 2026-09-21T14:13:20Z (1790000000), for ten minutes. For tests only.
#pragma once

#include <chrono>
#include <string>

namespace weir::oidc {

inline constexpr std::chrono::sys_seconds kMade{std::chrono::seconds(1'790'000'000)};
inline constexpr const char* kIssuer = "http://127.0.0.1:9700/id";

inline const std::string kKeys =
    R"({"keys":[{"kty":"RSA","n":"qGGjTeSLGWSz00zic2kQbBf3QKrG7HJeyib8CYLPOtuV8HNplBmJzCaIbd50Fdn)"
    R"(R2YXl9cr88_uwAufccPwVHpos-Bc3fbE-m4-ZIovmrI9o8xUAMjxsIYBFC2QhqU8OkTWux7VjJLdsNRp5qG9KPV783)"
    R"(Fen_WlZCw0riBY3v2jTiYkPiO14h5KFk1bTflH8J3RtRSyT6mpMgRE0y8AxOiok6OLwMsD982B3UfF2WAj0efPeyR9)"
    R"(KmQg3vyr2Euuj8x42AMJ3AbHGvKR1inwsPdC5VHeS4LDHqVvnHOEbYo1lfYRrOUesM9560EujZA3eg83veoKfltHnN)"
    R"(mUZ-7iwTw","e":"AQAB","kid":"rsa","use":"sig"},{"kty":"EC","x":"RABl73zYmUKz0nlG8uQvCXrs46)"
    R"(Cv86tBZZQJM-0RT8Q","y":"qoRVNMo4zfaqWZ1Aen9YOaWwYO9lgwjVD7S554Gu3VI","crv":"P-256","kid":")"
    R"(ec","use":"sig","alg":"ES256"},{"crv":"Ed25519","x":"SjQutUIpEUKV__brkgYDvbw_M59xAjTjp_P-Q)"
    R"(5Btpn4","kty":"OKP","kid":"ed","use":"sig"}]})";
inline const std::string kRs256 =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3M"
    "DAvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXh"
    "hbXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3O"
    "TAwMDA2MDB9.TOgHnFWC6LMsW7AW8lFyvbfQZRdsNbtT3562AlhvFTNb82X7dEw-B5TbCKaHsCOJNS5BmvXrxuR9jc"
    "uwuTmDn6xtwFIbG61xAzCGYz7vCqwsrLdSTSYkXxcCN1_QAI7tuoWrHOQ741vj4x48WDNa66Gjm_ZJ8ggGWQH8g774"
    "RANeDKlF1_LQ-ymRrf_6HogapHiAhPbxeK82p7KnDAW4we9b5Ma1JqoROZUhWX9HG3TlptHh1iIW6WgHykUWsGYio2"
    "7-QMilaHyjzgj0D3vKZptxcI3LdSzZVS2OzHrHMGbq3XOs7n61h_bf_nFoCKSCZQEnk7WbMW63YingjTYzSA";
inline const std::string kPs256 =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3M"
    "DAvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXh"
    "hbXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3O"
    "TAwMDA2MDB9.P4XJX-HZo67hQISuChatTNc0DPtipOOl6sGSZ_rsZGCOAGeetq_2xi6hh8-Ib7RKHi7RM-wXM73PuU"
    "vhNDocwsezt3A5nOztXfd_NQ7Pt_dgNSi0Rn7WrMVUC6FIa-TOmY0uRBYKjhydJ4HgiYZ8U6mrl5qhyPheOHIkKuv1"
    "vxhWXET7sM3XwT_26w0hnW54PVHFKo4wHCy9F1gP2AOx1xGo4LqECc-F5j740QhQC9ApgyAjZukPio1bxuT7oKss40"
    "Up4CRfcm0jcEnvfQSfKhn0whuB-K1Ugi482qqD7KXpnmWNCFwHoVOfTiJQwtNc3AYFlaOgdTcidGYgjOOYzA";
inline const std::string kEs256 =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3MD"
    "AvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXhh"
    "bXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3OT"
    "AwMDA2MDB9.Hy0PsQW4NZccDZ8ni7MfqErggVnd_3vNA5fDVHfRxETvm0tk-z38RgqzMWLZreMRZDKGO4soBNPAou8"
    "HmOxiRA";
inline const std::string kEdDsa =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3MD"
    "AvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXhh"
    "bXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3OT"
    "AwMDA2MDB9.Jo8eISyAOxRxT_hNEOROYFuogz8YwagsFY0DkNtkhrL7C4Q_-b_aU50htrILXSOrd1neS1BxOdZ__Sr"
    "vXV_4Cg";
inline const std::string kWithoutKid =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3MDAvaWQiLCJzdWIiO"
    "iJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXhhbXBsZSIsImVtYWl"
    "sX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3OTAwMDA2MDB9.f_Zy"
    "kv4F0GkhN2FTOxq_-lDrGsOPT_37Od7oSJA7mQQzcSSaTHZey9xEjYhuLWkY8hMF64oxg75BwhiFe4_l0rcwkSzfNA"
    "3PlTWuiPEaE82lf1oUyvHD6aggonivn9F0TEznMrHEiyiLzempaZ8UTguJ1ZaqnLQUmBFlOhQv22YWBQQj7UpRVlM-"
    "-rJXmkrlsBNaKWJqtJbEbPcf5eQSWJQhBodSbsjWoaDyOvF1_yKK2Wr5L61aqQM_VA381RdllpoZ3SKOsXXli6i40l"
    "LOG1R-FptSdooQHBcb__ekFg6MFuhWJQkp-Ob_WqlxJn6Wm2gO8TJd3el_T5rfsw4DJQ";
inline const std::string kHs256 =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3M"
    "DAvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXh"
    "hbXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3O"
    "TAwMDA2MDB9.kE4NvjwHuMZyRdlvRs927JyZoFoCQeY2ezR_APwRlBo";
inline const std::string kNone =
    "eyJhbGciOiJub25lIiwia2lkIjoicnNhIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3MD"
    "AvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXhh"
    "bXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3OT"
    "AwMDA2MDB9.";
inline const std::string kUnknownKid =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Im5ldyIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3M"
    "DAvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXh"
    "hbXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3O"
    "TAwMDA2MDB9.L6BEYalyjkSPKSHyJVyu4kVFPYeAt0jmF0qwuCcZQhTD3ajh8QFwnGKeEMK9cTlT93etpfm_rcKbeK"
    "Cf8H8xXw";
inline const std::string kOthersKey =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3MD"
    "AvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXhh"
    "bXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3OT"
    "AwMDA2MDB9.o818MxoYF_HHREVKdirmmpahLaco8PfD0qrZPpz3XGOqN5gb38Ojx5Wn8kZRsuMzVzDuTnG86_-hPy1"
    "SG40CRA";
inline const std::string kMixedType =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjk3M"
    "DAvaWQiLCJzdWIiOiJzdWItMSIsImF1ZCI6IndlaXIiLCJub25jZSI6Im4tMSIsImVtYWlsIjoiYm9iQGhvc3QuZXh"
    "hbXBsZSIsImVtYWlsX3ZlcmlmaWVkIjp0cnVlLCJuYW1lIjoiQm9iIiwiaWF0IjoxNzkwMDAwMDAwLCJleHAiOjE3O"
    "TAwMDA2MDB9.t6c84xUQRSM1d4TwcAqilUARhyJu0mbMWHsk0HvcE7qu03T5QWT2qDNkZSVNtA_pSYkhPiHlxJrFkk"
    "7-vD-BhQ";

}  // namespace weir::oidc
