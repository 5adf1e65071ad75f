"""Kind of a text: source code, diff, version history, configuration, log, table, documentation, prose
(L2.3).

Whether a value counts depends on it: an author of a commit is not a customer, and a type annotation is not
a password. The kind is determined from a sample of lines in a tenth of a millisecond, and never from a name
chosen by the sender.
"""

from enum import StrEnum
from itertools import islice
from math import ceil

from lambdas.inspection.expressions import Expression
from lambdas.inspection.normalise import MappedText, Origins


class Kind(StrEnum):
    """Kinds of text that detectors distinguish."""

    CODE = "code"
    DIFF = "diff"
    VERSIONS = "versions"  # what version control prints: logs, blames, owners, credits
    CONFIGURATION = "configuration"
    LOG = "log"
    TABLE = "table"
    DOCUMENTATION = "documentation"
    PROSE = "prose"


# written by programs and about programs: nobody's matters, and full of examples
TECHNICAL = frozenset((Kind.CODE, Kind.DIFF, Kind.VERSIONS, Kind.CONFIGURATION, Kind.DOCUMENTATION))
PROGRAMS = TECHNICAL - {Kind.DOCUMENTATION}

_SAMPLE = 3_000  # characters of the beginning, and as many of the middle and the end together
_FEW_LINES = 3

_DIFF = Expression(
    r"(?m)^(?:diff --git |@@ -\d+(?:,\d+)? \+\d|--- (?:a/|/dev/null)|\+\+\+ (?:b/|/dev/null)|Index: )"
)
_AUTHORED = (
    r"commit [0-9a-f]{7,40}\b|Merge: [0-9a-f]{7}|(?:Author|Commit|Committer|Tagger): .{0,80}<[^<>\s]*>"
    r"|\^?[0-9a-f]{7,40} (?:\S+ +)?\(.{2,80}\d{4}-\d\d-\d\d "  # a line of a blame
    r"|[ \t]*\d+\t[^\t\n]{1,60}<[^<>\s]+@[^<>\s]+>$"  # of a summary
    r"|[ \t]*(?:[A-Z][a-z]+-)+by: .{2,80}$"  # Signed-off-by, Co-authored-by
    r"| -- .{2,60}<[^<>\s]+@[^<>\s]+>  \w{3}, "  # of a Debian changelog
    r"|[ \t*#]*(?:[Cc]opyright:? ?|©|\([cC]\)){1,2} ?(?:19|20)\d\d(?:[-–, ]+(?:19|20)\d\d)*[, ]+[A-Z]"
    r"|[ \t]*(?:19|20)\d\d(?:[-–, ]+(?:19|20)\d\d)*[, ]+[^\W\d][^\n<]{2,60}<[^<>\s]+@[^<>\s]+>$"
    r"|[*/.\w][\w*/.@+\[\]-]*[ \t]+(?:@[\w./-]+|[\w.+-]+@[\w-]+\.[\w.-]+)(?:[ \t]+(?:@[\w./-]+"
    r"|[\w.+-]+@[\w-]+\.[\w.-]+))*$"
)
_VERSIONS = Expression(rf"(?m)^(?:{_AUTHORED})")
_LOG = Expression(
    r"(?m)^\W?(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|\w{3} [ \d]\d \d\d:\d\d:\d\d |\d\d:\d\d:\d\d[.,]\d{3}"
    r"|(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL)[ \]:]|[\d.]{7,15} - \S+ \[)"
)
_CONFIGURATION = Expression(
    r"(?m)^(?:[-dlbc][rwxst-]{9}[ .+]|total \d+$)|^[ \t]*+(?:- )?(?:\"[^\"\n]{1,80}\"[ \t]*: ?(?:[\[{\"\d-]"
    r"|true|false|null)"
    r"|[A-Za-z_][\w.\-/]{0,80}[ \t]*(?::|=)(?:[ \t]|$)"
    r"|\[[\w.\" -]+\][ \t]*$|[A-Z][A-Z0-9_]{2,60}=|[\w./@-]+ v\d+\.\d+|[}\]],?[ \t]*$|export [A-Z_]+="
    r"|<[\w:.-]+(?: [^>\n]*)?>)"
)
_CODE = Expression(
    r"(?m)^[ \t]*+(?:(?:from [\w.]+ )?import\b|(?:async )?(?:def|function|fn|func|class|interface|struct|enum"
    r"|type|impl|namespace)\b"
    r" ?[\w(<*{]|(?:pub(?:lic)?|private|protected|static|final|export|const|let|var|package|module|resource"
    r"|variable|provider"
    r"|return|if|else|elif|for|while|switch|case|try|except|catch|finally|with|assert|raise|throw|await"
    r"|yield|break|continue"
    r"|using|include|require|end|do|new|delete|defer|select|go|package|val|override|abstract|extends"
    r"|namespace)\b[^.\n]*[({\[;:=)}\]]"
    r"|(?:RUN|COPY|ENV|ARG|ENTRYPOINT|WORKDIR|CMD|EXPOSE|USER|VOLUME|ADD) \S|(?:echo|cd|exit|fi|done|then"
    r"|set|sudo|apt-get|docker|kubectl|git|npm|pip"
    r"|curl|mkdir|rm|cp|mv)\b|(?<=\t)\S|@[\w.]+(?:\(|$)|#include|#!|//|/\*|\*/|\* |\*$|\"\"\"|'''"
    r"|[\w.$\[\]'\"]+(?:\([^\n]*\)?[;,{]?|[ \t]*[+\-|&]?:?=[^=\n]+[;,({\[\w\"')\]}])$"
    r"|[)\]}]+[;,)]*(?: ?(?:else|catch|from)\b.*)?$|[^\n]*[;{]$|</?[\w.:-]+(?: [^>\n]*)?/?>)"
)
# what no other kind of text begins a line with
_STATEMENT = Expression(
    r"(?m)^(?:package [\w.]+;?$|import \(|(?:from [\w.]+ )?import [\w.*{, }]+(?: as \w+| from ['\"].*)?;?$"
    r"|(?:async )?(?:def|func) \w+\(|func \("
    r"|(?:export |public |abstract )*class \w+|#!/|#include [<\"]|FROM [\w./:-]+|(?:export )?(?:const|let"
    r"|var) [\w{]|module\.exports"
    r"|(?:resource|variable|provider|module|terraform|data) (?:\"[\w-]+\" ?){0,2}\{)"
)
_COMMENT = Expression(r"(?m)^[ \t]*+(?:#(?![#!])|//|\*|--|;)[ \t]?\S")
_DOCUMENTATION = Expression(
    r"(?m)^[ \t]*+(?:```|~~~|#{1,6} \S|\.\. [\w-]+::|={4,}$|-{4,}$|~{4,}$|\^{4,}$|\$ \w|>>> )|`[^`\n]{2,60}`"
    r"|\]\(\S+\)|::$|</?(?:p|div|code|pre|h\d|li|a)\b"
)
_HOLDS_CREDITS = Expression(
    r"(?i)\b(?:authors?|contributors?|maintainers?|committers?|credits|acknowledge?ments|thanks to"
    r"|codeowners|contributed to|donated|translators|upstream-contact)\b"
)
_NAME_ALONE = Expression(
    r"(?m)^[ \t*-]*[A-Z][\w.'’-]*(?: [A-Z(][\w.'’)-]*){1,3}(?: *[<(,@].{0,60}|[ \t]{2,}\S+@\S+)?$"
)
_NAMED_ALONE = Expression(r"(?m)^[^\n<>,;|\d]{2,60}<[^<>\s]+@[^<>\s]+>[ \t]*$")
_NAMED_ADDRESS = Expression(r"(?m)^[^\n<]{2,60}<[^<>\s]+@[^<>\s]+>")


_OF_COPYRIGHT = "/copyright-format/"  # what a copyright file of Debian begins with
_ROFF = Expression(r"(?m)^[.'](?:[A-Z]{2}|[A-Z](?= )|\\\"|(?:br|sp|nf|fi|ad|nh|ie|el|if|ne|in|de|so)\b)")
_SHRUNK = 400  # characters
_SIGNS = "{}();=[]"
_SHRUNK_WORDS = Expression(r"function ?\w*\(|=>|;var |\breturn ?[{\"(!]|\.prototype\b")
_FEW_WORDS = 4
# before a line that a search found: its file and number
_FOUND_LINE = Expression(r"(?m)^(?=[^\s:]*[./])[\w./@+-]{1,200}[:-]\d{1,6}[:-]")


def recognise(text: str) -> Kind:
    """Return the kind of a text. Short or ambiguous texts are prose."""
    half = _SAMPLE // 2
    sample = text
    if len(text) > _SAMPLE * 2:
        sample = f"{text[:_SAMPLE]}\n{text[len(text) // 2 : len(text) // 2 + half]}\n{text[-half:]}"
    if len(sample) >= _SHRUNK and sum(map(sample.count, _SIGNS)) >= 0.08 * len(sample):
        return Kind.CODE  # made small: few lines, many signs
    if (
        len(sample) >= _SHRUNK
        and sample.count("\n") * _SHRUNK < len(sample)
        and len(_SHRUNK_WORDS.findall(sample)) >= _FEW_WORDS
    ):
        return Kind.CODE
    if len(_FOUND_LINE.findall(sample)) * 2 > sample.count("\n") + 1:
        sample = _FOUND_LINE.sub("", sample)
    lines = sum(1 for line in sample.split("\n") if line and not line.isspace())
    if lines < _FEW_LINES:
        return Kind.PROSE
    if _OF_COPYRIGHT in sample[:200]:
        return Kind.VERSIONS
    if len(_DIFF.findall(sample)) >= 2:
        return Kind.DIFF
    share = 1 / lines
    if sample.count("\n.") * share >= 0.12 and len(_ROFF.findall(sample)) * share >= 0.12:
        return Kind.CODE  # of a manual page, for its formatter
    sure = _STATEMENT.search(sample) is not None and not (
        "```" in sample and len(_DOCUMENTATION.findall(sample)) * share >= 0.1
    )
    written = sure and _reaches(_CODE, sample, 0.35 * lines)
    if not written:  # else nothing of version control, which writes before each line
        if len(_VERSIONS.findall(sample)) * share >= 0.15 or (
            _HOLDS_CREDITS.search(sample, 0, 600)
            and (len(_NAMED_ADDRESS.findall(sample)) + len(_NAME_ALONE.findall(sample))) * share >= 0.5
        ):
            return Kind.VERSIONS
        if len(_LOG.findall(sample)) * share >= 0.5:
            return Kind.LOG
    if _is_table(sample, lines):
        return Kind.TABLE
    if written:
        return Kind.CODE
    code = len(_CODE.findall(sample)) * share
    if code >= 0.7:
        return Kind.CODE  # there cannot be more settings than that
    settings = len(_CONFIGURATION.findall(sample)) * share
    together = code + settings + len(_COMMENT.findall(sample)) * share
    if code >= 0.45 or settings >= 0.6 or together >= (0.35 if sure else 0.75):
        return Kind.CODE if sure or code >= settings * 0.7 else Kind.CONFIGURATION
    documented = len(_DOCUMENTATION.findall(sample)) * share
    if documented >= 0.12 and lines >= 2 * _FEW_LINES:
        return Kind.DOCUMENTATION
    return Kind.PROSE


def lists_authors(text: str) -> bool:
    """Return whether a text consists mostly of lines "Name <address>", like a file of authors."""
    if text.count("@") < _FEW_LINES:
        return False
    named = sum(1 for _ in _NAMED_ALONE.finditer(text))
    return named >= _FEW_LINES and named >= 0.8 * sum(1 for line in text.split("\n") if line.strip())


def _reaches(expression: Expression, sample: str, least: float) -> bool:
    """Return whether the expression matches at least that often, stopping as soon as that is known."""
    return sum(1 for _ in islice(expression.finditer(sample), ceil(least))) >= least


def _is_table(sample: str, lines: int) -> bool:
    """Return whether most lines contain the same number, two or more, of a separator."""
    for separator in ("\t", "|", ";", ","):
        if sample.count(separator) < 2 * lines:
            continue
        counts = [line.count(separator) for line in sample.split("\n") if line and not line.isspace()]
        most = max(set(counts), key=counts.count)
        if most >= 2 and counts.count(most) >= 0.8 * lines and not sample.lstrip().startswith(("{", "[")):
            return True
    return False


# --- numbers of lines
# ------------------------------------------------------------------------------------------

_NUMBERED_LINE = Expression(r"[ \t]*(\d{1,6})(?:→|\t|: |\| ?|│ ?)")
_FEW_NUMBERED = 3


def without_line_numbers(mapped: MappedText) -> MappedText:
    """Return the text without line numbers written by a tool, such as Claude Code's Read or `cat -n`.

    A number precedes every line and increases by one; nothing else is removed.
    """
    text = mapped.text
    first = _NUMBERED_LINE.match(text) or _NUMBERED_LINE.match(text, text.find("\n") + 1)
    if first is None:
        return mapped
    pieces: list[str] = []
    origins = Origins(mapped.starts)
    position = count = 0
    expected = -1
    while position < len(text):
        end = text.find("\n", position) + 1 or len(text)
        match = _NUMBERED_LINE.match(text, position, end)
        begin = position
        if match:
            number = int(match.group(1))
            if expected < 0 or number == expected:
                begin, expected = match.end(), number + 1
                count += 1
        elif expected >= 0 and not text[position:end].isspace():
            # a reminder that the tool adds behind the file is not numbered
            if count < _FEW_NUMBERED:
                return mapped
            expected = -1
        pieces.append(text[begin:end])
        origins.add(begin, end)
        position = end
    return MappedText("".join(pieces), origins, mapped.origin_length) if count >= _FEW_NUMBERED else mapped
