"""A certificate authority that lives as long as the run."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate

if TYPE_CHECKING:
    from pathlib import Path


class Authority:
    """One CA and one certificate, for 127.0.0.1 and localhost, as files in `folder`."""

    keystore_password = "keystore"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ca = trustme.CA()
        self._leaf = self._ca.issue_cert("127.0.0.1", "localhost")
        self.ca_file = folder / "ca.pem"
        self.cert_file = folder / "server.pem"
        self.key_file = folder / "server.key"
        self.keystore_file = folder / "server.p12"
        self._ca.cert_pem.write_to_path(str(self.ca_file))
        for number, pem in enumerate(self._leaf.cert_chain_pems):
            pem.write_to_path(str(self.cert_file), append=number > 0)
        self._leaf.private_key_pem.write_to_path(str(self.key_file))
        self._write_keystore()

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._leaf.configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _write_keystore(self) -> None:
        """PKCS#12, which is what Java reads."""
        key = load_pem_private_key(self._leaf.private_key_pem.bytes(), None)
        leaf, *chain = (load_pem_x509_certificate(pem.bytes()) for pem in self._leaf.cert_chain_pems)
        encryption = BestAvailableEncryption(self.keystore_password.encode())
        self.keystore_file.write_bytes(
            pkcs12.serialize_key_and_certificates(b"server", key, leaf, chain, encryption)  # type: ignore[arg-type]
        )
