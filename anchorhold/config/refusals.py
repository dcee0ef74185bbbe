"""`answer = "…"` of a rule or a list: how what it blocks is answered."""

from anchorhold.config.errors import Wrong
from anchorhold.config.names import read_address
from resolver.policy_settings import Refusal, Refusing

FORMS = {form.value: form for form in Refusing if form is not Refusing.ADDRESS}


def read_refusal(text: str) -> Refusal:
    """`null`, `nxdomain`, `nodata`, `refused`, or addresses with commas between. Raises Wrong."""
    if text in FORMS:
        return Refusal(FORMS[text])
    try:
        addresses = tuple(read_address(item.strip()).packed for item in text.split(","))
    except Wrong:
        known = ", ".join(FORMS)
        raise Wrong(f"{text!r} is no answer", f"{known}, or addresses such as 192.168.1.2, fd00::2") from None
    return Refusal(Refusing.ADDRESS, addresses)
