"""What a call can cost at most, and what it did cost (L1.6, Z.2).

Prices come from `prices.json`, a dated file with a source for each model, in nano-dollars a token: every
published price is a whole number of them, so no float is involved. A call is rounded up to the next
micro-dollar, once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdas.common.prices.usage import Tokens, read_usage

_NANO_PER_MICRO = 1_000
_PERCENT = 100
_FILE = Path(__file__).with_name("prices.json")


class UnknownModel(KeyError):
    """There is no price for this model, so it cannot be called: nobody could say what it costs."""


@dataclass(frozen=True, slots=True)
class Band:
    """Prices that hold for prompts of up to `up_to` tokens (None: any), in nano-dollars a token.

    The prompt is input, cache reads and cache writes together; crossing a band reprices every token of the
    call.
    """

    up_to: int | None
    input: int
    output: int
    cache_write_5m: int
    cache_write_1h: int
    cache_read: int

    def input_of(self, cache: str) -> int:
        """What an input token can become at worst, when the request caches for `5m`, `1h` or not at all."""
        written = {"": 0, "5m": self.cache_write_5m, "1h": self.cache_write_1h}[cache]
        return max(self.input, self.cache_read, written)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for that decides its price, where the answer does not say what it was given:
    `models` it names in addition to its own, `fast` mode, inference in the `us`, and how long it caches
    (`5m`, `1h` or not at all).
    """

    models: tuple[str, ...] = ()
    fast: bool = False
    us: bool = False
    cache: str = ""


_NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call costs. Where it is not `certain`, it costs at least that."""

    microusd: int
    input_tokens: int
    output_tokens: int
    certain: bool


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """The prices of one model, and how many tokens it takes and gives at most. `fast_percent` is the price
    of its fast mode; None where none is published.
    """

    bands: tuple[Band, ...]
    context_tokens: int
    output_tokens: int
    fast_percent: int | None = None

    def band_of(self, prompt_tokens: int) -> Band:
        """The band that holds for a prompt of this size."""
        return next(band for band in self.bands if band.up_to is None or prompt_tokens <= band.up_to)

    def reachable(self, prompt_tokens: int) -> tuple[Band, ...]:
        """The bands that hold for prompts of up to this size."""
        return self.bands[: self.bands.index(self.band_of(prompt_tokens)) + 1]


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of one date. `as_of` is the date of the file, ISO 8601."""

    as_of: str
    models: Mapping[str, ModelPrices]
    batch_percent: int
    us_inference_percent: int
    unknown_fast_percent: int
    web_search_microusd: int

    def of(self, model: str) -> ModelPrices:
        """The prices of a model. Raises `UnknownModel`."""
        try:
            return self.models[model]
        except KeyError:
            raise UnknownModel(model) from None

    def charge(
        self,
        model: str,
        usage: Mapping[str, Any],
        *,
        batch: bool = False,
        asked: Asked = _NOTHING,
        answered_by: str | None = None,
    ) -> Charge:
        """What a call with this `usage` (the shape of the Messages API) did cost. Raises `UnknownModel` for
        `model`; another one that is named in the usage and has no price is charged as the most expensive
        there is. `answered_by` is what the answer calls its model: where that is another one, the call costs
        what it costs with the more expensive of the two.
        """
        own = self.of(model)
        read = read_usage(usage, output_required=any(band.output for band in own.bands))
        certain = read.certain
        fast = asked.fast if read.fast is None else read.fast
        priced: dict[bool, int] = {False: 0, True: 0}
        for part in read.parts:
            named = own if part.model is None else self.models.get(part.model)
            certain &= named is not None
            each = (named,) if named else self.models.values()
            priced[part.extra] += max(self._nano(one, part.tokens, asked, fast=fast) for one in each)
        # without a list of parts, any of the models that were asked for may have answered
        others = [] if read.parts else [self.models.get(name) for name in asked.models]
        certain &= None not in others
        if not read.parts and answered_by is not None and answered_by != model:
            others.append(self._named_in(answered_by))
        totals = [self._nano(one, read.total, asked, fast=fast) for one in (own, *others) if one is not None]
        nano = max(*totals, priced[False]) + priced[True]
        microusd = self.microusd(nano, batch=batch, us=asked.us if read.us is None else read.us)
        tokens = [read.total, *(part.tokens for part in read.parts if part.extra)]
        return Charge(
            microusd + read.web_searches * self.web_search_microusd,
            sum(one.prompt for one in tokens),
            sum(one.output for one in tokens),
            certain,
        )

    def _named_in(self, name: str) -> ModelPrices | None:
        """The prices of the model whose name stands in a provider's name for it."""
        known = [one for one in self.models if one in name]
        return self.models[max(known, key=len)] if known else None

    def cost(self, model: str, usage: Mapping[str, Any], *, batch: bool = False) -> int:
        """Micro-dollars that a call with this usage did cost. Raises `UnknownModel`."""
        return self.charge(model, usage, batch=batch).microusd

    def microusd(self, nano: int, *, batch: bool, us: bool) -> int:
        """Micro-dollars, rounded up, of nano-dollars at the list price."""
        nano *= self.batch_percent if batch else _PERCENT
        nano *= self.us_inference_percent if us else _PERCENT
        return -(-nano // (_NANO_PER_MICRO * _PERCENT * _PERCENT))

    def fast_nano(self, model: ModelPrices, nano: int) -> int:
        """The price in fast mode; as dear as it is known to be anywhere where none is published."""
        return -(-nano * (model.fast_percent or self.unknown_fast_percent) // _PERCENT)

    def _nano(self, model: ModelPrices, tokens: Tokens, asked: Asked, *, fast: bool) -> int:
        band = model.band_of(tokens.prompt)
        unplaced = band.cache_write_1h if asked.cache == "1h" else band.cache_write_5m
        nano = (
            band.input * tokens.fresh
            + band.cache_write_5m * tokens.written_5m
            + band.cache_write_1h * tokens.written_1h
            + unplaced * tokens.unplaced
            + band.cache_read * tokens.read
            + band.output * tokens.output
        )
        return self.fast_nano(model, nano) if fast else nano


def load_prices(path: Path = _FILE) -> PriceList:
    """The price file. Raises `OSError`, `KeyError` or `ValueError` where it is not one."""
    document = json.loads(path.read_text("utf-8"))
    models = {
        name: ModelPrices(
            tuple(Band(**band) for band in entry["bands"]),
            entry["context_tokens"],
            entry["output_tokens"],
            entry.get("fast_percent"),
        )
        for name, entry in document["models"].items()
    }
    for name, model in models.items():
        if model.bands[-1].up_to is not None:
            raise ValueError(f"{path.name}: {name}: the last band must hold for any prompt")
    return PriceList(
        as_of=document["as_of"],
        models=models,
        batch_percent=document["batch_percent"],
        us_inference_percent=document["us_inference_percent"],
        unknown_fast_percent=document["unknown_fast_percent"],
        web_search_microusd=document["web_search_microusd"],
    )
