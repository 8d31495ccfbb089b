// A real provider of OpenID Connect, and one that lies, for the tests.
//
//   node oidc_provider.mjs REDIRECT_URI REDIRECT_URI_OF_THE_LIAR
//
// Prints the issuer of the first and that of the liar. Whom they sign in is what the cookie `as` says; the liar tells the lie that the
// cookie `lie` names. Nobody is asked anything: people's part is not what is tested.
import { createServer } from "node:http";
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import Provider from "oidc-provider";

// It talks, and nobody reads: the one line that is wanted comes at the end.
console.info = console.warn = () => {};
const [redirect, lyingRedirect] = process.argv.slice(2);
const cookie = (request, name) => new RegExp(`(?:^|; )${name}=([^;]*)`).exec(request.headers.cookie ?? "")?.[1];

async function listening(server) {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${server.address().port}`;
}

const key = (kid, alg, type, options) => {
  const { privateKey, publicKey } = generateKeyPairSync(type, options);
  const more = { kid, alg, use: "sig" };
  return { privateKey, jwk: { ...publicKey.export({ format: "jwk" }), ...more }, secret: { ...privateKey.export({ format: "jwk" }), ...more } };
};

// The real one has all kinds of keys; each client is promised one.
const keys = [key("r", "RS256", "rsa", { modulusLength: 2048 }), key("e", "ES256", "ec", { namedCurve: "P-256" }), key("d", "EdDSA", "ed25519")];
let provider;
const server = createServer((request, response) => provider.callback()(request, response));
const issuer = await listening(server);
provider = new Provider(issuer, {
  clients: ["RS256", "ES256", "EdDSA"].map((alg) => ({
    client_id: `outlast-${alg}`, client_secret: "the client's secret", redirect_uris: [redirect], id_token_signed_response_alg: alg,
  })),
  jwks: { keys: keys.map(({ secret }) => secret) },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256", "EdDSA"] },
  features: { devInteractions: { enabled: false } },
  cookies: { keys: ["k"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id, claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, preferred_username: id }),
  }),
});
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  const { params, grantId } = await provider.interactionDetails(ctx.req, ctx.res);
  const accountId = cookie(ctx.req, "as");
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope("openid email profile");
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(ctx.req, ctx.res, result);
});

// The liar: right in all but one thing.
const asked = new Map();
const [own, others] = [key("1", "EdDSA", "ed25519"), key("1", "EdDSA", "ed25519")];
const text = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
function token(nonce, lie) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: lying, sub: "kim", aud: "outlast", exp: now + 300, iat: now, nonce };
  const head = { alg: "EdDSA", kid: "1" };
  if (lie === "iss") claims.iss = issuer;
  if (lie === "aud") claims.aud = "another";
  if (lie === "azp") Object.assign(claims, { aud: ["outlast", "another"], azp: "another" });
  if (lie === "nonce") claims.nonce = "another";
  if (lie === "exp") claims.exp = now - 3600;
  if (lie === "iat") claims.iat = now + 3600;
  if (lie === "none") head.alg = "none";
  const signed = `${text(head)}.${text(claims)}`;
  if (lie === "none") return `${signed}.`;
  return `${signed}.${sign(null, Buffer.from(signed), (lie === "key" ? others : own).privateKey).toString("base64url")}`;
}
let lying;
const liar = createServer(async (request, response) => {
  const url = new URL(request.url, lying);
  const say = (value) => response.setHeader("content-type", "application/json").end(JSON.stringify(value));
  if (url.pathname === "/.well-known/openid-configuration")
    return say({ issuer: lying, authorization_endpoint: `${lying}/auth`, token_endpoint: `${lying}/token`, jwks_uri: `${lying}/keys` });
  if (url.pathname === "/keys") return say({ keys: [own.jwk] });
  if (url.pathname === "/auth") {
    const code = randomBytes(16).toString("hex");
    const lie = cookie(request, "lie");
    asked.set(code, { lie, nonce: url.searchParams.get("nonce"), challenge: url.searchParams.get("code_challenge") });
    const back = new URL(lyingRedirect);
    back.searchParams.set("code", code);
    back.searchParams.set("state", lie === "state" ? "another" : url.searchParams.get("state"));
    if (lie === "mixed") back.searchParams.set("iss", issuer);
    return response.writeHead(303, { location: back.href }).end();
  }
  let body = "";
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const { lie, nonce, challenge } = asked.get(form.get("code")) ?? {};
  asked.delete(form.get("code"));
  const proof = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
  if (!nonce || proof !== challenge) return response.writeHead(400).end();
  if (lie === "redirect") return response.writeHead(307, { location: `${issuer}/token` }).end();
  say({ access_token: "x", token_type: "Bearer", id_token: token(nonce, lie) });
});
lying = await listening(liar);
console.log(`${issuer} ${lying}`);
