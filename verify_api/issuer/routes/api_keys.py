"""API keys: make, list, revoke. Operational records, not events."""

from http import HTTPStatus

from fastapi import APIRouter

from verify_api.issuer import answers, schemas, showing
from verify_api.issuer.auth import MayAdmin
from verify_api.issuer.context import Context
from verify_api.issuer.intake import IdempotencyKey
from verify_api.issuer.openapi import Route, add


class ApiKeyRoutes:
    """The handlers."""

    def __init__(self, context: Context) -> None:
        self._keys = context.ledger.api_keys
        self._register = context.register

    def add_to(self, router: APIRouter) -> None:
        """Put the routes on the router."""
        add(router, Route(method="POST", path="/api-keys", scope="admin", status=HTTPStatus.CREATED), self.create)
        add(router, Route(method="GET", path="/api-keys", scope="admin"), self.list)
        gone = Route(method="DELETE", path="/api-keys/{key_id}", scope="admin", status=HTTPStatus.NO_CONTENT)
        add(router, gone, self.revoke)

    async def create(self, caller: MayAdmin, body: schemas.NewApiKey, _key: IdempotencyKey) -> answers.ApiKeyCreated:
        """Make an API key; it is told this once.

        An `Idempotency-Key` is accepted and has no effect here: what was told once cannot be told again, so the same
        request makes another key. Revoke the one whose answer was lost.
        """
        issuer = None if body.issuer is None else self._register.named_issuer(caller, "issuer", body.issuer)
        made, secret = self._keys.create(issuer, body.scopes, body.label)
        return answers.ApiKeyCreated(key=secret, **showing.api_key(made).model_dump())

    async def list(self, caller: MayAdmin) -> answers.ApiKeyList:
        """Every API key, oldest first, the revoked ones too."""
        return answers.ApiKeyList(api_keys=[showing.api_key(each) for each in self._keys.list(caller.issuer)])

    async def revoke(self, caller: MayAdmin, key_id: str) -> None:
        """Revoke an API key; from now on it opens nothing."""
        self._keys.revoke(caller.issuer, key_id)
