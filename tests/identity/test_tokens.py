"""Tokens of configured issuers: what passes, and every attack that must not (L1.3, G.4)."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import RSAKey

from lambdas.common import tokens
from lambdas.common.claim_rules import hold, wrong
from lambdas.common.tokens import (
    ASK_AGAIN_SECONDS,
    FRESH_SECONDS,
    LARGEST_KEY_SET,
    LONGEST_TOKEN,
    STALE_SECONDS,
    KeySets,
    KeysUnavailable,
    TokenRefused,
    TokenVerifier,
)

from .issuers import KEYS, NOW, Provider, serving, signed_with_secret, unsigned


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as running:
        yield running


def verifier(clock: Callable[[], float] = Clock(), at: float = NOW) -> TokenVerifier:  # noqa: B008
    return TokenVerifier(KeySets(clock=clock), clock=lambda: datetime.fromtimestamp(at, UTC))


def verify(provider: Provider, token: str, at: float = NOW, **changes: Any) -> Any:
    return asyncio.run(verifier(Clock(), at).verify(token, [provider.configured(**changes)]))


def refusal(provider: Provider, token: str, at: float = NOW, **changes: Any) -> str:
    with pytest.raises(TokenRefused) as refused:
        verify(provider, token, at, **changes)
    return refused.value.reason


def test_a_genuine_token_passes(provider):
    verified = verify(provider, provider.token())
    assert verified.claims["sub"] == "person-1"
    assert verified.expires_at == NOW + 600


def test_a_forged_signature_is_refused(provider):
    other = KEYS[1]
    forged = jwt.encode({"alg": "RS256", "kid": "first"}, provider.claims(), other, algorithms=["RS256"])
    assert refusal(provider, forged) == "signature"


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_token_changed_in_any_part_is_refused(provider, position):
    parts = provider.token().split(".")
    middle = len(parts[position]) // 2
    swapped = "A" if parts[position][middle] != "A" else "B"
    parts[position] = parts[position][:middle] + swapped + parts[position][middle + 1 :]
    assert refusal(provider, ".".join(parts))


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", ""])
def test_no_algorithm_is_no_algorithm(provider, name):
    assert refusal(provider, unsigned({"alg": name, "kid": "first"}, provider.claims(), "x")) == "algorithm"
    assert refusal(provider, unsigned({"alg": name, "kid": "first"}, provider.claims())) == "shape"


def test_a_public_key_is_never_a_shared_secret(provider):
    """The classic confusion: HMAC with the public key, in each form in which an attacker may have it."""
    public = provider.keys["first"].raw_value.public_key()
    forms = [
        public.public_bytes(encoding, kind)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
        for kind in (
            serialization.PublicFormat.SubjectPublicKeyInfo,
            serialization.PublicFormat.PKCS1,
        )
    ]
    for secret in [*forms, provider.public()]:
        token = signed_with_secret(provider.claims(), secret)
        assert refusal(provider, token) == "algorithm"
        # not even where an issuer was configured so by mistake
        assert refusal(provider, token, algorithms=("HS256", "RS256")) == "algorithm"


def test_an_algorithm_that_the_issuer_does_not_use_is_refused(provider):
    assert refusal(provider, provider.token(algorithm="RS512")) == "algorithm"
    assert verify(provider, provider.token(algorithm="RS512"), algorithms=("RS512",))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example.com"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": ["https://login.example.com"]}, "issuer"),
        ({"aud": "somebody-else"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": None, "client_id": "claude-gateway"}, "audience"),
        ({"aud": {"claude-gateway": 1}}, "audience"),
        ({"exp": None}, "no_expiry"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": "never"}, "times"),
        ({"exp": True}, "times"),
        ({"exp": 10**300}, "times"),
        ({"nbf": NOW + 61}, "not_yet"),
        ({"iat": NOW + 61}, "not_yet"),
    ],
)
def test_claims_that_are_wrong_are_refused(provider, changes, reason):
    assert refusal(provider, provider.token(**changes)) == reason


def test_a_minute_of_leeway_and_no_more(provider):
    token = provider.token(exp=NOW)
    assert verify(provider, token, NOW + 59)
    assert refusal(provider, token, NOW + 60) == "expired"


def test_an_access_token_of_a_user_pool_is_for_its_client(provider):
    changes = {"aud": None, "client_id": "claude-gateway", "token_use": "access"}
    assert verify(provider, provider.token(**changes))


def test_an_identity_token_does_not_stand_in_for_an_access_token(provider):
    rules = {"token_use": "access"}
    assert refusal(provider, provider.token(token_use="id"), required_claims=rules) == "claim_rule"


def test_claim_rules_of_a_build_system_hold(provider):
    rules = {"repository": "acme/payments", "ref": "refs/heads/release-*"}
    good = {"repository": "acme/payments", "ref": "refs/heads/release-7"}
    assert verify(provider, provider.token(**good), required_claims=rules)
    for bad in ({**good, "repository": "acme/payments-fork"}, {**good, "ref": "refs/pull/7"}, {}):
        assert refusal(provider, provider.token(**bad), required_claims=rules) == "claim_rule"


def test_facts_of_sts_are_read_one_level_down():
    claims = {"https://sts.amazonaws.com/": {"aws_account": "111122223333"}}
    assert hold({"https://sts.amazonaws.com/ aws_account": "111122223333"}, claims)
    assert not hold({"https://sts.amazonaws.com/ aws_account": "999999999999"}, claims)


DEEP = {"google": {"compute_engine": {"project_id": "p-1", "zone": 7}}, "a b": {"c": True}}


@pytest.mark.parametrize(
    ("rules", "claims", "holds"),
    [
        ({"google compute_engine project_id": "p-1"}, DEEP, True),
        ({"google compute_engine zone": 7}, DEEP, True),
        ({"google compute_engine zone": "7"}, DEEP, False),
        ({"a b c": True}, DEEP, True),
        ({"google compute_engine": "p-1"}, DEEP, False),
        ({"google nothing project_id": "p-1"}, DEEP, False),
        ({"email_verified": True}, {"email_verified": True}, True),
        ({"email_verified": True}, {"email_verified": "true"}, False),
        ({"email_verified": True}, {"email_verified": 1}, False),
        ({"level": 1}, {"level": True}, False),
        ({"level": 2}, {"level": 2.0}, True),
        ({"roles": "writer"}, {"roles": ["reader", "writer"]}, True),
        ({"roles": ("admin", "writer")}, {"roles": ["writer"]}, True),
        ({"roles": ("admin", "owner")}, {"roles": ["writer"]}, False),
        ({"roles": "writer"}, {"roles": []}, False),
        ({"roles": "writer"}, {"roles": {"writer": 1}}, False),
        ({"ref": ("refs/heads/main", "refs/tags/*")}, {"ref": "refs/tags/v1"}, True),
        ({"ref": "refs/tags/*"}, {"ref": "refs/tags/"}, False),
        ({"a": "x"}, {"a": None}, False),
    ],
    ids=repr,
)
def test_rules_are_typed_nested_and_of_several_values(rules, claims, holds):
    assert hold(rules, claims) is holds


@pytest.mark.parametrize("rule", ["", "*", "acme*", "a*b", "refs/*/x", [], [[]], {"a": 1}, None, ["ok", ""]])
def test_a_rule_that_lets_in_more_than_it_says_is_refused(rule):
    assert wrong(rule)


@pytest.mark.parametrize(
    "rule", ["acme/*", "refs/heads/release-*", "repo:acme/x:*", True, 0, 1.5, ["a", "b/*"]], ids=repr
)
def test_a_rule_that_says_what_it_lets_in_is_taken(rule):
    assert not wrong(rule)


def test_one_issuer_has_several_rules_and_the_first_that_holds_decides(provider):
    rules = [
        provider.configured(name="main", required_claims={"ref": "refs/heads/main"}),
        provider.configured(name="pulls", required_claims={"event_name": "pull_request"}),
        provider.configured(name="other", audience="another", required_claims={}),
    ]

    def decided(**claims: Any) -> str | None:
        token = provider.token(**claims)
        return asyncio.run(verifier(Clock()).verify(token, rules)).issuer.name

    assert decided(ref="refs/heads/main", event_name="push") == "main"
    assert decided(ref="refs/pull/7/merge", event_name="pull_request") == "pulls"
    assert decided(aud="another") == "other"
    assert len({one.identity for one in rules}) == 3  # what one lets in, another does not know
    with pytest.raises(TokenRefused) as refused:
        decided(ref="refs/heads/x", event_name="push")
    assert refused.value.reason == "claim_rule"


@pytest.mark.parametrize(
    ("claims", "taken"),
    [
        ({"scp": ["claude.messages", "openid"]}, True),
        ({"scp": "openid claude.messages"}, True),
        ({"scope": "claude.messages"}, True),
        ({"scope": "openid", "scp": ["claude.messages"]}, True),
        ({"scp": ["claude.messages.read"]}, False),
        ({"scp": "claude.messagesx"}, False),
        ({"scp": {"claude.messages": 1}}, False),
        ({}, False),
    ],
    ids=repr,
)
def test_scopes_are_read_as_okta_entra_and_the_rfc_write_them(provider, claims, taken):
    token, scopes = provider.token(**claims), ("claude.messages",)
    if taken:
        assert verify(provider, token, required_scopes=scopes)
    else:
        assert refusal(provider, token, required_scopes=scopes) == "scope"


@pytest.mark.parametrize(
    ("claims", "taken"),
    [
        ({"iat": NOW - 10, "exp": NOW + 3590}, True),
        ({"iat": NOW - 10, "exp": NOW + 3600 + 60}, False),
        ({"iat": None, "exp": NOW + 3600}, True),
        ({"iat": None, "exp": NOW + 3661}, False),
        ({"iat": NOW - 4000, "exp": NOW + 10}, False),
        ({"iat": NOW, "exp": NOW + 365 * 86400}, False),
    ],
    ids=repr,
)
def test_a_token_that_was_made_for_too_long_is_refused(provider, claims, taken):
    rules = {"max_lifetime_minutes": 60}
    if taken:
        assert verify(provider, provider.token(**claims), **rules)
    else:
        assert refusal(provider, provider.token(**claims), **rules) == "lifetime"


def test_without_a_bound_of_its_own_a_rule_takes_tokens_of_a_day_and_none_of_a_year(provider):
    assert verify(provider, provider.token(iat=NOW - 300, exp=NOW + 86_400))
    assert refusal(provider, provider.token(iat=NOW, exp=NOW + 365 * 86_400)) == "lifetime"


@pytest.mark.parametrize("header", [{"crit": ["x"]}, {"b64": False}, {"typ": "logout+jwt"}])
def test_headers_that_change_the_meaning_are_refused(provider, header):
    token = unsigned({"alg": "RS256", "kid": "first", **header}, provider.claims(), "c2ln")
    assert refusal(provider, token) in {"header", "type"}


def test_a_key_in_the_header_is_not_believed(provider):
    mine = KEYS[1]
    header = {"alg": "RS256", "kid": "mine", "jwk": mine.as_dict(private=False)}
    token = jwt.encode(header, provider.claims(), mine, algorithms=["RS256"])
    assert refusal(provider, token) == "key"
    header = {"alg": "RS256", "kid": "mine", "jku": "https://evil.example.com/jwks"}
    token = jwt.encode(header, provider.claims(), mine, algorithms=["RS256"])
    assert refusal(provider, token) == "key"


def test_an_oversized_token_is_refused_before_anything_is_read(provider):
    assert refusal(provider, provider.token(padding="x" * LONGEST_TOKEN)) == "too_long"
    assert provider.reads == 0


@given(st.text(max_size=200) | st.tuples(st.text(), st.text(), st.text()).map(".".join))
def test_any_text_is_refused_without_another_error(text):
    with pytest.raises(TokenRefused):
        asyncio.run(TokenVerifier(KeySets()).verify(text, []))


def test_keys_rotate_without_a_pause(provider):
    async def scenario() -> None:
        clock = Clock()
        one = verifier(clock)
        await one.verify(provider.token(), [provider.configured()])
        clock.now = ASK_AGAIN_SECONDS
        provider.keys = {"second": KEYS[1]}
        await one.verify(provider.token("second"), [provider.configured()])
        provider.keys["first"] = KEYS[2]
        with pytest.raises(TokenRefused):
            await one.verify(provider.token("first"), [provider.configured()])

    asyncio.run(scenario())
    assert provider.reads == 2


def test_unknown_key_ids_do_not_make_us_hammer_the_issuer(provider):
    async def scenario() -> None:
        clock = Clock()
        one = verifier(clock)
        for number in range(200):
            clock.now += 0.1
            token = unsigned({"alg": "RS256", "kid": f"k{number}"}, provider.claims(), "c2ln")
            with pytest.raises(TokenRefused):
                await one.verify(token, [provider.configured()])

    asyncio.run(scenario())
    assert provider.reads == 1


def test_a_hundred_callers_read_the_keys_once(provider):
    async def scenario() -> None:
        one = verifier()
        token = provider.token()
        await asyncio.gather(*(one.verify(token, [provider.configured()]) for _ in range(100)))

    asyncio.run(scenario())
    assert provider.reads == 1


def test_an_issuer_that_is_down_is_bridged_for_an_hour_then_nobody_passes(provider):
    async def scenario() -> None:
        clock = Clock()
        one = verifier(clock)
        await one.verify(provider.token(), [provider.configured()])
        provider.status = 503
        clock.now = FRESH_SECONDS + 1
        await one.verify(provider.token(), [provider.configured()])
        clock.now = STALE_SECONDS + 1
        with pytest.raises(KeysUnavailable):
            await one.verify(provider.token(), [provider.configured()])

    asyncio.run(scenario())


def test_keys_do_not_come_from_where_a_redirect_points(provider):
    with serving(Provider()) as other:
        provider.status, provider.headers = 302, {"location": other.url}
        with pytest.raises(KeysUnavailable):
            verify(provider, provider.token())
        assert other.reads == 0


def test_an_issuer_that_answers_byte_by_byte_keeps_nobody_waiting(provider, monkeypatch):
    monkeypatch.setattr(tokens, "FETCH_SECONDS", 0.05)

    async def drip(_: str) -> bytes:
        await asyncio.sleep(60)
        return provider.public()

    async def scenario() -> None:
        slow = TokenVerifier(KeySets(drip), clock=lambda: datetime.fromtimestamp(NOW, UTC))
        with pytest.raises(KeysUnavailable):
            await asyncio.wait_for(slow.verify(provider.token(), [provider.configured()]), 5)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "document", [b"", b"[]", b'{"keys": 7}', b'{"keys": [{}]}', b" " * (LARGEST_KEY_SET + 1), b"[" * 100_000]
)
def test_a_key_set_that_is_none_lets_nobody_pass(provider, document):
    provider.document = document
    with pytest.raises((KeysUnavailable, TokenRefused)):
        verify(provider, provider.token())


def test_weak_and_shared_keys_of_a_key_set_are_not_used(provider):
    small = rsa.generate_private_key(65537, 1024).public_key()
    weak = {**RSAKey.import_key(small).as_dict(), "kid": "first"}
    shared = {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "first"}
    encryption = {**provider.keys["first"].as_dict(private=False), "kid": "first", "use": "enc"}
    for entry in (weak, shared, encryption):
        provider.document = json.dumps({"keys": [entry]}).encode()
        assert refusal(provider, provider.token()) == "key"


def test_plain_http_is_for_loopback_only(provider):
    provider.url = "http://login.example.com/jwks"
    with pytest.raises(KeysUnavailable):
        verify(provider, provider.token())
