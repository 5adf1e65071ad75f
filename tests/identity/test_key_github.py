"""`kit key github` writes a rule that holds for one repository by its immutable ids (L1.3)."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from contract.rights import Issuer
from lambdas.common.claim_rules import hold
from tests.identity.commands import invoke

# The fields of GitHub's documented answer to GET /repos/{owner}/{repo} that are read here.
REPOSITORY = {"id": 1296269, "full_name": "octocat/Hello-World", "owner": {"login": "octocat", "id": 583231}}


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """GitHub's API as it is documented."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"/repos/octocat/Hello-World": REPOSITORY, "/repos/octocat/odd": {"id": "x"}}
            found: Any = known.get(self.path, {"message": "Not Found"})
            body = json.dumps(found).encode()
            self.send_response(200 if self.path in known else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_rule_holds_for_the_repository_and_not_for_one_that_was_made_again(api: str) -> None:
    done = invoke({}, "key", "github", "octocat/Hello-World", "--api", api, "--environment", "production")
    assert done.code == 0, done.stderr
    (rule,) = yaml.safe_load(done.stdout)
    issuer = Issuer(**{**rule, "jwks_uri": rule["jwks_uri"]})
    claims = {
        "repository": "octocat/Hello-World", "repository_id": "1296269", "repository_owner_id": "583231",
        "ref": "refs/heads/main", "environment": "production",
    }  # fmt: skip
    assert hold(issuer.required_claims, claims)
    for changed in (
        {"repository_id": "999"},
        {"repository_owner_id": "999"},
        {"ref": "refs/pull/1/merge"},
        {"environment": "staging"},
    ):
        assert not hold(issuer.required_claims, {**claims, **changed}), changed


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["octocat/gone"], 2),
        (["octocat"], 2),
        (["octocat/a/b"], 2),
        (["../../etc/passwd"], 2),
        (["octocat/odd"], 4),
    ],
)
def test_what_is_not_a_repository_is_an_error_in_words(api: str, arguments: list[str], code: int) -> None:
    done = invoke({}, "key", "github", *arguments, "--api", api)
    assert done.code == code
    assert done.stdout == ""
    assert "hint:" in done.stderr


def test_an_address_without_tls_or_that_does_not_answer_is_an_error_in_words() -> None:
    assert invoke({}, "key", "github", "a/b", "--api", "http://api.example.com").code == 2
    assert invoke({}, "key", "github", "a/b", "--api", "http://127.0.0.1:9").code == 4
