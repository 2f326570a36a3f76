"""The keys that sign the log's checkpoints: add, list, retire the older ones. The operator's alone."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from verify_api.issuer import log_answers, showing
from verify_api.issuer.auth import MayAdmin, MayRead
from verify_api.issuer.context import Context, mark
from verify_api.issuer.intake import IdempotencyKey
from verify_api.issuer.openapi import Route, add


class LogKeyRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._keys = context.ledger.checkpoint_keys
        self._held = context.ledger.desk.keys
        self._origin = context.ledger.operator.origin

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        keys, created = "/log/keys", HTTPStatus.CREATED
        add(router, Route(method="POST", path=keys, scope="admin", status=created, body=False), self.add_key)
        add(router, Route(method="GET", path=keys, scope="read"), self.list)
        add(router, Route(method="POST", path=f"{keys}/retire-older", scope="admin", body=False), self.retire_older)

    async def add_key(self, caller: MayAdmin, key: IdempotencyKey, response: Response) -> log_answers.LogKeyReceipt:
        """Make a checkpoint key, held here; checkpoints carry its signature beside those of the keys in force."""
        added = await self._keys.add(caller, idempotency_key=key)
        mark(response, added.appended)
        return showing.log_key_added(added, self._origin)

    async def list(self, _caller: MayRead) -> log_answers.LogKeyList:
        """Every key that ever signed checkpoints."""
        return showing.log_keys(self._keys.log(), self._held)

    async def retire_older(
        self, caller: MayAdmin, key: IdempotencyKey, response: Response
    ) -> log_answers.LogKeysRetired:
        """Let every checkpoint key but the newest sign no checkpoint more; what they signed stands.

        Refused while no checkpoint is published that the old key and the new one both signed.
        """
        retired = await self._keys.retire_older(caller, idempotency_key=key)
        mark(response, retired.appended)
        return showing.log_keys_retired(retired, self._origin)
