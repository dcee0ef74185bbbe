"""Values as TOML, each on one line; reading is `tomllib`'s."""

import json
import re

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def key_text(key: str) -> str:
    """A key, quoted where it must be."""
    return key if _BARE.fullmatch(key) else value_text(key)


def value_text(value: object) -> str:
    """A value; tables are written inline. Raises TypeError for what TOML does not have."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            # JSON's escapes are a subset of TOML's but for DEL; a lone surrogate is in neither.
            clean = value.encode("utf-8", "replace").decode("utf-8")
            return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(map(value_text, value))}]"
        case dict():
            return "{ " + ", ".join(f"{key_text(str(key))} = {value_text(one)}" for key, one in value.items()) + " }"
        case _:
            raise TypeError(f"{type(value).__name__} is nothing that TOML has")
