"""Who is calling: keys, tokens, roles, hops, and attempts to be somebody else (L1.3, G.4)."""

import asyncio
import ipaddress
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from contract.rights import SignInRule
from lambdas.common.access import AccessRecord, AccessRecords, person_record, user_key
from lambdas.common.bindings import Bindings
from lambdas.common.ledger.memory_store import MemoryStore
from lambdas.common.ledger.token_uses import TokenUses
from lambdas.common.tokens import KeySets, TokenVerifier
from lambdas.common.virtual_keys import (
    PepperError,
    is_well_formed,
    key_record_pk,
    new_pepper,
    new_virtual_key,
    read_pepper,
    workload_record_pk,
)
from lambdas.gateway.accounts import Accounts
from lambdas.gateway.authenticate import (
    HOP_ROLE,
    IAM_ISSUER,
    RECORD_SECONDS,
    VERIFIED_SECONDS,
    AuthenticationError,
    Authenticator,
    Hops,
    LiveRecords,
    refuse_repeated,
    role_arn,
)

from .issuers import KEYS, NOW, Provider, serving

PEPPER = read_pepper(new_pepper())


@dataclass
class Door:
    """An authenticator over a real table, and a count of how often the table was read."""

    records: AccessRecords
    provider: Provider
    hops: Hops = field(default_factory=Hops)
    now: float = NOW
    monotonic: float = 0.0
    reads: int = 0
    issuers: tuple[Any, ...] = ()
    uses: TokenUses | None = None
    rule: SignInRule | None = None
    role_rules: dict[str, SignInRule] = field(default_factory=dict)
    announced: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pool = ThreadPoolExecutor(4)
        self.reopen()

    def reopen(self) -> None:
        def clock() -> datetime:
            return datetime.fromtimestamp(self.now, UTC)

        counted: Any = SimpleNamespace(get=self._get, find_person=self._find)
        accounts = Accounts(counted, Bindings(self.records.client, "access"), clock)

        async def announce(record: dict[str, Any]) -> None:
            self.announced.append((record["event"], record["subject"]))

        self.authenticator = Authenticator(
            policy=SimpleNamespace(current=lambda: SimpleNamespace(**self.policy())),  # type: ignore[arg-type]
            records=LiveRecords(
                counted, self.pool, accounts=accounts, announce=announce, clock=lambda: self.monotonic
            ),
            pepper=lambda: PEPPER,
            verifier=TokenVerifier(KeySets(clock=lambda: self.monotonic), clock=clock),
            hops=self.hops,
            uses=self.uses,
            clock=clock,
        )

    def policy(self) -> dict[str, Any]:
        rule = self.rule
        departments = {"finance": SimpleNamespace(sign_in=rule)} if rule else {}
        return {"issuers": self.issuers, "departments": departments, "role_sign_in": self.role_rules}

    def _get(self, key: str) -> AccessRecord | None:
        self.reads += 1
        return self.records.get(key)

    def _find(self, name: str, kind: Any) -> AccessRecord | None:
        self.reads += 1
        return self.records.find_person(name, kind)

    def knock(self, peer: str = "127.0.0.1", **headers: str) -> Any:
        given = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
        return asyncio.run(self.authenticator.authenticate(given, peer))

    def refused(self, peer: str = "127.0.0.1", **headers: str) -> str:
        with pytest.raises(AuthenticationError) as refused:
            self.knock(peer, **headers)
        return refused.value.reason

    def key(self, **values: Any) -> str:
        key = new_virtual_key()
        self.application(key_record_pk(key, PEPPER), **values)
        return key

    def application(self, pk: str, **values: Any) -> None:
        defaults: dict[str, Any] = {
            "subject": "app-1", "active": True, "department": "marketing", "owner": "department:marketing",
        }  # fmt: skip
        self.records.create(AccessRecord(key=pk, **(defaults | values)))

    def person(self, person: str = "person-1", name: str = "ada@example.com") -> None:
        record = person_record(person, provisioned=True, department="finance", roles=["analyst"])
        client = self.records.client
        client.transact_write_items(
            TransactItems=[self.records.creation(record), self.records.naming("user-name", name, person)]
        )


@pytest.fixture
def door() -> Iterator[Door]:
    with mock_aws(), serving(Provider()) as provider:
        client = boto3.client("dynamodb", region_name="eu-central-1")
        client.create_table(
            TableName="access",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        made = Door(AccessRecords(client, "access"), provider)
        made.issuers = (provider.configured(),)
        yield made
        made.pool.shutdown()


@pytest.mark.parametrize("header", ["x_api_key", "authorization"])
def test_a_virtual_key_opens_in_either_header(door, header):
    key = door.key(models=("fast",), data_classes=("public",))
    principal = door.knock(**{header: f"Bearer {key}" if header == "authorization" else key})
    assert (principal.kind, principal.id, principal.department) == ("application", "app-1", "marketing")
    assert (principal.models, principal.data_classes) == (("fast",), ("public",))
    assert principal.access_key == key_record_pk(key, PEPPER)


def test_the_same_credential_twice_is_one_and_two_are_none(door):
    key, other = door.key(), door.key(subject="app-2")
    assert door.knock(x_api_key=key, authorization=f"Bearer {key}").id == "app-1"
    assert door.refused(x_api_key=key, authorization=f"Bearer {other}") == "two_credentials"


def test_no_credential_opens_nothing(door):
    for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Basic YTpi"}, {"x_api_key": ""}):
        assert door.refused(**headers) == "no_credential"
    assert door.refused(x_api_key="k\xe9y") == "credential"


def test_guessing_keys_costs_the_table_nothing_and_learns_nothing(door):
    key = door.key()
    guesses = [key[:-1] + ("0" if key[-1] != "0" else "1"), "vk_", "vk_" + "a" * 46, key + "0", key.lower()]
    assert {door.refused(x_api_key=guess) for guess in guesses} == {"key_shape"}
    assert door.reads == 0
    unknown = new_virtual_key()
    messages = set()
    for given in (unknown, guesses[0]):
        with pytest.raises(AuthenticationError) as refused:
            door.knock(x_api_key=given)
        messages.add(str(refused.value))
    assert len(messages) == 1  # what is no key and what is no key of ours look alike


def test_a_guessed_key_is_looked_up_once(door):
    unknown = new_virtual_key()
    for _ in range(20):
        assert door.refused(x_api_key=unknown) == "no_record"
    assert door.reads == 1


def test_keys_are_kept_as_keyed_hashes_only(door):
    key = door.key()
    stored = json.dumps(door.records.client.scan(TableName="access")["Items"])
    assert key not in stored
    assert key[3:-6] not in stored
    assert key_record_pk(key, PEPPER) != key_record_pk(key, read_pepper(new_pepper()))


def test_finding_a_key_takes_as_long_however_much_of_it_is_right():
    """The hash decides where to look, so no comparison stops early at the first wrong character."""
    key = new_virtual_key()
    near = key[:-7] + ("0" if key[-7] != "0" else "1") + key[-6:]
    far = "vk_" + ("0" if key[3] != "0" else "1") + key[4:]
    pks = {key_record_pk(one, PEPPER) for one in (key, near, far)}
    assert len({pk[:12] for pk in pks}) == 3  # nothing of what is alike survives

    def best(one: str) -> float:
        times = []
        for _ in range(300):
            started = time.perf_counter()
            key_record_pk(one, PEPPER)
            times.append(time.perf_counter() - started)
        return min(times)

    assert best(near) < best(far) * 2
    assert best(far) < best(near) * 2


def test_a_revoked_or_expired_key_opens_nothing(door):
    revoked = door.key()
    assert door.knock(x_api_key=revoked)
    door.records.revoke(key_record_pk(revoked, PEPPER))
    door.monotonic += RECORD_SECONDS
    assert door.refused(x_api_key=revoked) == "access_ended"
    expiring = door.key(subject="app-2", expires_at=datetime.fromtimestamp(NOW + 60, UTC))
    assert door.knock(x_api_key=expiring)
    door.now += 60  # no record needs to be read again for this
    assert door.refused(x_api_key=expiring) == "access_ended"


def test_a_key_is_bound_to_its_networks(door):
    key = door.key(networks=("10.0.0.0/8", "2001:db8::/32"))
    assert door.knock("10.1.2.3", x_api_key=key)
    assert door.knock("2001:db8::1", x_api_key=key)
    for peer in ("192.0.2.1", "", "localhost"):
        assert door.refused(peer, x_api_key=key) == "network"
    # a client writes what it likes into this header
    assert door.refused("192.0.2.1", x_api_key=key, x_forwarded_for="10.1.2.3") == "network"


def test_a_load_balancers_word_counts_and_only_the_last(door):
    key = door.key(networks=("10.0.0.0/8",))
    door.hops = Hops(proxies=(ipaddress.ip_network("172.16.0.0/12"),))
    door.reopen()
    assert door.knock("172.16.0.9", x_api_key=key, x_forwarded_for="192.0.2.1, 10.1.2.3")
    assert door.refused("172.16.0.9", x_api_key=key, x_forwarded_for="10.1.2.3, 192.0.2.1") == "network"


def test_behind_api_gateway_its_address_counts(door):
    key = door.key(networks=("10.0.0.0/8",))
    context = json.dumps({"identity": {"sourceIp": "10.9.9.9"}})
    assert door.refused("127.0.0.2", x_api_key=key, x_amzn_request_context=context) == "network"
    door.hops = Hops(api_gateway=True)
    door.reopen()
    assert door.knock("127.0.0.1", x_api_key=key, x_amzn_request_context=context)


def test_a_person_comes_in_by_token_and_is_what_the_record_says(door):
    door.person()
    principal = door.knock(
        authorization=f"Bearer {door.provider.token(department='executive', roles=['admin'])}"
    )
    assert (principal.kind, principal.id, principal.department) == ("person", "person-1", "finance")
    assert principal.roles == ("analyst",)
    assert principal.access_key == user_key("person-1")


def test_a_person_is_found_by_the_name_that_the_issuer_knows(door):
    door.person(name="Ada@Example.com")
    door.issuers = (door.provider.configured(claims={"user_name": "email"}),)
    assert door.knock(x_api_key=door.provider.token(email="ada@example.com")).id == "person-1"
    assert door.refused(x_api_key=door.provider.token(sub="x", email="eve@example.com")) == "no_record"
    assert door.refused(x_api_key=door.provider.token()) == "token_subject"


def test_the_first_call_binds_the_issuers_subject_and_the_name_says_nothing_any_more(door):
    door.person(name="ada@example.com")
    door.person("person-2", name="eve@example.com")
    door.issuers = (door.provider.configured(claims={"user_name": "email"}),)
    assert door.knock(x_api_key=door.provider.token(sub="ada-1", email="ada@example.com")).id == "person-1"
    assert door.announced == [("bound", "person-1")]
    # the same account under a colleague's name is still whom it was
    assert door.knock(x_api_key=door.provider.token(sub="ada-1", email="eve@example.com")).id == "person-1"
    # another account under the name of somebody who has one is nobody, and reported
    foreign = door.provider.token(sub="mallory", email="ada@example.com")
    assert door.refused(x_api_key=foreign) == "foreign_subject"
    assert door.announced[-1] == ("refused", "person-1")
    # another issuer is another place: a person may have an account at each
    other = replace(door.issuers[0], issuer="https://other.example.com")
    door.issuers = (*door.issuers, other)
    elsewhere = door.provider.token(iss=other.issuer, sub="mallory", email="ada@example.com")
    assert door.knock(x_api_key=elsewhere).id == "person-1"


def test_who_is_out_gets_no_account_bound(door):
    door.person(name="ada@example.com")
    door.records.revoke(user_key("person-1"))
    door.issuers = (door.provider.configured(claims={"user_name": "email"}),)
    token = door.provider.token(sub="ada-1", email="ada@example.com")
    assert door.refused(x_api_key=token) == "access_ended"
    assert door.announced == []


RULE = SignInRule(methods=("mfa", "hwk"), contexts=("gold",), max_age_minutes=30)
STRONG = {"amr": ["pwd", "mfa"], "acr": "gold", "auth_time": NOW - 60}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, ""),
        ({"amr": "hwk"}, ""),
        ({"amr": ["pwd"]}, "mfa, hwk"),
        ({"amr": None}, "mfa, hwk"),
        ({"amr": [7]}, "mfa, hwk"),
        ({"acr": "silver"}, "gold"),
        ({"acr": None}, "gold"),
        ({"auth_time": NOW - 30 * 60 - 61}, "the last 30 minutes"),
        ({"auth_time": None}, "the last 30 minutes"),  # a renewed token was issued now: that says nothing
        ({"auth_time": "now"}, "the last 30 minutes"),
    ],
)
def test_a_department_or_role_asks_for_a_strong_and_recent_sign_in(door, changes, wanted):
    door.person()
    door.uses = TokenUses(MemoryStore(), lambda: datetime.fromtimestamp(door.now, UTC))
    token = door.provider.token(**{**STRONG, **changes})
    assert door.knock(x_api_key=token).id == "person-1"  # the edge lets it through to who says why
    door.reopen()
    assert door.knock(x_api_key=token).id == "person-1"  # nobody asks for anything
    for asks in ({"rule": RULE}, {"rule": None, "role_rules": {"analyst": RULE}}):
        for name, value in asks.items():
            setattr(door, name, value)
        if wanted:
            with pytest.raises(AuthenticationError, match=wanted) as refused:
                door.knock(x_api_key=token)
            assert refused.value.reason == "access_ended"
        else:
            assert door.knock(x_api_key=token).id == "person-1"
    door.role_rules = {"another": RULE}
    assert door.knock(x_api_key=token).id == "person-1"


def test_a_rule_reads_the_claims_of_the_user_pool_and_a_hop_has_no_sign_in(door):
    door.person()
    door.uses = TokenUses(MemoryStore(), lambda: datetime.fromtimestamp(door.now, UTC))
    door.reopen()
    door.rule = SignInRule(methods=("mfa",))
    claims = {"person": "sub", "methods": "kit_amr", "context": "kit_acr"}
    door.issuers = (door.provider.configured(claims=claims),)
    assert door.knock(x_api_key=door.provider.token(kit_amr=["mfa"]))
    assert door.refused(x_api_key=door.provider.token(amr=["mfa"])) == "access_ended"
    hop = door.key(roles=(HOP_ROLE,))
    header = {"x_claude_gateway_user_email": "ada@example.com"}
    assert door.refused(x_api_key=hop, **header) == "access_ended"
    assert door.knock(x_api_key=door.key(subject="app-9")).id == "app-9"  # an application signs in nowhere


def test_a_genuine_token_of_somebody_who_was_never_provisioned_opens_nothing(door):
    assert door.refused(x_api_key=door.provider.token(sub="stranger")) == "no_record"


def test_a_token_cannot_name_a_record_of_another_kind(door):
    door.application("KEY#abc")
    assert door.refused(x_api_key=door.provider.token(sub="../KEY#abc")) == "no_record"


def test_a_leaver_is_out_when_the_record_is_read_again(door):
    door.person()
    token = door.provider.token()
    assert door.knock(x_api_key=token)
    door.records.revoke(user_key("person-1"))
    door.monotonic += RECORD_SECONDS
    assert door.refused(x_api_key=token) == "access_ended"


def test_a_verified_token_is_not_believed_beyond_its_expiry(door):
    door.person()
    token = door.provider.token()
    assert door.knock(x_api_key=token)
    door.now = NOW + 600 + 61
    assert door.refused(x_api_key=token) == "token_expired"


def test_a_token_whose_key_was_withdrawn_is_out_in_ten_minutes_whatever_it_says_itself(door):
    door.person()
    token = f"Bearer {door.provider.token(exp=NOW + 24 * 3600)}"  # as long as a rule accepts by itself
    assert door.knock(authorization=token).id == "person-1"
    door.provider.keys = {"second": KEYS[1]}
    door.now += VERIFIED_SECONDS - 1
    door.monotonic += VERIFIED_SECONDS - 1
    assert door.knock(authorization=token).id == "person-1"
    door.now += 2
    door.monotonic += 2
    assert door.refused(authorization=token) == "token_key"


def test_a_token_of_an_issuer_that_was_removed_opens_nothing_any_more(door):
    door.person()
    token = door.provider.token()
    assert door.knock(x_api_key=token)
    door.issuers = ()
    assert door.refused(x_api_key=token) == "token_issuer"


def test_a_workload_comes_in_by_the_token_of_its_build_system(door):
    door.issuers = (
        door.provider.configured(
            principal="application",
            claims={"application": "repository"},
            required_claims={"ref": "refs/heads/main"},
        ),
    )
    pk = workload_record_pk(door.provider.issuer, "acme/payments", PEPPER)
    door.application(pk, subject="ci-payments")
    good = {"repository": "acme/payments", "ref": "refs/heads/main"}
    assert door.knock(x_api_key=door.provider.token(**good)).id == "ci-payments"
    assert door.refused(x_api_key=door.provider.token(**{**good, "repository": "acme/other"})) == "no_record"
    assert door.refused(x_api_key=door.provider.token(**{**good, "ref": "refs/pull/1"})) == "token_claim_rule"


ROLE = "arn:aws:iam::111122223333:role/batch"
CONTEXT = json.dumps({"identity": {"userArn": "arn:aws:sts::111122223333:assumed-role/batch/any-name"}})


def test_an_aws_role_comes_in_through_api_gateway_only(door):
    door.application(workload_record_pk(IAM_ISSUER, ROLE, PEPPER), subject="batch")
    signed = "AWS4-HMAC-SHA256 Credential=x"
    # a client that sends the header itself, to a gateway that is not behind API Gateway
    assert door.refused(authorization=signed, x_amzn_request_context=CONTEXT) == "no_credential"
    door.hops = Hops(api_gateway=True)
    door.reopen()
    assert door.knock(authorization=signed, x_amzn_request_context=CONTEXT).id == "batch"
    for context in ("{}", "[]", '{"identity": null}', '{"identity": {"userArn": ["x"]}}', "{"):
        assert door.refused(authorization=signed, x_amzn_request_context=context)


def test_a_role_is_known_by_its_name_and_not_by_its_sessions():
    assert role_arn("arn:aws:sts::111122223333:assumed-role/batch/one") == ROLE
    assert role_arn(ROLE) == ROLE


def test_a_gateway_in_front_speaks_for_people_only_with_its_own_key(door):
    door.person()
    hop, plain = door.key(subject="hop", roles=(HOP_ROLE,)), door.key(subject="plain")
    says = {"x_claude_gateway_user_email": "ada@example.com"}
    assert door.knock(x_api_key=hop, **says).id == "person-1"
    assert door.refused(x_api_key=plain, **says) == "identity_header"
    assert door.refused(**says) == "no_credential"
    assert door.refused(x_api_key=door.provider.token(), **says) == "identity_header"
    assert door.refused(x_api_key=hop, x_claude_gateway_user_email="eve@example.com") == "no_record"
    assert door.refused(x_api_key=hop, x_claude_gateway_user_id="person-1") == "identity_header"


@pytest.mark.parametrize(
    "name", [b"authorization", b"x-api-key", b"x-amzn-request-context", b"x-claude-gateway-user-email"]
)
def test_a_header_that_says_who_is_calling_may_not_come_twice(name):
    with pytest.raises(AuthenticationError):
        refuse_repeated([(name, b"a"), (b"accept", b"*/*"), (name, b"b")])
    refuse_repeated([(name, b"a"), (b"accept", b"*/*"), (b"accept", b"text/plain")])


def test_many_callers_with_one_key_read_its_record_once(door):
    key = door.key().encode()

    async def rush() -> None:
        await asyncio.gather(*(door.authenticator.authenticate({b"x-api-key": key}) for _ in range(200)))

    asyncio.run(rush())
    assert door.reads == 1


def test_what_the_table_does_not_answer_lets_nobody_in(door):
    key = door.key()
    door.records.client.delete_table(TableName="access")
    with pytest.raises(Exception, match="ResourceNotFound"):
        door.knock(x_api_key=key)


def test_a_known_caller_costs_microseconds(door):
    door.person()
    key, token = door.key().encode(), door.provider.token().encode()

    async def per_call(headers: dict[bytes, bytes]) -> float:
        await door.authenticator.authenticate(headers)
        best = 1.0
        for _ in range(5):
            started = time.perf_counter()
            for _ in range(500):
                await door.authenticator.authenticate(headers)
            best = min(best, (time.perf_counter() - started) / 500)
        return best

    assert asyncio.run(per_call({b"x-api-key": key})) < 100e-6
    assert asyncio.run(per_call({b"authorization": b"Bearer " + token})) < 100e-6


def test_keys_are_recognised_by_their_checksum():
    key = new_virtual_key()
    assert is_well_formed(key)
    assert not is_well_formed(key[:10] + ("a" if key[10] != "a" else "b") + key[11:])
    assert len({new_virtual_key() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("text", ["", "short", "c2hvcnQ=", "not base 64 at all ……"])
def test_a_pepper_that_is_none_is_refused(text):
    with pytest.raises(PepperError):
        read_pepper(text)
