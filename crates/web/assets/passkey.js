// Passkeys: the browser's part of a ceremony. A form with data-passkey says what is wanted; its button starts it, and what the
// authenticator says is put into the field with data-answer and sent.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const keys = (list) => (list ? list.split(" ").map((id) => ({ type: "public-key", id: bytes(id) })) : []);

async function sign({ challenge, rp, keys: known, verify }) {
  const publicKey = { challenge: bytes(challenge), rpId: rp, allowCredentials: keys(known), userVerification: verify, timeout: 120_000 };
  const { id, response } = await navigator.credentials.get({ publicKey });
  return { id, authenticatorData: text(response.authenticatorData), clientDataJSON: text(response.clientDataJSON), signature: text(response.signature) };
}

async function make({ challenge, rp, keys: known, user, name }) {
  const publicKey = {
    challenge: bytes(challenge),
    rp: { id: rp, name: "Outlast" },
    user: { id: bytes(user), name, displayName: name },
    pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
    excludeCredentials: keys(known),
    authenticatorSelection: { residentKey: "preferred", userVerification: "preferred" },
    attestation: "none",
    timeout: 120_000,
  };
  const { id, response } = await navigator.credentials.create({ publicKey });
  return { id, attestationObject: text(response.attestationObject), clientDataJSON: text(response.clientDataJSON) };
}

const why = (error) => ({
  NotAllowedError: "The key did not sign: it was cancelled, took too long, or none of yours is here.",
  InvalidStateError: "This key is registered already.",
  SecurityError: "Keys do not work at this address.",
})[error.name] ?? `The key did not work: ${error.message}`;

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    const answer = form.querySelector("[data-answer]");
    if (answer.value) return;
    event.preventDefault();
    const said = form.querySelector("[data-said]");
    said.textContent = "Waiting for your key…";
    try {
      answer.value = JSON.stringify(await (form.dataset.passkey === "make" ? make : sign)(form.dataset));
      form.submit();
    } catch (error) {
      said.textContent = why(error);
    }
  });
}
