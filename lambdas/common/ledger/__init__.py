"""The ledger: what may still be spent, by whom, and how fast (L1.5, L1.6, C.2, G.4).

`Ledger` holds the rules, once; `MemoryStore` and `DynamoStore` hold the items. A call reserves the dearest
that it can become in one transaction over organisation, department and person, their rate windows, the kill
switches and the caller's live access record; afterwards the true cost is settled. Concurrent calls cannot
spend more than a ceiling; a dead process's reservation expires and is charged.

Items of the table `ledger` (`pk`, `sk`; those with a `ttl` go by themselves):

    ORG#<shard>, DEPT#<id>, USER#<id>   <YYYY-MM>            committed_microusd (spent and reserved in one
                                                             number), swept_microusd
    RATE#DEPT#<id>, RATE#USER#<id>      <YYYY-MM-DDTHH:MM>   requests, tokens of that minute; ttl
    ORG#<shard>                         SWITCH               organization, departments, models, principals
                                                             that are off
    RESERVATION#<bucket>                <expires>#<id>       what an open call reserved
    SWEPT#<id>                          RESERVATION          what a sweep charged; ttl
    BATCHES#<department>                <batch id>           message batches and their reservations
    TOKEN#<hash>                        USED                 a one-time token was used; ttl
    SESSION#<hash>                      ENDED                a person signed out; ttl

A DynamoDB condition cannot add, so the caller computes how much may be committed already for an amount to
fit. The organisation's budget is spread over shards, because one item takes only so many transactions a
second; a shard that is full borrows from the others, so that no call is refused while there is room.

What a role needs:

    gateway    ledger: ConditionCheckItem, DeleteItem, GetItem, PutItem, Query, UpdateItem
               access: ConditionCheckItem
    sweeper    ledger: DeleteItem, PutItem, Query, UpdateItem
    operator   ledger: Query, GetItem, UpdateItem
"""

from lambdas.common.ledger.ledger import Balance, Ledger
from lambdas.common.ledger.reservation import (
    Ask,
    Granted,
    LedgerUnavailable,
    RateWindow,
    Refused,
    Reservation,
)
from lambdas.common.ledger.switches import Switch, Switches

__all__ = [
    "Ask",
    "Balance",
    "Granted",
    "Ledger",
    "LedgerUnavailable",
    "RateWindow",
    "Refused",
    "Reservation",
    "Switch",
    "Switches",
]
