"""``nova.i18n``: texts stay as they are."""


def _(text: str) -> str:
    return text
