"""What users send and receive, for the benchmarks: unseen texts, and answers of prose, technical text and
code.
"""

import itertools
import json
from collections.abc import Iterator

COUNTER = b"#########"  # in a request's body: replaced by a different number in each request
_NUMBERS: Iterator[int] = itertools.count(1)

PROSE = (
    "Rivers shape the land slowly. In spring the snow of the mountains melts and fills the valleys, and the "
    "water "
    "carries sand and small stones to the plain. Where it slows down, it lets them fall, and new islands "
    "grow "
    "between the old arms. Farmers have known this for centuries: they built their houses on the higher "
    "ground "
    "and left the meadows to the floods. "
) * 2
TECHNICAL = (
    "To sign in, create a token in the console and send it in the Authorization header. The token expires "
    "after an "
    "hour, so the client should refresh it before the next call. Keep the password of the service account "
    "in a "
    "store for secrets and never in the repository. If the login fails with 401, check that the access key "
    "is "
    "active and that the secret was not rotated. "
) * 2
CODE = '''```python
import os

from fastapi import Depends, FastAPI, HTTPException

app = FastAPI()


def current_user(token: str = Depends(oauth2_scheme)) -> User:
    """The user whom a token names."""
    payload = jwt.decode(token, key=os.environ["JWT_KEY"], algorithms=["HS256"])
    user = users.get(payload.get("sub"))
    if user is None or not user.password_hash:
        raise HTTPException(status_code=401, detail="invalid token")
    return user


@app.post("/login")
def login(form: LoginForm) -> dict[str, str]:
    user = users.get(form.username)
    if user is None or not verify_password(form.password, user.password_hash):
        raise HTTPException(status_code=401, detail="wrong user name or password")
    return {"access_token": create_token(user), "token_type": "bearer"}
```
''' * 2  # fmt: skip
ANSWERS = {"prose": PROSE, "technical": TECHNICAL, "code": CODE}


def answer(kind: str) -> bytes:
    """Return a Message with an answer of this kind."""
    return json.dumps(
        {
            "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-haiku-5-5",
            "content": [{"type": "text", "text": ANSWERS[kind]}], "stop_reason": "end_turn",
            "stop_sequence": None, "usage": {"input_tokens": 12, "output_tokens": len(ANSWERS[kind]) // 4},
        }
    ).encode()  # fmt: skip


def question(kind: str) -> bytes:
    """Return a short request that no cache has seen, which the provider answers with this kind."""
    text = f"Question {COUNTER.decode()}: explain it. [answer: {kind}]"
    return json.dumps(
        {"model": "fast", "max_tokens": 64, "messages": [{"role": "user", "content": text}]}
    ).encode()


def session(characters: int = 100_000) -> bytes:
    """Return a coding request with tool results of `characters` characters, new in every request."""
    name = COUNTER.decode()
    line = "def handler_{0}_{1}(event, context):\n    return store.load(event['key_{1}'], limit={1})\n\n\n"
    pieces = [line.format(name, number) for number in range(characters // 90)]
    size = len(pieces) // 4
    messages: list[dict[str, object]] = [{"role": "user", "content": "Fix the failing test."}]
    for place in range(4):
        call = {
            "type": "tool_use",
            "id": f"t{place}",
            "name": "Read",
            "input": {"file_path": f"/r/{place}.py"},
        }
        result = {
            "type": "tool_result", "tool_use_id": f"t{place}",
            "content": "".join(pieces[place * size : (place + 1) * size]),
        }  # fmt: skip
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return json.dumps({"model": "fast", "max_tokens": 64, "messages": messages}).encode()


def renewed(request: bytes) -> bytes:
    """Return the request with a new number."""
    return request.replace(COUNTER, b"%09d" % next(_NUMBERS)) if COUNTER in request else request
