"""The web server of the console, in this process or as a child of `ardoise up`."""

from __future__ import annotations

import os
import signal
import socket
from functools import partial


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server can listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def serve_console(*, port: int, host: str = "127.0.0.1") -> None:
    """Serve the console until Ctrl-C or SIGTERM."""
    # A terminal interrupts the whole group. The worker is stopped by the server, and told twice it may wait for itself
    # for ever: what comes from the terminal stays out of it.
    os.register_at_fork(after_in_child=partial(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGINT}))
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        "ardoise.project.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,
        log_level=LogLevels.warning,
        websockets=False,
    ).serve()


def main() -> None:
    """`python -m ardoise.cli.serving HOST PORT`: the console as a process of its own."""
    import sys

    serve_console(host=sys.argv[1], port=int(sys.argv[2]))


if __name__ == "__main__":
    main()
