"""The ledger: what may still be spent, by whom, and how fast (L1.5, L1.6, C.2, G.4).

`Ledger` holds the rules, once; `MemoryStore` and `DynamoStore` hold the items. A call writes its reservation,
then takes from its counters (the caller's, the department's, the organisation's) side by side, each by one
conditional update of one item; afterwards the true cost is noted and settled. No write is a transaction over
what others write, because such transactions cancel each other under load. Concurrent calls cannot spend more
than a ceiling; what a dead process reserved stays committed, as uncertain.

Items of the table `ledger` (`pk`, `sk`; those with a `ttl` go by themselves):

    ORG#<shard>, DEPT#<id>[#<shard>],   <YYYY-MM>            committed_microusd (spent and reserved in one
    USER#<id>, BATCH#<id>                                    number), uncertain_microusd of it, and
                                                             beyond_microusd as well; window, window_requests,
                                                             window_tokens of the current minute; under_way;
                                                             last
    SWITCH#<scope>#<subject>            SWITCH               off: a kill switch (see `switches`)
    SWITCHES                            NAMES                what was ever switched off, for listing
    RESERVATION#<bucket>                <expires>#<id>       what a call holds, and of which counters; state
                                                             open, or noted (its cost is known)
    UNCERTAIN#<id>                      RESERVATION          a call whose cost nobody can say yet; ttl
    BATCHES#<department>                <batch id>           message batches and their reservations
    TOKEN#<hash>                        USED                 a one-time token was used; ttl
    SESSION#<hash>                      ENDED                a person signed out; ttl

The organisation's budget, and in large organisations a department's, is spread over shards, because one item
takes a thousand writes a second; what does not fit into one shard is taken from others, so that no call is
refused while there is room.

What a role needs:

    gateway    ledger: BatchGetItem, DeleteItem, GetItem, PutItem, Query, UpdateItem
               access: BatchGetItem
    sweeper    ledger: DeleteItem, PutItem, Query, UpdateItem
    operator   ledger: Query, GetItem, UpdateItem
"""

from lambdas.common.ledger.ledger import Balance, Expired, Ledger
from lambdas.common.ledger.reservation import (
    Ask,
    Granted,
    LedgerContended,
    LedgerUnavailable,
    LedgerUnsure,
    RateWindow,
    Refused,
    Reservation,
    ReservationsDamaged,
)
from lambdas.common.ledger.switches import Switch, Switches

__all__ = [
    "Ask",
    "Balance",
    "Expired",
    "Granted",
    "Ledger",
    "LedgerContended",
    "LedgerUnavailable",
    "LedgerUnsure",
    "RateWindow",
    "Refused",
    "Reservation",
    "ReservationsDamaged",
    "Switch",
    "Switches",
]
