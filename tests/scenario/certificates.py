# SPDX-License-Identifier: MIT
"""Certificates for scenarios, made by openssl(1): one CA, and what it has signed."""
import pathlib
import ssl
import subprocess

import support

SECONDS = 30


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Certificates:
    """In a folder: ca.pem, and for each name that was asked for NAME.pem and NAME.key."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.own("ca", "-addext", "basicConstraints=critical,CA:TRUE")
        self.signed("server")

    def path(self, name):
        return self.folder / name

    def own(self, name, *more, days=60):
        """One that nobody else has signed."""
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", days,
                "-subj", f"/CN={name}", "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.pem"), *more)
        self.path(f"{name}.key").chmod(0o600)

    def signed(self, name, days=60):
        request, names = self.path(f"{name}.csr"), self.path("names")
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", self.path(f"{name}.key"), "-out", request)
        self.path(f"{name}.key").chmod(0o600)
        openssl("x509", "-req", "-in", request, "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                "-CAcreateserial", "-days", days, "-extfile", names, "-out", self.path(f"{name}.pem"))

    def section(self, name="server", more=""):
        """The section of the configuration."""
        return (f'tls = {{ certificate = "{self.path(name + ".pem")}"; key = "{self.path(name + ".key")}"; '
                f'{more} }};\n')

    def context(self, client=None, protocols=None):
        """For a client that trusts the CA and, where it is named, shows a certificate."""
        context = ssl.create_default_context(cafile=str(self.path("ca.pem")))
        if client:
            context.load_cert_chain(self.path(f"{client}.pem"), self.path(f"{client}.key"))
        if protocols:
            context.set_alpn_protocols(protocols)
        return context

    def connect(self, address, **options):
        """A connection over TLS, its handshake done."""
        return self.context(**options).wrap_socket(support.connect(address), server_hostname="localhost")
