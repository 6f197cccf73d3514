"""Keys of OAuth apps, made once for all tests, and the forms that people have them in."""

import base64

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

APP_ID, KEY_ID = "1200000000000000001", "fingerprint-1"


def new_key(bits=2048):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(key, form=PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def public_pem(key):
    form = PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.PEM, form).decode()


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


KEY, STRANGER = new_key(), new_key()
PEM = private_pem(KEY)
# The settings of a service that has one.
OAUTH = {
    "COZE_JWT_APP_ID": APP_ID,
    "COZE_JWT_KEY_ID": KEY_ID,
    "COZE_JWT_PRIVATE_KEY": PEM,
}
