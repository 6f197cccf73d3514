"""The key in every form that people have it in, and the JWT that it signs."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from cozeproxy.upstream.assertion import (
    UNENCRYPTED,
    WANTED,
    WHOLE,
    KeyFormatError,
    OAuthApp,
    audience_of,
    load_key,
    sign,
)
from tests.upstream.keys import APP_ID, KEY, KEY_ID, PEM, base64_of, new_key, private_pem

PKCS1 = private_pem(KEY, PrivateFormat.TraditionalOpenSSL)
ONE_LINE = PEM.strip().replace("\n", "\\n")
PASSPHRASE = BestAvailableEncryption(b"x")

FORMS = {
    "PKCS#8": PEM,
    "PKCS#1": PKCS1,
    "without the last line break": PEM.strip(),
    "Windows line breaks": PEM.replace("\n", "\r\n"),
    "old Macintosh line breaks": PEM.replace("\n", "\r"),
    r"\n": ONE_LINE,
    r"\n after PKCS#1": PKCS1.replace("\n", "\\n"),
    r"\r\n": PEM.replace("\n", "\\r\\n"),
    r"\n and line breaks": PEM.replace("\n", "\\n\n"),
    r"\n in double quotes": f'"{ONE_LINE}"',
    r"\n in single quotes": f"'{ONE_LINE}'",
    "line breaks in double quotes": f'"{PEM}"',
    "line breaks in single quotes": f"'{PEM}'",
    "spaces for line breaks": PEM.replace("\n", " "),
    "indented": PEM.replace("\n", "\n    "),
    "something before and after": f"Bag Attributes\n    friendlyName: coze\n{PEM}\nend\n",
    "base64": base64_of(PEM),
    "base64 of PKCS#1": base64_of(PKCS1),
    r"base64 of \n": base64_of(ONE_LINE),
    "base64 in lines": "\n".join(base64_of(PEM)[i : i + 76] for i in range(0, 4000, 76)),
    "base64 in quotes": f'"{base64_of(PEM)}"',
    "the lines without their frame": "".join(PEM.splitlines()[1:-1]),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_key_is_read_in_every_form(text):
    assert load_key(text).private_numbers() == KEY.private_numbers()


ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
PUBLIC = PEM.replace("PRIVATE KEY", "PUBLIC KEY")

REFUSED = {
    "nothing": ("", WANTED),
    "a word": ("secret", WANTED),
    "Chinese": ("私钥", WANTED),
    "base64 of something else": (base64_of("secret"), WANTED),
    "PEM of something else": (PEM[:60] + PEM[80:], WANTED),
    "PEM that is no base64": (PEM.replace("MII", "*II"), WANTED),
    "the first line of several": (PEM.splitlines()[0], WHOLE),
    "PEM without its end": (PEM[:800], WHOLE),
    "a passphrase, PKCS#8": (private_pem(KEY, encryption=PASSPHRASE), UNENCRYPTED),
    "a passphrase, PKCS#1": (
        private_pem(KEY, PrivateFormat.TraditionalOpenSSL, PASSPHRASE),
        UNENCRYPTED,
    ),
    "a passphrase, base64": (base64_of(private_pem(KEY, encryption=PASSPHRASE)), UNENCRYPTED),
    "a passphrase, without frame": (
        "".join(private_pem(KEY, encryption=PASSPHRASE).splitlines()[1:-1]),
        UNENCRYPTED,
    ),
    "a public key": (PUBLIC, "an RSA private key; this one is marked PUBLIC KEY"),
    "a certificate": (
        PEM.replace("PRIVATE KEY", "CERTIFICATE"),
        "an RSA private key; this one is marked CERTIFICATE",
    ),
    "another algorithm": (
        ELLIPTIC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "an RSA private key; this one is of another kind",
    ),
    "too few bits": (
        private_pem(new_key(1024)),
        "an RSA private key of at least 2048 bits; this one has 1024",
    ),
}


@pytest.mark.parametrize(("text", "wanted"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_key_is_refused_with_what_is_wanted(text, wanted):
    with pytest.raises(KeyFormatError) as caught:
        load_key(text)
    assert str(caught.value) == wanted


def test_refusal_does_not_repeat_the_key():
    with pytest.raises(KeyFormatError) as caught:
        load_key(PEM.replace("MII", "*II"))
    assert not any(line in str(caught.value) for line in PEM.splitlines()[1:-1])


@pytest.mark.parametrize(
    ("base_url", "audience"),
    [
        ("https://api.coze.com", "api.coze.com"),
        ("https://api.coze.cn/", "api.coze.cn"),
        ("https://coze.example:8443/open", "coze.example"),
        ("https://192.168.1.2:8888", "192.168.1.2"),
        ("http://localhost:8888", "localhost:8888"),
        ("http://127.0.0.1:8888", "127.0.0.1:8888"),
        ("http://[::1]:8888", "[::1]:8888"),
    ],
)
def test_audience_is_the_host_and_here_the_port_too(base_url, audience):
    assert audience_of(base_url) == audience


def test_jwt_has_the_header_and_the_claims_that_coze_asks_for():
    app = OAuthApp(APP_ID, KEY_ID, KEY, "api.coze.cn")
    token = sign(app, now=1_800_000_000.9, jti="random", session_name="ann")
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    claims = jwt.decode(
        token,
        KEY.public_key(),
        algorithms=["RS256"],
        audience="api.coze.cn",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims == {
        "iss": APP_ID,
        "aud": "api.coze.cn",
        "iat": 1_800_000_000 - 30,
        "exp": 1_800_000_000 + 3600,
        "jti": "random",
        "session_name": "ann",
    }
