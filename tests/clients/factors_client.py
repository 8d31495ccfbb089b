"""Signs in with second factors that other people's libraries make: fido2 (Yubico) and cryptography, pyotp.

    factors_client.py HOST:PORT NAME PASSWORD

Prints `ok` when every factor was added and signed in with, and what must be refused was.
"""

import http.client
import json
import re
import sys
import threading
import time
from html import unescape
from urllib.parse import urlencode

import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cose
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)
from hashlib import sha256
from os import urandom

ADDRESS, NAME, PASSWORD = sys.argv[1:4]
HOST = ADDRESS.replace("127.0.0.1", "localhost")
ORIGIN = f"http://{HOST}"
FLAG = AuthenticatorData.FLAG


class Browser:
    def __init__(self):
        self.cookie = ""

    def send(self, method, path, form=None):
        connection = http.client.HTTPConnection(ADDRESS, timeout=60)
        headers = {"Host": HOST, "Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            if "session=" in cookie:
                self.cookie = cookie.split(";")[0]
        return answer.status, answer.headers, text

    def get(self, path):
        return self.send("GET", path)[2]

    def post(self, path, form):
        return self.send("POST", path, form)


def attribute(html, name):
    found = re.search(rf'[ <]{name}="([^"]*)"', html)
    assert found, f"no {name} in {html}"
    return unescape(found.group(1))


def field(html, name):
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"no field {name} in {html}"
    return unescape(found.group(1))


class Key:
    """An authenticator made of the libraries' parts."""

    def __init__(self, kind):
        self.id = urandom(40)
        self.count = 0
        if kind == "ES256":
            self.key = ec.generate_private_key(ec.SECP256R1())
            self.public = cose.ES256.from_cryptography_key(self.key.public_key())
            self.sign = lambda message: self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        elif kind == "EdDSA":
            self.key = ed25519.Ed25519PrivateKey.generate()
            self.public = cose.EdDSA.from_cryptography_key(self.key.public_key())
            self.sign = self.key.sign
        else:
            self.key = rsa.generate_private_key(65537, 2048)
            self.public = cose.RS256.from_cryptography_key(self.key.public_key())
            self.sign = lambda message: self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def data(self, flags, attested=b""):
        self.count += 1
        return AuthenticatorData.create(sha256(b"localhost").digest(), flags, self.count, attested)

    def make(self, challenge):
        attested = AttestedCredentialData.create(bytes(16), self.id, self.public)
        data = self.data(FLAG.UP | FLAG.UV | FLAG.AT, attested)
        client = CollectedClientData.create("webauthn.create", challenge, ORIGIN)
        return json.dumps({
            "id": websafe_encode(self.id),
            "attestationObject": websafe_encode(bytes(AttestationObject.create("none", data, {}))),
            "clientDataJSON": websafe_encode(bytes(client)),
        })

    def assertion(self, challenge, verified=True):
        data = self.data(FLAG.UP | FLAG.UV if verified else FLAG.UP)
        client = CollectedClientData.create("webauthn.get", challenge, ORIGIN)
        return json.dumps({
            "id": websafe_encode(self.id),
            "authenticatorData": websafe_encode(bytes(data)),
            "clientDataJSON": websafe_encode(bytes(client)),
            "signature": websafe_encode(self.sign(bytes(data) + client.hash)),
        })


def password_step():
    browser = Browser()
    status, _, page = browser.post("/-/sign-in", {"name": NAME, "password": PASSWORD})
    return browser, status, page


def alone(key, verified=True):
    browser = Browser()
    challenge = attribute(browser.get("/-/sign-in"), "data-challenge")
    form = {"challenge": challenge, "answer": key.assertion(websafe_decode(challenge), verified)}
    return browser, form, browser.post("/-/sign-in/passkey", form)[0]


browser, status, _ = password_step()
assert status == 303, status
keys = []
for kind in ["ES256", "EdDSA", "RS256"]:
    key = Key(kind)
    challenge = attribute(browser.get("/-/settings/security"), "data-challenge")
    made = {"name": kind, "challenge": challenge, "answer": key.make(websafe_decode(challenge))}
    status, _, page = browser.post("/-/settings/security/key", made)
    assert status == 200 and f">{kind}" in page, (kind, status, page)
    status, _, _ = browser.post("/-/settings/security/key", made)
    assert status == 422, "a registration is taken once"
    keys.append(key)

for key in keys:
    signed_in, form, status = alone(key)
    assert status == 303, status
    assert NAME in signed_in.get("/-/settings")
    assert Browser().post("/-/sign-in/passkey", form)[0] == 422, "an assertion is taken once"
    assert alone(key, verified=False)[2] == 422, "alone, a key must have verified its owner"
    second, status, page = password_step()
    assert status == 200 and not second.cookie, "the password alone is not enough any more"
    challenge = attribute(page, "data-challenge")
    assert websafe_encode(key.id) in attribute(page, "data-keys")
    answer = key.assertion(websafe_decode(challenge), verified=False)
    form = {"ticket": field(page, "ticket"), "challenge": challenge, "answer": answer}
    assert second.post("/-/sign-in/second", form)[0] == 303

page = browser.post("/-/settings/security/app", {})[2]
ticket, secret = field(page, "ticket"), re.search(r"<code>([A-Z2-7]+)</code>", page).group(1)
app = pyotp.TOTP(secret)
now = lambda steps: app.at(time.time(), counter_offset=steps)
assert browser.post("/-/settings/security/app/confirm", {"ticket": ticket, "code": "000000"})[0] == 422
status, _, page = browser.post("/-/settings/security/app/confirm", {"ticket": ticket, "code": now(0), "name": "phone"})
assert status == 200 and "phone" in page, page

# The next code is good already, once, however many come at the same time.
steps = [password_step() for _ in range(8)]
code, statuses = now(1), []


def use(step):
    second, _, page = step
    statuses.append(second.post("/-/sign-in/second", {"ticket": field(page, "ticket"), "code": code})[0])


threads = [threading.Thread(target=use, args=(step,)) for step in steps]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert sorted(statuses) == [303] + [422] * 7, statuses

page = browser.post("/-/settings/security/codes", {})[2]
codes = re.findall(r"[a-z2-7]{8}(?:-[a-z2-7]{8}){3}", page)
assert len(set(codes)) == 10, page
lost, _, page = password_step()
assert lost.post("/-/sign-in/second", {"ticket": field(page, "ticket"), "recovery": codes[0]})[0] == 303
status, headers, _ = lost.send("GET", "/-/settings/tokens")
assert (status, headers["Location"]) == (303, "/-/settings/security"), "first a new factor"
assert lost.post("/-/settings/security/codes", {})[0] == 403, "a recovery code is no fresh proof"
again, _, page = password_step()
assert again.post("/-/sign-in/second", {"ticket": field(page, "ticket"), "recovery": codes[0]})[0] == 422
print("ok")
