"""Until when a certificate is valid, as the scripts for production read it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.support import render, scripts_of

KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def nginx(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    project = render(template, tmp_path_factory.mktemp("certificates") / "shop", {"stack": "full", "production": True})
    with scripts_of(project / "scripts"):
        yield import_module("lib.nginx")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chains") / "chain.pem"


def certificate(name: str, serial: int, end: datetime.datetime) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(subject, subject, KEY.public_key(), serial, end - datetime.timedelta(days=9), end)
    return made.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@given(
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    serial=st.integers(1, 2**64),
    # From 2050 on another form of a date.
    end=st.datetimes(datetime.datetime(2000, 2, 1), datetime.datetime(2199, 1, 1)),
    above=st.sampled_from(["", "Bag Attributes\n    friendlyName: shop\n"]),
)
def test_the_end_of_the_first_certificate_of_a_chain_is_read(
    nginx: ModuleType, chain: Path, name: str, serial: int, end: datetime.datetime, above: str
) -> None:
    end = end.replace(microsecond=0)
    chain.write_text(above + certificate(name, serial, end) + certificate("issuer", 7, datetime.datetime(2030, 1, 1)))
    times = [one.replace(tzinfo=datetime.UTC).timestamp() for one in (end - datetime.timedelta(days=9), end)]
    assert nginx.validity(nginx.der(chain)) == (*times,)


@pytest.mark.parametrize(
    "text", ["", "nothing", "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n", "-----BEGIN CERTIFICATE-----\nAAA"]
)
def test_what_is_no_certificate_gets_a_sentence(nginx: ModuleType, chain: Path, text: str) -> None:
    chain.write_text(text)
    with pytest.raises(nginx.Problem, match="as PEM: it has no whole BEGIN CERTIFICATE block"):
        nginx.der(chain)
