"""E-mail addresses."""

from collections.abc import Iterator

from lambdas.inspection.detectors.reading import Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span

_LOCAL_PART = Expression(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_DOMAIN = Expression(r"(?:[\w](?:[\w-]{0,61}[\w])?\.){1,6}[A-Za-z]{2,24}(?![\w])")
_NOT_MAIL_TLD = frozenset(
    [
        "js",
        "ts",
        "py",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "css",
        "html",
        "json",
        "md",
        "txt",
        "yaml",
        "yml",
        "toml",
        "sh",
        "exe",
        "dll",
        "so",
        "rs",
        "go",
        "rb",
        "php",
        "java",
        "cpp",
        "local",
        "webp",
        "avif",
        "heic",
        "tsx",
        "vue",
        "scss",
        # set aside: nobody has mail there
        "invalid",
        "test",
        "example",
        "localhost",
    ]
)
_DOCUMENTATION_DOMAINS = ("example.com", "example.org", "example.net")


def emails(context: Context) -> Iterator[Span]:
    """Yield e-mail addresses, except those reserved for documentation."""
    text = context.text
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        local = _LOCAL_PART.search(text, max(0, at - 64), at) if domain else None
        if local and domain:
            name = local.group().lstrip("'`*/=?^{|}.&-#!$%~+").rstrip("'`")
            # the local part starts after the last sign that is legal in it but in practice separates
            for sign in "/=&{|'`":
                name = name.rpartition(sign)[2]
            host = domain.group().lower()
            tld = host.rpartition(".")[2]
            if (
                name
                and tld not in _NOT_MAIL_TLD
                and not (name == "git" and text[domain.end() : domain.end() + 1] in (":", "/"))
                and not host.endswith(_DOCUMENTATION_DOMAINS)
            ):
                yield Span("EMAIL", at - len(name), domain.end(), 1.0, "email")
        at = text.find("@", at + 1)
