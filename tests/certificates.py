"""Certificates for tests, made by openssl."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files of PEM."""

    certificate: Path
    key: Path


def authority(folder: Path, name: str) -> Pair:
    """Make who signs certificates; skips the test where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl("req", "-x509", *_new_key(pair), "-subj", f"/CN={name}", "-days", "2", *usage, "-out", pair.certificate)
    return pair


def signed(folder: Path, name: str, issuer: Pair, alternative: str = "", common: str = "") -> Pair:
    """Make a certificate.

    Args:
        folder: of the files.
        name: of the files, and by default of the certificate.
        issuer: who signs it.
        alternative: names such as ``DNS:localhost,IP:127.0.0.1``.
        common: the common name.
    """
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    request = folder / f"{name}.csr"
    _openssl("req", *_new_key(pair), "-subj", f"/CN={common or name}", "-out", request)
    extensions = folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={alternative or f'DNS:{name}'}\n")
    by = ("-CA", issuer.certificate, "-CAkey", issuer.key, "-CAcreateserial", "-days", "2", "-extfile", extensions)
    _openssl("x509", "-req", "-in", request, *by, "-out", pair.certificate)
    return pair


def _new_key(pair: Pair) -> tuple[str | Path, ...]:
    return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", pair.key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
