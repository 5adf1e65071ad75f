// A real SAML 2.0 identity provider: node saml.mjs PORT CERTIFICATE KEY. Whoever signs in is that account;
// `NAME.as.OTHER` is an account of its own with the address of another.
import { readFileSync } from "node:fs";
import express from "express";
import samlp from "samlp";

const [port, certificate, key] = process.argv.slice(2);
const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const app = express();

app.get("/sso", (request, response) => {
  const kept = Object.entries(request.query)
    .map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`)
    .join("");
  response.send(`<!doctype html><title>SAML provider</title><h1>Sign in</h1><form action="/signed-in">${kept}
    <label>Account <input name="login"></label> <label>Password <input name="password" type="password"></label>
    <button type="submit">Sign in</button></form>`);
});

app.get("/signed-in", samlp.auth({
  issuer: `http://127.0.0.1:${port}`,
  cert: readFileSync(certificate),
  key: readFileSync(key),
  getUserFromRequest: (request) => ({ id: request.query.login }),
  getPostURL: (audience, document, request, answer) =>
    answer(null, document.documentElement.getAttribute("AssertionConsumerServiceURL")),
  profileMapper: ({ id }) => {
    const address = `${id.split(".as.").pop()}@example.com`;
    return {
      getClaims: () => ({ [`${claims}/emailaddress`]: address, [`${claims}/name`]: address }),
      getNameIdentifier: () => ({
        nameIdentifier: id, nameIdentifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
      }),
    };
  },
}));

app.listen(Number(port), "127.0.0.1", () => console.log("ready"));
