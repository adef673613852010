"""An SFTP server on loopback: a folder is its root, a key or a password opens it.

    python tests/sftp.py FOLDER USER PASSWORD

Makes FOLDER/key, which it takes, and FOLDER/wrong_key, which it does not; says its port.
"""

import asyncio
import sys
from pathlib import Path

import asyncssh


async def serve(folder: Path, *login: str) -> None:
    """Until the process is ended."""

    class Server(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == login

    for name in ("host_key", "key", "wrong_key"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(folder / name)
        key.write_public_key(folder / f"{name}.pub")
    server = await asyncssh.listen(
        "127.0.0.1",
        port=0,
        server_factory=Server,
        server_host_keys=[folder / "host_key"],
        authorized_client_keys=str(folder / "key.pub"),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()),
    )
    print(f"port {server.get_port()}", flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), *sys.argv[2:]))
