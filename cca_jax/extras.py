"""How messages say to install an optional extra of this project, such as `tensorflow` or `torch`."""


def install_hint(extra: str) -> str:
    """How to install an extra: from a checkout, since no package index has this project."""
    return f"from a checkout of the project: pip install '.[{extra}]'"
