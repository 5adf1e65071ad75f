"""The one pass over a text finds what each detector by itself would (L2.3)."""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.inspection import candidates
from lambdas.inspection.candidates import FILE_PREFIX, Scanner
from lambdas.inspection.findings import Channel
from lambdas.inspection.inspector import SCANNER, InspectionConfig, Inspector

# values as they are published, each at the edge of what a hint or a place announces
PIECES = (
    "name,email,phone,ssn\nAnn Roe,ann.roe@acme-shop.com,+44 20 7946 0018,536-90-4399\n",
    "user\tpassword\nanna\tTr0ub4dor&3x\n",
    "card 4 0 1 2 8 8 8 8 8 8 8 8 1 8 8 1 expires 09/29\n",
    "mail ann.roe@acme-\nshop.com or 4012 8888\n8888 1881\n",
    "> key sk_live_4eC39HqLyjWD\n> arjtT1zdp7dc\n",
    "cGFzc3dvcmQ6IFRyMHViNGRvciYzeCBhbmQgc3NuIDUzNi05MC00Mzk5\n",
    "73 73 6e 20 35 33 36 2d 39 30 2d 34 33 39 39\n",
    "ONXW2ZJAOBQXG43XN5ZGIORAKRZDA5LCGRSG64RGGN4A====\n",
    "00:1B:44:11:3A:B7 and 2001:4860:4860::8888 and 10-1b-44-11-3a-b7\n",
    "to _DE89370400440532013000_ or _4012888888881881_ or call _030 1234567_\n",
    "the vehicle 1M8GDM9AXKP042788, our car\n",
    "STRICTLY CONFIDENTIAL\n",
    "o.9f2Kd8sLq0Zx7Cv5Bn3Mw1Qe4Rt6Yu8I and acme_9f2Kd8sLq0Zx7Cv5Bn3Mw1\n",
    "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs0a1b2\n",
    "Kontraseña: contraseña Tr0ub4dor&3x, パスワードは Tr0ub4dor&3x です, 주민등록번호 850101-1234567\n",
    "four oh one two eight eight eight eight eight eight eight eight one eight eight one\n",
    "nothing “of” interest — here … at all\n",
)
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=80), min_size=8, max_size=20).map("".join)


def found(inspector: Inspector, text: str) -> list[object]:
    """Everything that an inspection says of a text, from two channels."""
    return [
        (one.findings, one.violations, one.injection_score)
        for channel in (Channel.TRUSTED, Channel.UNTRUSTED)
        for one in (inspector.inspect_text(text, channel),)
    ]


@settings(max_examples=60, deadline=None)
@given(texts)
def test_both_engines_find_the_same(text: str) -> None:
    SCANNER.warm(wait=True)
    config = InspectionConfig(hash_key=b"k" * 32, cache_entries=0)
    with pytest.MonkeyPatch.context() as patch:
        quick = found(Inspector(config), text)
        patch.setattr(candidates, "hyperscan", None)
        plain = found(Inspector(config), text)
    assert quick == plain


@settings(max_examples=60, deadline=None)
@given(texts)
def test_literals_are_reported_as_the_plain_automaton_does(text: str) -> None:
    lower = "".join(one.lower() if len(one.lower()) == 1 else one for one in text * 3)
    with pytest.MonkeyPatch.context() as patch:
        quick = SCANNER.read(text * 3, lower)
        patch.setattr(candidates, "hyperscan", None)
        plain = SCANNER.read(text * 3, lower)
    assert quick.literals == plain.literals
    assert quick.hints <= plain.hints


def small() -> Scanner:
    return Scanner({"words": [("token", 1), ("oken", 2)]}, {"digits": "[0-9]{4}"}, {"break": "a\n"})


def test_a_written_automaton_is_read_and_a_damaged_or_foreign_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "a\ntoken 1234 " * 50
    expected = small().read(text, text)
    assert [one[:2] for one in expected.literals["words"][:2]] == [(2, 7), (3, 7)]
    assert expected.hints == {"digits"}
    assert expected.places["break"] == [2 + 13 * turn for turn in range(50)]
    saved = small().write(tmp_path)
    assert saved.name.startswith(FILE_PREFIX)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    compiled: list[object] = []
    monkeypatch.setattr(candidates._Engine, "compile", lambda *given, **_: compiled.append(given))
    assert small().read(text, text) == expected
    assert not compiled
    monkeypatch.undo()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for damaged in (b"", saved.read_bytes()[:200], bytes(1_000)):
        saved.write_bytes(damaged)
        assert small().read(text, text) == expected


def test_a_text_is_read_while_the_automaton_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start does not wait for it; a process of which a snapshot is taken does."""
    text = "a\ntoken 1234 " * 50
    scanner, go_on, compiled = small(), threading.Event(), candidates._Engine.compile

    def slowly(*given: Any, **more: Any) -> Any:
        assert go_on.wait(60)
        return compiled(*given, **more)

    monkeypatch.setattr(candidates._Engine, "compile", slowly)
    scanner.warm()
    early = scanner.read(text, text)
    go_on.set()
    scanner.warm(wait=True)
    late = scanner.read(text, text)
    assert early.literals == late.literals
    assert early.places == {"break": None}, "all of the text may be one"
    assert len(late.places["break"] or ()) == 50


def test_threads_may_share_a_scanner() -> None:
    SCANNER.warm(wait=True)
    text = json.dumps(PIECES, ensure_ascii=False) * 20
    expected = SCANNER.read(text, text.lower())
    different: list[int] = []

    def work() -> None:
        different.extend(turn for turn in range(10) if SCANNER.read(text, text.lower()) != expected)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not different
