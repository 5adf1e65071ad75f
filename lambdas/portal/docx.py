"""Export of an answer as a Word document (Office Open XML, ISO/IEC 29500): headings, lists and tables
(L4.2).

Markdown is parsed by `markdown.py`; what it does not permit remains text. Macros, links and images are
never written, so a document contains nothing active.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from lambdas.portal.markdown import parser

if TYPE_CHECKING:
    from markdown_it.token import Token

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/package/2006/relationships"
_DOCUMENT_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the same answer makes the same bytes
_SIZES = {1: 32, 2: 28, 3: 24, 4: 22, 5: 22, 6: 22}  # half points
_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_MAIN}.document.main+xml"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{_MAIN}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_R}"><Relationship Id="rId1" '
        f'Type="{_DOCUMENT_RELATION}/officeDocument" Target="word/document.xml"/></Relationships>'
    ),
    "word/_rels/document.xml.rels": (
        f'<Relationships xmlns="{_R}"><Relationship Id="rId1" '
        f'Type="{_DOCUMENT_RELATION}/styles" Target="styles.xml"/></Relationships>'
    ),
    "word/styles.xml": (
        f'<w:styles xmlns:w="{_W}"><w:style w:type="paragraph" w:default="1" w:styleId="Normal">'
        '<w:name w:val="Normal"/><w:pPr><w:spacing w:after="120"/></w:pPr></w:style>'
        + "".join(
            f'<w:style w:type="paragraph" w:styleId="Heading{level}"><w:name w:val="heading {level}"/>'
            f'<w:basedOn w:val="Normal"/><w:pPr><w:keepNext/><w:spacing w:before="240" w:after="80"/>'
            f'<w:outlineLvl w:val="{level - 1}"/></w:pPr><w:rPr><w:b/><w:sz w:val="{size}"/></w:rPr>'
            "</w:style>"
            for level, size in _SIZES.items()
        )
        + "</w:styles>"
    ),
}


def document(title: str, text: str, note: str) -> bytes:
    """Return a document with a title, the Markdown `text`, and a note below it."""
    blocks = [
        _paragraph(_run(title), style="Heading1"),
        *_blocks(parser().parse(text)),
        _paragraph(_run(note, italic=True)),
    ]
    body = f'<w:document xmlns:w="{_W}"><w:body>{"".join(blocks)}<w:sectPr/></w:body></w:document>'
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in {**_PARTS, "word/document.xml": body}.items():
            archive.writestr(zipfile.ZipInfo(name, _FIRST_DAY), _HEAD + part, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _blocks(tokens: "Sequence[Token]") -> Iterator[str]:
    """Yield paragraphs and tables of a parsed text in order."""
    lists: list[int | None] = []  # the number of the next item; None in a list without numbers
    mark, style, table, heads = "", "", "", False
    for token in tokens:
        match token.type:
            case "heading_open":
                style = f"Heading{min(6, int(token.tag[1]) + 1)}"
            case "heading_close":
                style = ""
            case "bullet_list_open":
                lists.append(None)
            case "ordered_list_open":
                lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "list_item_open":
                number = lists[-1]
                mark = "\u2022\u00a0" if number is None else f"{number}.\u00a0"
                lists[-1] = None if number is None else number + 1
            case "table_open":
                table = "<w:tbl><w:tblPr>" + _BORDERS + "</w:tblPr>"
            case "thead_open" | "thead_close":
                heads = token.type == "thead_open"
            case "tr_open":
                table += "<w:tr>"
            case "tr_close":
                table += "</w:tr>"
            case "table_close":
                yield table + "</w:tbl>" + _paragraph("")
                table = ""
            case "inline" if table:
                table += f"<w:tc><w:tcPr/>{_paragraph(_inline(token, bold=heads))}</w:tc>"
            case "inline":
                yield _paragraph(_run(mark) + _inline(token), style=style, indent=len(lists))
                mark = ""
            case "fence" | "code_block":
                for line in token.content.splitlines():
                    yield _paragraph(_run(line, code=True), indent=len(lists))


_BORDERS = (
    "<w:tblBorders>"
    + "".join(
        f'<w:{side} w:val="single" w:sz="4" w:color="808080"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    + "</w:tblBorders>"
)


def _inline(token: "Token", *, bold: bool = False) -> str:
    runs, strong, italic = "", 0, 0
    for child in token.children or ():
        match child.type:
            case "strong_open":
                strong += 1
            case "strong_close":
                strong -= 1
            case "em_open":
                italic += 1
            case "em_close":
                italic -= 1
            case "softbreak":
                runs += _run(" ")
            case "hardbreak":
                runs += "<w:r><w:br/></w:r>"
            case "code_inline":
                runs += _run(child.content, code=True)
            case _:
                runs += _run(child.content, bold=bold or strong > 0, italic=italic > 0)
    return runs


def _run(text: str, *, bold: bool = False, italic: bool = False, code: bool = False) -> str:
    if not text:
        return ""
    marks = ("<w:b/>" if bold else "") + ("<w:i/>" if italic else "")
    if code:
        marks += '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas"/>'
    plain = escape(_NOT_XML.sub("\ufffd", text))
    return f'<w:r><w:rPr>{marks}</w:rPr><w:t xml:space="preserve">{plain}</w:t></w:r>'


def _paragraph(runs: str, *, style: str = "", indent: int = 0) -> str:
    settings = f'<w:pStyle w:val="{style}"/>' if style else ""
    if indent:
        settings += f'<w:ind w:left="{indent * 360}"/>'
    return f"<w:p><w:pPr>{settings}</w:pPr>{runs}</w:p>"
