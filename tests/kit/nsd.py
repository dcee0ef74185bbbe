"""The part of an NSD configuration that every test wants: no rights, no daemon, nothing outside of its folder."""

from pathlib import Path


def nsd_server(folder: Path | str, *lines: str) -> str:
    """The clauses `server` and `remote-control`; `lines` (`ip-address: …` and the like) go into the former."""
    own = "".join(f"  {line}\n" for line in lines)
    return f"""server:
{own}  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  server-count: 1
remote-control:
  control-enable: no
"""
