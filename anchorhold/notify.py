"""A word to systemd (sd_notify): ready, reloading, stopping."""

import os
import socket


def notify(text: str) -> None:
    """Send `text` to the service manager, if one asked for it; a manager that is gone is none of our trouble."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(text.encode(), "\0" + place[1:] if place.startswith("@") else place)
        except OSError:
            return
