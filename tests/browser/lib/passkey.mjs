// A key made here and registered with the site, for a user whose role needs one; tests give it to Chromium.

import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { password } from "./site.mjs";

const form = { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" };
const cbor = { text: (text) => Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)]), bytes: (bytes) => Buffer.concat([Buffer.from([0x59, bytes.length >> 8, bytes.length & 255]), bytes]) };

/** Signs in with the password, adds a key, and gives it as `WebAuthn.addCredential` takes it. */
export async function register(address, user) {
  const origin = `http://${address.replace("127.0.0.1", "localhost")}`;
  const send = (path, cookie, fields) => fetch(origin + path, {
    method: fields ? "POST" : "GET", redirect: "manual", headers: { cookie, connection: "close", ...(fields && form) }, body: fields && new URLSearchParams(fields),
  });
  const signedIn = await send("/-/sign-in", "", { name: user, password: password(user) });
  const cookie = signedIn.headers.get("set-cookie").split(";")[0];
  const page = await (await send("/-/settings/security", cookie)).text();
  const challenge = / data-challenge="([^"]+)"/.exec(page)[1];

  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x, y } = publicKey.export({ format: "jwk" });
  const coordinate = (text) => Buffer.concat([Buffer.from([0x58, 32]), Buffer.from(text, "base64url")]);
  const cose = Buffer.concat([Buffer.from("a5010203262001", "hex"), Buffer.from([0x21]), coordinate(x), Buffer.from([0x22]), coordinate(y)]);
  const id = randomBytes(32);
  const data = Buffer.concat([createHash("sha256").update("localhost").digest(), Buffer.from([0x45]), Buffer.alloc(4), Buffer.alloc(16), Buffer.from([0, id.length]), id, cose]);
  const object = Buffer.concat([Buffer.from([0xa3]), cbor.text("fmt"), cbor.text("none"), cbor.text("attStmt"), Buffer.from([0xa0]), cbor.text("authData"), cbor.bytes(data)]);
  const client = Buffer.from(JSON.stringify({ type: "webauthn.create", challenge, origin, crossOrigin: false }));
  const answer = JSON.stringify({ id: id.toString("base64url"), attestationObject: object.toString("base64url"), clientDataJSON: client.toString("base64url") });
  const added = await send("/-/settings/security/key", cookie, { name: "test", challenge, answer });
  if (added.status !== 200) throw new Error(`the key of ${user} was not taken: ${added.status} ${await added.text()}`);
  return {
    credentialId: id.toString("base64"), isResidentCredential: true, rpId: "localhost", userHandle: randomBytes(16).toString("base64"),
    privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
  };
}
