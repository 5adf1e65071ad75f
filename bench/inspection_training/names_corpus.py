"""Training of the model for names and addresses: our own sentences, and labelled rows if there are any."""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pycrfsuite import Trainer  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs

from bench.inspection_training.wording import lines
from lambdas.inspection.names import FIRST_NAMES, TYPES, features, tokens_of


def _parts(text: str, separator: str) -> list[str]:
    return text.split(separator)


SURNAMES = _parts(
    "Keller Okafor Nair Bianchi Lind Novak Diallo Ito Dupont Baker Olsen Souza Hoffmann Petrov Singh Garcia "
    "Smith "
    "Johnson Müller Schmidt Rossi Costa Silva Kowalski Nguyen Tran Kim Park Wang Zhang Chen Sato Tanaka "
    "Khan Hussain "
    "O'Brien Murphy MacDonald Fernández López Martínez Ivanova Popescu Horvat Jansen Bakker Svensson Hansen "
    "Nielsen "
    "Virtanen Laine Papadopoulos Yilmaz Demir Cohen Levi Haddad Mensah Adeyemi Moreau Lefebvre Fournier "
    "Ricci Conti "
    "Weber Wagner Becker Schulz Koch Richter Klein Wolf Taylor Brown Wilson Evans Thomas Walker Wright "
    "Green Hall "
    "Wood Clarke Patel Shah Mehta Gupta Rao Das Bose Reyes Cruz Torres Flores Rivera",
    " ",
)
PLACES = _parts(
    "Berlin,10115|Hamburg,20095|Lyon,69002|Paris,75011|Madrid,28013|Leeds,LS1 4DY|London,SW1A 2AA"
    "|Austin, TX,78701|"
    "Boston, MA,02110|Utrecht,3511 LN|Vienna,1010|Zürich,8001|Milano,20121|Oslo,0150|Springfield, IL,62704|"
    "Cambridge,CB2 1TN|Toronto, ON,M5V 2T6|Dublin,D02 X285|Porto,4000-322|Aarhus,8000",
    "|",
)
STREETS = _parts(
    "{n} Main Street|{n} Oak Avenue|{n} Elm St.|{n} Park Road|{n} Church Lane|{n} Kingsway Drive"
    "|Lindenstraße {n}|"
    "Hauptstr. {n}|Am Markt {n}|Goethestraße {n}a|{n} rue de la Paix|{n} avenue Victor Hugo|Via Roma {n}|"
    "Calle Mayor {n}|Rua Augusta {n}|Keizersgracht {n}|{n} Station Road, Apt. {m}|{n} Sunset Blvd, Suite {m}|"
    "PO Box {n}|Storgatan {n}|{n} High Street, Flat {m}|Bahnhofstrasse {n}",
    "|",
)
SENTENCES = lines(r"""
Write a polite reply to <P> about the late delivery.
<P> asked whether the meeting can be moved to Friday.
Please send the contract to <P>, <A>.
Dear <P>,\n\nthank you for your letter.
Best regards,\n<P>
Kind regards\n<P>\nHead of Sales
Customer: <P>\nAddress: <A>\nOrder: 55-1
Name: <P>
name,city\n<P>,Berlin
{"name": "<P>", "address": "<A>"}
My name is <P> and I live at <A>.
I live at <A> and would like to move.
Ship the parcel to <A> before noon.
The patient <P> was seen on Monday by Dr. <P>.
Mr. <P> and Mrs. <P> signed the lease for <A>.
Ask <P> for the slides, then send them to <P> and <P>.
We met <P> from Contoso in the lobby.
According to <P>, the project is on time.
From: <P> <mail>\nTo: <P> <mail>
Ticket 4711 was opened by <P>.
<P>'s account was closed last week.
How is <P> doing? Is <P> coming?
Our office moved to <A>.
Deliver to:\n<P>\n<A>
<P> (<A>) has paid.
Contact <P> on Monday or call <P>.
Summarise the call with <P>, who lives at <A>.
Who is <P>?
Interview notes: <P> has ten years of experience in Python.
Is <P> still working at Acme Ltd in London?
Rewrite this: <P> was promoted to Head of Marketing.
Translate the following text into German.
Write a function in Python that parses JSON.
What is the capital of France?
The United States and the European Union signed the agreement in Geneva.
Import the package and call Client.connect with the API key.
class RequestHandler(BaseHandler): def handle(self, Request): return Response(200)
Error: Connection refused at Server.listen (net.js:1234)
# Getting Started\nInstall Node 18 and run the Docker image.
Amazon Web Services, Google Cloud and Microsoft Azure are compared in Table 3.
Meeting on Monday 12 March at 10:00 in Room 4.
Compare Electric Cars and Petrol Cars for a Family of Four.
SELECT Name, Price FROM Products WHERE Id = 15
Copyright 2024 The Project Authors. All Rights Reserved. Apache License, Version 2.0
New York, Tokyo and Paris are the most visited cities.
Draft a Press Release about our new Coffee Machine.
Chapter 7: Introduction to Machine Learning
The Board of Directors met in Berlin on Tuesday.
Harvard University and Deutsche Bank published a report.
""")


def build(seed: int = 3, copies: int = 40) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Return our own texts with their spans."""
    chance = random.Random(seed)
    first = sorted(FIRST_NAMES)
    rows: list[tuple[str, list[tuple[int, int, str]]]] = []

    def person() -> str:
        given = chance.choice(first).capitalize() if chance.random() < 0.8 else chance.choice(SURNAMES)
        last = chance.choice(SURNAMES)
        name = chance.choice(
            (f"{given} {last}",) * 6 + (given, f"{given[0]}. {last}", f"{given} {given[0]}. {last}")
        )
        return name.upper() if chance.random() < 0.03 else name

    def address() -> str:
        city, _, code = chance.choice(PLACES).rpartition(",")
        street = chance.choice(STREETS).format(n=chance.randint(1, 999), m=chance.randint(1, 60))
        separator = chance.choice((", ", ", ", "\n"))
        return chance.choice(
            (f"{street}{separator}{code} {city}", f"{street}{separator}{city} {code}", street)
        )

    for sentence in SENTENCES:
        for _ in range(copies if "<" in sentence else 12):
            text, spans, rest = "", [], sentence
            while "<" in rest:
                before, _, after = rest.partition("<")
                slot, _, rest = after.partition(">")
                text += before
                value = {"P": person, "A": address}.get(slot, lambda: "<info@contoso.com>")()
                if slot in "PA":
                    spans.append((len(text), len(text) + len(value), "PERSON" if slot == "P" else "ADDRESS"))
                text += value
            rows.append((text + rest, spans))
    return rows


def sequences(text: str, spans: Iterable[Sequence[Any]]) -> list[tuple[list[str], list[str]]]:
    """Return the lines of a text as tokens and tags."""
    wanted = [(s[0], s[1], s[2]) for s in spans if s[2] in TYPES]
    result: list[tuple[list[str], list[str]]] = []
    offset = 0
    for line in text.split("\n"):
        tokens = tokens_of(line)
        tags: list[str] = []
        for _, start, end in tokens:
            tag = "O"
            for first, last, kind in wanted:
                if first <= offset + start and offset + end <= last:
                    continued = bool(tags) and tags[-1] != "O" and offset + start > first
                    tag = f"{'I' if continued else 'B'}-{kind}"
            tags.append(tag)
        if tokens:
            result.append(([token for token, _, _ in tokens], tags))
        offset += len(line) + 1
    return result


def make_model(target: Path, rows: Iterable[Mapping[str, Any]] = ()) -> None:
    """Train on our own texts and the labelled or ordinary `rows`, and write the model."""
    trainer = Trainer(verbose=False)
    texts = [*build(), *((row["text"], row.get("spans", ())) for row in rows)]
    for text, spans in texts:
        for tokens, tags in sequences(text, spans):
            trainer.append(features(tokens), tags)
    trainer.set_params({"c1": 0.15, "c2": 0.01, "max_iterations": 90, "feature.minfreq": 2})
    trainer.train(str(target))
