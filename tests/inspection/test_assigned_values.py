"""Each named rule for the value behind a secret's name decides what its docstring says (L2.3)."""

import pytest

from lambdas.inspection import assigned_values
from lambdas.inspection.assigned_values import PASSWORD_RULES, RULES, Assigned, is_secret

# by rule: what it alone decides, and how
DECIDED: dict[str, tuple[Assigned, bool]] = {
    "pin": (Assigned("pin", " = ", "'", "TfF74w.i5q", ""), False),
    "reference": (Assigned("password", ": ", "", "$DB_pass1", ""), False),
    "number": (Assigned("PASSWORD", "=", "", "482915", ""), True),
    "version_or_argument": (Assigned("api_key", "=", "", "2023-10-16-preview", "_version"), False),
    "address_or_call": (Assigned("API_KEY", "=", "", "6XYfvU(FH2", ""), False),
    "constant": (Assigned("password", " = ", '"', "DB_PASSWORD", ""), False),
    "part_of_code": (Assigned("password", ": ", "", "users[Env1]#x", ""), False),
    "another_word": (Assigned("pass", " = ", '"', "Gw4T#", "or"), False),
    "public_part": (Assigned("password", "=", '"', "0Fab$&", "Data"), False),
    "part_of_a_call": (Assigned("auth", "=", "'", "QCnLC0-8iUm", "_nonce"), False),
    "attribute": (Assigned("PASSWORD", ".", "'", "Gf8s", ""), False),
    "key_of_a_table": (Assigned("key", "-", "", "64B8hM-6abfe7MAV", ""), False),
    "uri": (Assigned("password", " = ", "", "./conf1g.d/Main", ""), False),
    "next_in_a_sentence": (Assigned("keys", " ", "", "SFW4FRUF2NYMG37Z", ""), False),
    "long_token": (Assigned("apikey", ":", "", "963952cde961ed0c", ""), True),
    "key_of_a_service": (Assigned("KEY", "=", "", "WelcomeBerlinAdmin2024", "", of_service=True), True),
    "bare_key": (Assigned("access", ": ", "'", "TRZo1a@9h5", ""), False),
    "word_after_a_token": (Assigned("signing_key", " ", "", "ZyQkTSqid+EczV?CxYbm", ""), False),
    "random_behind_a_sign": (Assigned("api_key", "=", "'", "A3KZCQBQREXQNM2CNETM", "izer"), True),
    "joined": (Assigned("PASSWORD", "_", "'", "p5HL", ""), False),
    "jumbled_behind_a_sign": (Assigned("SECRET_KEY", " = ", "", "OzmIof.fI6", ""), True),
    "sign_behind_an_unusual_name": (Assigned("password", ": ", '"', "%vMi3x", "izer"), False),
    "password": (Assigned("contraseña", ": ", "'", "3lO*x9", ""), True),
    "varied": (Assigned("API_KEY", "|", '"', "8Wt?5jv6vP26h&=JGcXc", ""), True),
    "short_token": (Assigned("api_key", ": ", "'", "main25347#", ""), True),
    "varied_in_quotes": (Assigned("apikey", " ", "'", "xIB@oX./aY_yqlK", ""), True),
    "about_passwords": (Assigned("password", " = ", "", "secret.Name1", ""), False),
    "jumbled_password": (Assigned("password", " set to ", '"', "UIkAREztIfm", ""), True),
    "short_password": (Assigned("password", ": ", "", "6A2Q", ""), False),
    "password_in_a_sentence": (Assigned("password", " is ", "", "fyS~V_", ""), True),
    "password_behind_a_sign": (Assigned("password", ": ", "", "tulip84", ""), True),
    "password_in_quotes": (Assigned("password", "=", '"', "KRHIQfHU", ""), True),
}


def test_every_rule_decides_its_example_and_nothing_else_would(monkeypatch: pytest.MonkeyPatch) -> None:
    for table, rules in (("RULES", RULES), ("PASSWORD_RULES", PASSWORD_RULES)):
        for rule in rules:
            given, expected = DECIDED[rule.__name__.lstrip("_")]
            assert is_secret(given) is expected, rule.__name__
            with monkeypatch.context() as without:
                without.setattr(assigned_values, table, tuple(one for one in rules if one is not rule))
                assert is_secret(given) is not expected, f"{rule.__name__} changes nothing"
