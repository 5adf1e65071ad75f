// A real OpenID Connect provider with one person in it: node provider.mjs PORT REDIRECT_URI CLIENT_SECRET
import Provider from "oidc-provider";

const [port, redirectUri, secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "claude-gateway", client_secret: secret, redirect_uris: [redirectUri],
              token_endpoint_auth_method: "client_secret_post" }],
  pkce: { required: () => false },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, preferred_username: `${id}@example.com` }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
