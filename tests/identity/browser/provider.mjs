// A real OpenID Connect provider: node provider.mjs PORT REDIRECT_URI CLIENT_SECRET. Whoever signs in is that
// account; `NAME.as.OTHER` is an account of its own with the address of another.
import Provider from "oidc-provider";

const [port, redirectUri, secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const address = (id) => `${id.split(".as.").pop()}@example.com`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "claude-gateway", client_secret: secret, redirect_uris: [redirectUri],
              token_endpoint_auth_method: "client_secret_post" }],
  pkce: { required: () => false },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: address(id), email_verified: true, preferred_username: address(id) }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
