"""Encrypted connections of both ports, with certificates that may be replaced while the server runs."""

import logging
import ssl
from pathlib import Path

import grpc

from rasterwire.server.identity.settings import TlsSettings

__all__ = ["Certificates"]

_log = logging.getLogger("rasterwire.server")


class Certificates:
    """The certificate of a server, its key, and who signs certificates of clients.

    Attributes:
        ssl_context: for HTTP. Clients may show a certificate, which has to be valid then.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        """Read the files.

        Raises:
            OSError, ValueError: they cannot be read, or do not belong together.
        """
        self._files = certificate, key, client_ca
        self._current = self._context()
        self._grpc = self._configuration()
        self._handed_over = self._grpc
        self.ssl_context = self._context()
        # called in every handshake, whether the client names a server or not
        self.ssl_context.sni_callback = self._take_current

    @classmethod
    def of(cls, settings: TlsSettings) -> "Certificates | None":
        """Return the certificates of settings, None where connections are plain; raises as the constructor does."""
        if settings.certificate_file is None or settings.key_file is None:
            return None
        return cls(settings.certificate_file, settings.key_file, settings.client_ca_file)

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Return what a gRPC server listens with. It cannot ask for a certificate without requiring one."""
        requires = self._files[2] is not None
        return grpc.dynamic_ssl_server_credentials(
            self._grpc,
            self._if_new,  # type: ignore[arg-type]  # None says that nothing changed; the stubs leave it out
            require_client_authentication=requires,
        )

    def reload(self) -> None:
        """Read the files again, for connections that begin; where they are wrong, those from before stay."""
        try:
            self._current, self._grpc = self._context(), self._configuration()
        except (OSError, ValueError) as error:
            _log.error("tls: %s; the certificates from before stay", problem(error))
            return
        _log.info("certificates were read")

    def _take_current(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _if_new(self) -> "grpc.ServerCertificateConfiguration | None":
        if self._handed_over is self._grpc:
            return None
        self._handed_over = self._grpc
        return self._grpc

    def _context(self) -> ssl.SSLContext:
        certificate, key, client_ca = self._files
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
        context.load_cert_chain(certificate, key, password=_no_password)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _configuration(self) -> "grpc.ServerCertificateConfiguration":
        certificate, key, client_ca = self._files
        roots = None if client_ca is None else client_ca.read_bytes()
        return grpc.ssl_server_certificate_configuration([(key.read_bytes(), certificate.read_bytes())], roots)


def problem(error: Exception) -> str:
    """Return what is wrong with files of certificates, without what is in them."""
    if isinstance(error, ssl.SSLError):
        return f"the certificate and the key cannot be used ({error.reason or 'no PEM'}); do they belong together?"
    return str(getattr(error, "strerror", None) or error)


def _no_password() -> str:
    raise ValueError("the key has a password; write it without one into a file that only the server can read")
