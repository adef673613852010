"""Who can reach a Ray cluster, on which everybody who does can run commands as its owner.

A cluster that is started here listens on loopback, and lets in whoever has a token that only its
own processes know. One on other machines must ask for a token as well. Both are settings of ours,
whatever Ray's defaults are.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

from ..common.errors import UserError

_MODE = "RAY_AUTH_MODE"
# Ray's command that asks a cluster whether it lives.
_ASK = "from ray.scripts.scripts import main; main()"


def closed() -> dict[str, str]:
    """Variables, to be set before Ray is imported, by which a new cluster is closed to others."""
    return {
        # Without clusters of several machines, all of Ray's servers listen on 127.0.0.1.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        # Other users of this machine reach that as well. In no file: the environment of a process
        # is its owner's to read.
        _MODE: "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }


def asking() -> dict[str, str]:
    """Variables, to be set before Ray is imported, by which a cluster is joined with a token.

    Only who has set RAY_AUTH_MODE=disabled is not to have one.
    """
    return {_MODE: os.environ.get(_MODE, "token")}


def check_protected(address: str) -> str:
    """See that a cluster lets in nobody without a token, or that its user knows and wants that.

    Args:
        address: ``host:port``, where something answers.

    Returns:
        A sentence on who can reach the cluster.

    Raises:
        UserError: if the cluster lets in everybody, or does not let in who has this token.
    """
    token_wanted = os.environ.get(_MODE, "token").lower() != "disabled"
    if _lets_in(address, {_MODE: "disabled"}):
        if token_wanted:
            raise UserError(
                f"the Ray cluster at {address} lets in whoever reaches its port: ray start it with "
                f"{_MODE}=token and a token; or, on a network that you trust, say {_MODE}=disabled"
            )
        return (
            f"the Ray cluster at {address} is not protected: whoever reaches its ports can run "
            "commands on it, and read the DVC remote's credentials"
        )
    if not token_wanted or not _lets_in(address, {_MODE: "token"}):
        raise UserError(
            f"no Ray cluster at {address} that lets this user in: RAY_AUTH_TOKEN, the file "
            f"RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token must have its token, and {_MODE} be token"
        )
    return (
        f"the Ray cluster at {address} is protected by its token; what is sent to it is not "
        "encrypted, unless RAY_USE_TLS is set on all machines"
    )


def _lets_in(address: str, variables: dict[str, str]) -> bool:
    # In a process of its own: Ray keeps what it has read of the environment.
    command = [sys.executable, "-c", _ASK, "health-check", "--address", address]
    environment = os.environ | variables
    return not subprocess.run(command, env=environment, capture_output=True, check=False).returncode
