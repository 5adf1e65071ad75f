# ruff: noqa: E501 - texts as tools print them
"""What a value counts for depends on the kind of text it stands in: coding agents are not stopped by
ordinary code, and what is real is found in it all the same (L2.3).
"""

import base64
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from lambdas.inspection import Action, Channel, Inspection, InspectionConfig, Inspector, decide
from lambdas.inspection.context import Kind, recognise

from .made_up import token

INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32, cache_entries=0))


class Rules:
    """A department with the kit's defaults."""

    data_classes = ("public", "internal")
    findings: Mapping[str, str] = MappingProxyType({})
    human_review = ()


def read(text: str, mark: str = "→") -> str:
    """As Claude Code's Read shows a file."""
    return "\n".join(f"{number:>6}{mark}{line}" for number, line in enumerate(text.split("\n"), 1))


def inspected(*results: str) -> Inspection:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Fix the failing test."}]
    for result in results:
        block = {"type": "tool_result", "tool_use_id": "t", "content": result}
        messages.append({"role": "user", "content": [block]})
    return INSPECTOR.inspect_request({"model": "fast", "messages": messages})


def blocked(*results: str) -> bool:
    return decide(inspected(*results), Rules()).action in (Action.WITHHOLD, Action.BLOCK)


AUTHORS = [
    (f"Person {letter}", f"{letter.lower()}.person@firm{number}.io")
    for number, letter in enumerate("ABCDEFGHIJ")
]
LOG = "\n".join(
    f"commit {number:040x}\nAuthor: {name} <{address}>\nDate:   Mon Nov {number + 1} 10:00:00 2026 "
    f"+0100\n\n    Fix a salary bug\n"
    for number, (name, address) in enumerate(AUTHORS)
)
BLAME = "\n".join(
    f"{number:08x} (<{address}> 2026-11-12 {number + 1:>4}) x = {number}"
    for number, (_, address) in enumerate(AUTHORS)
)
SHORTLOG = "\n".join(
    f"   {90 - number}\t{name} <{address}>" for number, (name, address) in enumerate(AUTHORS)
)
OWNERS = "# who is asked\n" + "\n".join(
    f"/src/{number}/ {address}" for number, (_, address) in enumerate(AUTHORS)
)
PACKAGE = '{\n  "name": "x",\n  "version": "1.0.0",\n  "contributors": [\n' + ",\n".join(
    f'    {{"name": "{name}", "email": "{address}"}}' for name, address in AUTHORS
) + "\n  ]\n}"  # fmt: skip
CREDITS = "# Authors\n\nThanks to all contributors.\n\n" + "\n".join(
    f"{name} <{address}>" for name, address in AUTHORS
)
CERTIFICATE = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n" + bytes(range(65, 91)) * 20).decode()
KUBECONFIG = f"apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {CERTIFICATE}\n    server: https://k:6443\n"
ORDINARY = {
    "log": LOG,
    "blame": BLAME,
    "shortlog": SHORTLOG,
    "owners": OWNERS,
    "contributors": PACKAGE,
    "credits": CREDITS,
    "certificate": KUBECONFIG,
    "next line": "# settings\nexport const config = {\n  names: [\n    AUTH_FIGMA_SECRET\n    AUTH_GITHUB_SECRET\n  ],\n}\nrun();\n",
    "annotation": "export interface Credential {\n  credentialID: Uint8Array;\n  secretKey: Base64String1;\n  token: AuthToken2;\n}\n",
    "test password": 'func TestLogin(t *testing.T) {\n\tuser := User{\n\t\tPassword: "password123",\n\t}\n\tlogin(user)\n}\n',
    "database": "services:\n  app:\n    environment:\n      A: postgres://postgres:adminadmin@0.0.0.0:5432/db\n"
    "      B: mysql://root:whalehello@db:3306\n      C: amqp://guest:Guest123@localhost:5672\n",
    "account": 'locals {\n  aws_account_id = "1234567"\n  other_account_id = "123456789012"\n}\n\nresource "x" "y" {\n}\n',
    "birth": 'const person = {\n  "birthDate": "2015-02-12",\n  "name": "x",\n};\nexport default person;\n',
    "example card": "def test_pay():\n    card = '4242 4242 4242 4242'\n    assert pay(card)\n    iban = 'DE89370400440532013000'\n",
    "placeholder": "env:\n  SCW: SCWXXXXXXXXXXXXXXXXX\n  STRIPE: sk_test_4eC39HqLyjWDarjtT1zdp7dc\n  KEY: my-secret-key1234567890abcdef\n",
    "hash of a package": "github.com/a/b v1.2.3 h1:hSWxHoqTgW2S2qGc0LTAI563KZ5YKYRhT3MFKZMbjag=\ngithub.com/c/d v1.0.0/go.mod"
    " h1:QaHcxyz7w8pLTAI4vQZkyqa0cB2N4vQZkyqa0c=\ngithub.com/e/f v1.0.0 h1:x=\n",
    "basic": 'func TestAuth(t *testing.T) {\n\tpairs := Pairs{\n\t\tvalue: "Basic YWRtaW46cGFzc3dvcmQ=",\n\t}\n\tcheck(pairs)\n}\n',
    "authors alone": "\n".join(f"{name} <{address}>" for name, address in AUTHORS),
    "copyright": "Format: https://www.debian.org/doc/x/\n\nFiles: *\nCopyright: 2008-2015 Ann Lee <ann.lee@one.io>\n"
    + "\n".join(
        f"           {2001 + number} {name} <{address}>" for number, (name, address) in enumerate(AUTHORS)
    ),
    "thanks": "Those have contributed to it:\n\n"
    + "\n".join(f"{name.replace('Person', 'Ann')[:4]}Smith        {address}" for name, address in AUTHORS),
    "maintainers": "This describes the package.\n\nThe packages are maintained by these people:\n-----------\n\n"
    + "\n".join(f"{name} <{address}>" for name, address in AUTHORS)
    + "\n\nPatches are welcome in the tracker.\n",
    "counted": 'func TestKey(t *testing.T) {\n\tkey: "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5"\n'
    '\tj: `{"reset_token":"0102030405060708090a0b0c0d0e0f10"}`\n\tarn: "arn:aws:kms:us-east-1:579766882180:key/89fcc2c4"\n}\n',
    "manual page": ".TH ROLE 7\n.SH NAME\nrole\n.PP\n[ ENCRYPTED ] PASSWORD \\*(Aq\\fIpassword\\fR\\*(Aq\n.br\n.RS 4\n"
    "Define some portability stuff\n.PP\nof billing account 123456\\-789876\\-543210\n.RE\n",
    "licence": "Legal Code\n\n    CREATIVE COMMONS CORPORATION IS NOT A LAW FIRM AND DOES NOT PROVIDE\n    LEGAL SERVICES. "
    "DISTRIBUTION OF THIS DOCUMENT DOES NOT CREATE AN\n    ATTORNEY-CLIENT RELATIONSHIP. IT PROVIDES THIS\n    INFORMATION AS IT IS.\n",
    "process": "Notification received from server process with PID 84481.\nIt stopped.\nThe log of it follows.\n",
    "test log": "Passed: compiler/TestArrayCopyAsLoadsStores.java#id0\nPassed: compiler/TestArrayCopy7Words.java#id1\nFailed: none\n",
    "signing key": "  * Add new upstream signing key 19882D92DDA4C400C22C0D56CC2AF4472167BE03\n    to debian/upstream/signing-key.asc.\n  * Done.\n",
    "oauth": 'class TestOAuth:\n    def test(self):\n        header = """oauth_consumer_key="9djdj82h48djs9d2",\n'
    '        oauth_token="kkk9d7dh3k39sjv7"\n        """\n        check(header)\n',
    "tutorial": "devices:\n  - host: sf1\n    username: admin\n    password: cisco123\n  - host: sf2\n    secret: junos123\n",
    "layoff in code": "class Plan:\n    def fire(self, employee):\n        # terminate the employee thread, performance review of salary\n"
    "        employee.dismiss()\n        return self.layoffs(employee.salary)\n",
}


@pytest.mark.parametrize("form", ["plain", "numbered", "tabbed"])
@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_output_of_tools_passes(name: str, form: str) -> None:
    text = ORDINARY[name]
    assert not blocked({"plain": text, "numbered": read(text), "tabbed": read(text, "\t")}[form])


def test_a_session_does_not_collect_a_list_from_the_files_it_reads() -> None:
    assert not blocked(*(f"# Package {name}\n\nWrite to {address}.\n" for name, address in AUTHORS))


def test_what_a_person_types_is_one_list_however_it_is_split() -> None:
    messages = [{"role": "user", "content": f"Also write to {address}."} for _, address in AUTHORS]
    inspection = INSPECTOR.inspect_request({"messages": messages})
    assert "CUSTOMER_LIST" in {one.type for one in inspection.findings}


def test_an_export_of_customers_is_a_list_in_any_kind_of_text() -> None:
    rows = [
        f"{number},Kim Person,kim.{token(random.Random(number), 6).lower()}@mail{number}.org"
        for number in range(40)
    ]
    table = "id,name,email\n" + "\n".join(rows)
    program = (
        "CUSTOMERS = [\n"
        + "\n".join(f"    ({row!r})," for row in rows)
        + "\n]\n\n\ndef load():\n    return CUSTOMERS\n"
    )
    assert blocked(table)
    assert blocked(program)


CODE = "import os\n\n\ndef connect(host):\n    value = os.environ['HOST']\n    {}\n    return open(host, value)\n"
SETTINGS = "# settings\nname: app\nport: 80\n{}\nregion: eu-central-1\nreplicas: 2\n"
# made when the test runs, so that no scanner of repositories takes them for keys
REAL = {
    "key of a service": lambda chance: f'key = "ghp_{token(chance, 36)}"',
    "cloud key": lambda chance: f'id = "AKIA{token(chance, 16, "ABCDEFGHJKLMNPQRSTUVWXYZ234567")}"',
    "password": lambda chance: f'db_password = "{token(chance, 7)}!{token(chance, 7)}7x"',
    "database": lambda chance: f'url = "postgres://app:{token(chance, 14)}42@db.shop-prod.net:5432/main"',
    "card": lambda chance: 'card = "4539 1488 0343 6467"',
    "IBAN": lambda chance: 'iban = "DE75512108001245126199"',
    "SSN": lambda chance: 'ssn = "536-22-8145"',
    "private key": lambda chance: (
        'pem = """-----BEGIN RSA PRIVATE KEY-----\n'
        + token(chance, 200)
        + '\n-----END RSA PRIVATE KEY-----"""'
    ),
}


@pytest.mark.parametrize("frame", [CODE, SETTINGS], ids=["code", "settings"])
@pytest.mark.parametrize("name", REAL)
def test_a_real_value_is_found_in_a_program_at_its_place(name: str, frame: str) -> None:
    text = read(frame.format(REAL[name](random.Random(name))))
    inspection = inspected(text)
    found = [one for one in inspection.findings if one.level.rank >= 2]
    assert found, inspection.findings
    shown = text[found[0].start : found[0].end]
    assert "→" not in shown or name == "private key"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (LOG, Kind.VERSIONS),
        (BLAME, Kind.VERSIONS),
        (CODE, Kind.CODE),
        (SETTINGS, Kind.CONFIGURATION),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n", Kind.DIFF),
        ("name;city;phone\nA;Rome;1\nB;Oslo;2\nC;Bern;3\n", Kind.TABLE),
        ("2026-11-20T08:22:11Z INFO a\n2026-11-20T08:22:12Z INFO b\n2026-11-20T08:22:13Z WARN c\n", Kind.LOG),
        (
            "Dear all,\n\nwe met on Monday: the plan was approved.\nPlease read it; it is "
            "short.\n\nBest,\nA\n",
            Kind.PROSE,
        ),
        (
            "1. The parties agree to the terms.\n2. Each party: pays its share.\n3. The law of Bern "
            "applies.\n",
            Kind.PROSE,
        ),
    ],
)
def test_the_kind_of_a_text_is_recognised(text: str, kind: Kind) -> None:
    assert recognise(text) is kind


def test_a_weak_password_that_a_person_types_is_a_password() -> None:
    text = "Please log in for me, my password: Password123! and then send the mail."
    assert "SECRET" in {one.type for one in INSPECTOR.inspect_text(text).findings}


def test_numbers_of_lines_are_no_part_of_what_they_stand_before() -> None:
    text = read("first\n4539148803436467\nDE75512108001245126199\nlast\n")
    spans = [text[one.start : one.end] for one in inspected(text).findings]
    assert spans == ["4539148803436467", "DE75512108001245126199"]


# seen in the archives of published packages and in what a search or a blame shows of them
NO_SECRETS = (
    "backends/blob.py:186:        if include_password:\nbackends/blob.py:187:            return (\n"
    "backends/blob.py:188:                connection_string.replace(key, '***')\n",
    "8b71a2c4 (<ben@okafor.dev> 2025-09-12  189)     if not password:\n"
    "e1344cd3 (<lena@novak.dev> 2025-01-12  190)         raise ValueError('no password')\n"
    "e1344cd3 (<lena@novak.dev> 2025-01-12  191)     return key\n",
    "github.com/aws/aws-sdk-go-v2/service/kms@v1.55.0/api_op_CreateGrant.go:201:\tGrantee *string // credential\n"
    "github.com/aws/aws-sdk-go-v2/service/kms@v1.55.0/api_op_CreateGrant.go:203:\t// for the login of a role\n"
    "github.com/aws/aws-sdk-go-v2/service/kms@v1.55.0/api_op_CreateGrant.go:205:\tGrantTokens []string\n",
    '{\n  "apiVersions": {\n    "Microsoft.Authorization": "2024-09-01-preview",\n    "Microsoft.Compute": "2023-03-01"\n'
    "  }\n}\n",
    "// Use the [Amazon Web Services Nitro Enclaves SDK]or any Amazon Web Services SDK.\nfunc Use() {}\n"
    "// For the key of an enclave.\nfunc Key() {}\n",
    'func ExampleSigned() {\n\tu := sign("https://acct.blob.core.windows.net/c/b?sv=2020-04-08&se=2021-03-23T19:41:38Z&spr=https'
    '&sig=84rlGCIgU4ToMn%2FFLncBXq95O8a8RsFlwQY1Knl%2Fo%2FI%3D")\n\tfmt.Println(u)\n}\n',
    "{% load i18n %}\n{{ protocol }}://{{ domain }}{% url 'password_reset_confirm' uidb64=uid token=token %}\n"
    "{% translate 'Thanks' %}\n",
)
SECRETS = (
    (
        "config.yaml:12:  password: Tr0ub4dor&3xQ!\nconfig.yaml:13:  user: app\nconfig.yaml:14:  host: db\n",
        "Tr0ub4dor",
    ),
    ("login ann.roe@acme-shop.com / Tr0ub4dor&3xQ!\n", "Tr0ub4dor"),
    ("clave: Tr0ub4dor&3xQ!\n", "Tr0ub4dor"),
    (
        'req.setHeader("Authorization", "Bearer 9f2Kd8sLq0Zx7Cv5Bn3Mw1Qe4Rt6Yu8I");\nrun();\nend();\n',
        "9f2Kd8sL",
    ),
    (
        "u = '?se=2031-03-23T19:41:38Z&sig=84rlGCIgU4ToMn%2FFLncBXq95O8a8RsFlwQY1Knl%2Fo%2FI%3D'\nrun()\nend()\n",
        "84rlGC",
    ),
)


def test_places_versions_and_past_signatures_are_no_secrets() -> None:
    for text in NO_SECRETS:
        found = INSPECTOR.inspect_text(text, Channel.UNTRUSTED).findings
        assert not [one for one in found if one.type == "SECRET"], text
    for text, value in SECRETS:
        found = INSPECTOR.inspect_text(text, Channel.UNTRUSTED).findings
        assert any(value in text[one.start : one.end] for one in found if one.type == "SECRET"), text


def test_a_program_made_small_is_a_program_in_any_language() -> None:
    words = "inputTooLong:function(e){var n=e.input.length-e.maximum,r='Ontfoutief asseblief '+n+' karakter';return r},"
    assert recognise("(function(){var e=jQuery.fn.select2.amd;" + words * 8 + "}();") is Kind.CODE


def test_plans_and_exports_that_begin_with_years_are_neither_versions_nor_authors() -> None:
    plan = "\n".join(f"{2025 + number} Launch of Orion in region {number}" for number in range(14))
    assert recognise(plan) is not Kind.VERSIONS
    assert blocked("\n".join(f"2026, {name}, {address}" for name, address in AUTHORS))
    assert blocked(
        "Customers who asked for a refund:\n\n" + "\n".join(f"- {a}, order {n}" for n, a in AUTHORS)
    )
