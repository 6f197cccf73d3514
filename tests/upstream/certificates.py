"""A certificate authority of one's own, and a certificate of a host that it has signed."""

import datetime as dt
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.upstream.keys import KEY, STRANGER, private_pem


def certificates(folder, *hosts):
    """Write the authority's certificate, and the server's with its key; give both files.

    The server's is for 127.0.0.1, and for hosts that are given.
    """
    names = [_alternative(host) for host in ("127.0.0.1", *hosts)]
    authority = _certificate("authority", KEY, names, is_authority=True)
    server = _certificate("server", STRANGER, names, is_authority=False)
    ca_file, server_file = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(authority.public_bytes(Encoding.PEM))
    server_file.write_bytes(server.public_bytes(Encoding.PEM) + private_pem(STRANGER).encode())
    return ca_file, server_file


def _certificate(name, key, names, *, is_authority):
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(KEY, SHA256())
    )


def _alternative(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
