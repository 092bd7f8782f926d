#include "auth/ssh_key.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "auth/crypto.h"

namespace weir::auth {
namespace {

// Made by ssh-keygen, whose fingerprints stand beside them.
const std::string kEd25519 =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxq"
    " eve@ed25519-256";
const std::string kP256 =
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBObflnvA"
    "XbtC2h0wnOVDQEbQxV+lWMMJ/VpBHsj+QBlbsA+JvKPDiTO2KiBevFJpsI3fgwXACaf7mlf73rDQYY4="
    " eve@ecdsa-256";
const std::string kP384 =
    "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBMnVB2fI"
    "YccD/M6DSgpIEJuBGt/lRQZYAgrNlNBqvLMKZgLio94nW2AcTKatYsfcDEMqSFO66AQzSsGW4Dfo4ZqJ"
    "/45gs5nprXcBg6+4NIVktsqDK1jafW2wvVmtVKUpHg== eve@ecdsa-384";
const std::string kP521 =
    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAFWmNy0"
    "mRoU07KGVeMsJki2aSAej2YSMwLlbH0Zr7BBKKltuwotmiq0wBXiTKK12FhjUL0xAYFprsiAPCVYtv3O"
    "8gHAhj9ZRLUSuxFWc/TgQ0vb0VeigdGhkRz5bKd6r51lkHnd+DTpRD9HOsnfv4Z3UoK8Vs5vxHh+QAjh"
    "9QzfG44nAg== eve@ecdsa-521";
const std::string kRsa2048 =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7eNJCjYZ+yR5FRT0xiQKz7YSfTEFyTdUPAYRpdfaa"
    "Ywx8hxiX1KSFmZiQpDn2iGrSRr/DLyNdvSZvebxDyXnAcF7RdATYfpmeXJdo4M9hRMGoli7dYq14jtng"
    "I5bwJf/DQcROEsCvqNvmaQyExPcVJhTDXOEaotpNgD4BVTqvGqLRIDeJZCvPNnM1Vfe/x2LZ5M5KlKZn"
    "AAsNjTHTiRDaOs4OU0oq1Dkfgge49i7UhgLpcR3zwA3RNavzf611DqMQT8MUxum00FtDZpSUWLEKKf0g"
    "V6at6pXgRtwmjrI+Cddcf6rJq2O+0COwg7hLBXwkz13+yEsD7p74jtFJIuZ1 eve@rsa-2048";
const std::string kRsa1024 =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDxbuWDFrkUmg6L0woLPGIyGVRnJo5dCkeZPH/wzwQX"
    "qIfN1xzI9h+9Cb6Dl/auUcN/kBy859AGHoiEUmfm3hrsUCrgeYsRPrsHcJAt+gYAMxBe8ZuAUJrdwB86"
    "/oCetkeSIAnL9WSzMQTSBGFNtCU8c/ROeS2hD8djcfOw4RDYFQ== eve@rsa-1024";
const std::string kSecurityEd25519 =
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIPuabIPJk"
    "2rS5s4kRnRBq4RhbNKbo3LsB36EAPezUZxqAAAABHNzaDo= eve@stick";
const std::string kSecurityP256 =
    "sk-ecdsa-sha2-nistp256@openssh.com AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNza"
    "C5jb20AAAAIbmlzdHAyNTYAAABBBObflnvAXbtC2h0wnOVDQEbQxV+lWMMJ/VpBHsj+QBlbsA+JvKPDi"
    "TO2KiBevFJpsI3fgwXACaf7mlf73rDQYY4AAAAEc3NoOg== eve@stick";

TEST_CASE("keys of all sorts that are worth something") {
  struct Case {
    const std::string& line;
    const char* fingerprint;
  };
  for (const Case& one : {
           Case{kEd25519, "SHA256:UGJmy0mQbFBNolBWUY9HIwuGgQb8+GUH8zSausY+yQc"},
           Case{kP256, "SHA256:FPzIlqbNQ3sg4G2/285IJOM9VsPxo9pY9fdnvFjj+fI"},
           Case{kP384, "SHA256:oeOPqGP7SxhCch8NDRNt/M6WDySlOeKqaZn1yLCWbZY"},
           Case{kP521, "SHA256:JOaUESWBdAuIjtrXwts01Hm3PA0c0YI6na0qX9tc0xM"},
           Case{kRsa2048, "SHA256:GbfJzQtH+F5VFdAFiWEOTEY9o4CJdY1krZ6p39FEF58"},
           Case{kSecurityEd25519, "SHA256:4maFkDBu0rHjH+cjZO1KrK6hz1iX9x6DawDHp5t4e9s"},
           Case{kSecurityP256, "SHA256:lIanlqBLQKkaaP7egkXtbvW03paWoCsqBoHwSaVjTbw"},
       }) {
    CAPTURE(one.line);
    const auto key = parse_ssh_key(one.line);
    REQUIRE(key.has_value());
    CHECK(key->fingerprint() == one.fingerprint);
    CHECK(key->type == one.line.substr(0, one.line.find(' ')));
    CHECK(key->comment.starts_with("eve@"));
  }
}

TEST_CASE("a line as files have it: blanks, a line end, any comment or none") {
  const auto key = parse_ssh_key(kEd25519);
  const std::string bare = kEd25519.substr(0, kEd25519.rfind(' '));
  CHECK(parse_ssh_key(bare)->blob == key->blob);
  CHECK(parse_ssh_key(bare)->comment.empty());
  CHECK(parse_ssh_key("  " + bare + "\t my old  laptop \r\n")->blob == key->blob);
  CHECK(parse_ssh_key(bare + " my old  laptop \n")->comment == "my old  laptop");
  CHECK(parse_ssh_key(kEd25519 + "\n") == key);
}

std::string number(std::size_t size) {
  return {static_cast<char>(size >> 24U), static_cast<char>(size >> 16U), static_cast<char>(size >> 8U),
          static_cast<char>(size)};
}
std::string text(const std::string& bytes) { return number(bytes.size()) + bytes; }
std::string line(const std::string& type, const std::string& blob) {
  return type + ' ' + to_base64(bytes_of(blob));
}
std::string rsa(const std::string& exponent, const std::string& modulus) {
  return line("ssh-rsa", text("ssh-rsa") + text(exponent) + text(modulus));
}

TEST_CASE("what is refused, and what is said about it") {
  struct Case {
    std::string line;
    const char* why;
  };
  const std::string torn = "is damaged: it is not the whole key, or more than that";
  const std::string e = "\x01\x01";
  const std::string modulus = '\0' + std::string(256, '\xff');
  REQUIRE(parse_ssh_key(rsa(e, modulus)).has_value());
  const std::string p256 = "ecdsa-sha2-nistp256";
  for (const Case& one : {
           Case{"", "must be a public key as in"},
           Case{"hello", "must be a public key as in"},
           Case{"ssh-dss AAAA", "is of the type ssh-dss, which is not taken"},
           Case{"ssh-ed448 AAAA", "is of the type ssh-ed448, which is not taken"},
           Case{"ssh-ed25519-cert-v01@openssh.com AAAA", "is a certificate; give the key itself"},
           Case{"-----BEGIN OPENSSH PRIVATE KEY-----", "is a private key, which nobody else may see"},
           Case{"---- BEGIN SSH2 PUBLIC KEY ----", "is not in OpenSSH's form"},
           Case{"restrict,command=\"x\" " + kEd25519, "has options before the key"},
           Case{kEd25519 + "\n" + kP256, "has more than one line"},
           Case{std::string(kSshKeyLineBytesMax + 1, 'A'), "is longer than any public key"},
           Case{kRsa1024, "is an RSA key of fewer than 2048 bits"},
           Case{rsa(e, '\0' + std::string(1025, '\xff')), "is an RSA key of more than 8192 bits"},
           Case{rsa(e, std::string(256, '\xff')), "is damaged"},
           Case{rsa(e, '\0' + std::string(256, '\x01')), "is damaged"},
           Case{rsa(e, std::string(2, '\0')), "is damaged"},
           Case{rsa("", modulus), "is damaged"},
           Case{rsa("\x01", modulus), "is damaged"},
           Case{rsa(e, ""), "is damaged"},
           Case{"ssh-ed25519", "is damaged"},
           Case{"ssh-ed25519 ?", "is damaged"},
           Case{"ssh-ed25519 AAAA", "says one type and is of another"},
           Case{line("ssh-ed25519", text("ssh-rsa") + text(e) + text(modulus)),
                "says one type and is of another"},
           Case{line("ssh-ed25519", text("ssh-ed25519") + text(std::string(31, 'k'))), "is damaged"},
           Case{line("ssh-ed25519", text("ssh-ed25519") + number(0xffffffff) + "k"), "is damaged"},
           Case{line("ssh-ed25519", text("ssh-ed25519") + text(std::string(32, 'k')) + "x"), "is damaged"},
           Case{line(p256, text(p256) + text("nistp384") + text('\x04' + std::string(64, 'p'))),
                "is damaged"},
           Case{line(p256, text(p256) + text("nistp256") + text('\x02' + std::string(32, 'p'))),
                "is damaged"},
           Case{line("sk-ssh-ed25519@openssh.com",
                     text("sk-ssh-ed25519@openssh.com") + text(std::string(32, 'k')) + text("")),
                "is damaged"},
           // The same key in another text.
           Case{kEd25519.substr(0, kEd25519.rfind(' ')) + "==", "is damaged"},
       }) {
    CAPTURE(one.line);
    const auto key = parse_ssh_key(one.line);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().starts_with(one.why));
  }
  CHECK(parse_ssh_key("ssh-ed25519").error() == torn);
}

std::string principals(std::size_t count) {
  std::string list = "p0";
  for (std::size_t i = 1; i < count; ++i) list += ",p" + std::to_string(i);
  return list;
}

TEST_CASE("a line of a user: a key, or an authority with those for whom it signs") {
  using Names = std::vector<std::string>;
  const SshKey key = *parse_ssh_key(kEd25519);
  const auto plain = parse_ssh_line(kEd25519 + "\n");
  REQUIRE(plain.has_value());
  CHECK(*plain == SshLine{key, false, {}});
  CHECK(plain->principals_of("ada").empty());
  struct Case {
    const char* options;
    Names written;
    Names of_ada;
  };
  for (const Case& one : {
           Case{"cert-authority", {}, {"ada"}},
           Case{"CERT-Authority", {}, {"ada"}},
           Case{R"(cert-authority,principals="ada@laptop")", {"ada@laptop"}, {"ada@laptop"}},
           Case{R"(Principals="ada,Eve",cert-authority)", {"ada", "Eve"}, {"ada", "Eve"}},
           Case{R"(cert-authority,principals="ada the \"great\",a\b")",
                {R"(ada the "great")", R"(a\b)"},
                {R"(ada the "great")", R"(a\b)"}},
       }) {
    CAPTURE(one.options);
    for (const std::string blank : {" ", "\t", "  "}) {
      const auto line = parse_ssh_line(one.options + blank + kEd25519);
      REQUIRE_MESSAGE(line.has_value(), line.error());
      CHECK(*line == SshLine{key, true, one.written});
      CHECK(line->principals_of("ada") == one.of_ada);
    }
    CHECK(parse_ssh_key(one.options + (' ' + kEd25519)).error() ==
          "has options before the key; only the key itself is taken");
  }
  const std::string many = principals(kSshPrincipalsMax);
  CHECK(parse_ssh_line("cert-authority,principals=\"" + many + "\" " + kP256)->principals.size() ==
        kSshPrincipalsMax);
}

TEST_CASE("other options than those of an authority are refused, and why") {
  const std::string quotes = R"(must have its principals in quotes, as in principals="ada,ada@laptop")";
  const std::string unknown = ", which is not taken; only cert-authority and principals are";
  const std::string blank = ", with a blank before or behind it, or with a control character";
  struct Case {
    std::string options;
    std::string why;
  };
  for (const Case& one : {
           Case{"restrict", "has the option \"restrict\"" + unknown},
           Case{"cert-authority,no-port-forwarding", "has the option \"no-port-forwarding\"" + unknown},
           Case{R"(command="a \" b, c",cert-authority)", "has the option \"command\"" + unknown},
           Case{R"(from="192.0.2.0/24")", "has the option \"from\"" + unknown},
           Case{"hello", "has the option \"hello\"" + unknown},
           Case{"cert-authority,", "has the option \"\"" + unknown},
           Case{",cert-authority", "has the option \"\"" + unknown},
           Case{"cert-authority,cert-authority", "has the option cert-authority twice"},
           Case{"cert-authority=yes", "has a value of the option cert-authority, which takes none"},
           Case{R"(cert-authority="")", "has a value of the option cert-authority, which takes none"},
           Case{"cert-authority\"x\"", "has options that have no comma or blank behind them"},
           Case{R"(principals="ada")",
                R"(has principals, but is no authority; write cert-authority,principals="...")"},
           Case{"cert-authority,principals", quotes},
           Case{"cert-authority,principals=", quotes},
           Case{"cert-authority,principals=ada", quotes},
           Case{"cert-authority,principals=\"ada", quotes},
           Case{R"(cert-authority,principals="ada\")", quotes},
           Case{R"(cert-authority,principals"ada")", quotes},
           Case{R"(cert-authority,principals="ada"eve)",
                "has options that have no comma or blank behind them"},
           Case{R"(cert-authority,principals="ada""eve")",
                "has options that have no comma or blank behind them"},
           Case{R"(cert-authority,principals="ada",principals="eve")", "has the option principals twice"},
           Case{R"(cert-authority,principals="")", "has no principals between the quotes; name one at least"},
           Case{R"(cert-authority,principals=",")", "has a principal without a name, between two commas"},
           Case{R"(cert-authority,principals="ada,")", "has a principal without a name, between two commas"},
           Case{R"(cert-authority,principals="ada,,eve")",
                "has a principal without a name, between two commas"},
           Case{R"(cert-authority,principals="ada, eve")", "has the principal \" eve\"" + blank},
           Case{"cert-authority,principals=\"a\nb\"", "has the principal \"a\nb\"" + blank},
           Case{R"(cert-authority,principals="*")", "has the principal \"*\"; patterns are not taken"},
           Case{R"(cert-authority,principals="ada,eve,ada")", "has the principal \"ada\" twice"},
           Case{"cert-authority,principals=\"" + principals(kSshPrincipalsMax + 1) + '"',
                "has more than 64 principals"},
       }) {
    CAPTURE(one.options);
    const auto line = parse_ssh_line(one.options + ' ' + kEd25519);
    REQUIRE_FALSE(line.has_value());
    CHECK(line.error() == one.why);
  }
}

TEST_CASE("the key of an authority is looked at like any other") {
  for (const auto& [line, why] : std::vector<std::pair<std::string, const char*>>{
           {"cert-authority", "must be a public key as in"},
           {"cert-authority ", "must be a public key as in"},
           {"cert-authority hello", "must be a public key as in"},
           {"cert-authority ssh-dss AAAA", "is of the type ssh-dss, which is not taken"},
           {"cert-authority ssh-ed25519 AAAA", "says one type and is of another"},
           {"cert-authority " + kRsa1024, "is an RSA key of fewer than 2048 bits"},
           {"cert-authority ssh-ed25519-cert-v01@openssh.com AAAA", "is a certificate; give the key itself"},
           {"cert-authority cert-authority " + kEd25519, "has options before the key"},
           {"cert-authority " + kEd25519 + '\n' + kP256, "has more than one line"},
           {"cert-authority\n" + kEd25519, "has options that have no comma or blank behind them"},
           {kEd25519 + '\n' + kP256, "has more than one line"},
           {"ssh-dss AAAA\n" + kEd25519, "is of the type ssh-dss, which is not taken"},
           {"cert-authority,principals=\"" + std::string(kSshKeyLineBytesMax, 'a') + "\" " + kEd25519,
            "is longer than any public key"},
           {"", "must be a public key as in"},
       }) {
    CAPTURE(line);
    const auto parsed = parse_ssh_line(line);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().starts_with(why));
  }
}

}  // namespace
}  // namespace weir::auth
