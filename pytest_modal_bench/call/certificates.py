"""The certificates that TLS trusts: the environment's, or those that come with requests. Read when first needed."""

from __future__ import annotations

import errno
import functools
import os
import ssl
import stat
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The first that is set names a file or a directory."""


def check_certificates() -> None:
    """Read the certificates. Raises ValueError, whose one line names the variable and the file."""
    ssl_context()


def ssl_context() -> ssl.SSLContext:
    """Return a context that verifies. Raises ValueError where the certificates cannot be read."""
    for variable in VARIABLES:
        if path := os.environ.get(variable):
            return _ssl_context(path, variable)
    return _ssl_context(DEFAULT_CA_BUNDLE_PATH, "the default")


@functools.cache
def _ssl_context(path: str, source: str) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    try:
        # A pipe or a device might never end.
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            context.load_verify_locations(capath=path)
        elif stat.S_ISREG(mode):
            context.load_verify_locations(cafile=path)
        else:
            raise OSError(errno.EINVAL, "not a file")  # noqa: TRY301 - told like the others
    except ssl.SSLError:
        raise ValueError(_problem(path, source, "the file holds no certificate in PEM format")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ValueError(_problem(path, source, reason)) from None
    return context


def _problem(path: str, source: str, reason: str) -> str:
    where = source if source not in VARIABLES else f"named by {source}"
    return f"no certificates in {ascii(path)[1:-1]} ({where}), which https needs: {reason}"
