"""A mail server for tests: wants STARTTLS, and the name `outlast` with the password of its argument.

    smtp_sink.py DIR PASSWORD

DIR/ca.pem is whom to trust, DIR/port its port; each message that it takes is a line of JSON in DIR/mail.
While there is a file DIR/refuse, it takes none.
"""
import datetime
import email
import email.policy
import ipaddress
import json
import pathlib
import socket
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

place, password = pathlib.Path(sys.argv[1]), sys.argv[2]


def certificate(name, issuer=None, issuer_key=None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = builder.add_extension(names, critical=False)
    return key, builder.sign(issuer_key or key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


ca_key, ca = certificate("a certificate authority for a test")
key, own = certificate("127.0.0.1", ca.subject, ca_key)
plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
(place / "server.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain) + pem(own))
(place / "ca.pem").write_bytes(pem(ca))
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(place / "server.pem")


class Sink:
    async def handle_DATA(self, server, session, envelope):
        if (place / "refuse").exists():
            return "451 not now"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = "".join(f"{name}: {value}\n" for name, value in mail.items()) + "\n" + mail.get_content()
        line = {"to": envelope.rcpt_tos, "from": envelope.mail_from, "text": text}
        with (place / "mail").open("a") as file:
            file.write(json.dumps(line) + "\n")
        return "250 OK"


def authenticator(server, session, envelope, mechanism, given):
    right = (given.login, given.password) == (b"outlast", password.encode())
    return AuthResult(success=right, handled=False)


class AnyPort(Controller):
    """Listens where there is room: aiosmtpd tries where it thinks that it listens, and that is at 0 otherwise."""

    def _create_server(self):
        self.socket = socket.create_server((self.hostname, 0))
        self.port = self.socket.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=self.socket, ssl=self.ssl_context)


controller = AnyPort(
    Sink(), hostname="127.0.0.1", port=0, ready_timeout=60, tls_context=context, require_starttls=True, auth_required=True,
    authenticator=authenticator,
)
controller.start()
(place / "port.new").write_text(str(controller.port))
(place / "port.new").rename(place / "port")
while True:
    time.sleep(60)
