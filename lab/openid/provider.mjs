// A provider of identities (npm's oidc-provider) for the black-box tests: node provider.mjs PORT REDIRECT_URI ALGORITHM.
// Whoever gives a login is that person, with the address that is the login; "unverified" in it: nobody vouches for it.
import crypto from "node:crypto";
import Provider from "oidc-provider";

const [port, redirectUri, algorithm = "RS256", method = "client_secret_basic"] = process.argv.slice(2);
const kinds = { RS256: ["rsa", { modulusLength: 2048 }], PS256: ["rsa", { modulusLength: 2048 }] };
kinds.ES256 = ["ec", { namedCurve: "P-256" }];
kinds.EdDSA = ["ed25519", {}];
const [kind, options] = kinds[algorithm];
const { privateKey } = crypto.generateKeyPairSync(kind, options);
const rsa = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const keys = [privateKey.export({ format: "jwk" })];
if (kind !== "rsa") keys.push(rsa.export({ format: "jwk" }));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "weir",
      client_secret: "a secret/with+signs",
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: method,
      id_token_signed_response_alg: algorithm,
    },
  ],
  jwks: { keys },
  cookies: { keys: ["lab"] },
  // Addresses are in the ID token, as the large providers have them.
  conformIdTokenClaims: false,
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
  pkce: { required: () => true },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, email: id, email_verified: !id.includes("unverified") }),
  }),
});
provider.listen(Number(port), "127.0.0.1");
