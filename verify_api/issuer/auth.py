"""Who calls: the API key of the Authorization header, and the scope that a route needs.

The key is looked up before the body is read; the scope is checked before the body is understood.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPBearer, SecurityScopes

from ledger.application.api_keys import ApiKeys, ApiKeyUnknown
from ledger.application.ports import Caller
from verify_api.issuer.problems import NotAuthenticated, ScopeMissing

_SCHEME = HTTPBearer(
    scheme_name="api-key",
    description="An API key: `Authorization: Bearer testamur_…`. It belongs to one issuer, or to the operator, and has "
    "some of the scopes `define`, `issue`, `change`, `read`; only the operator's may have `admin`.",
    auto_error=False,
)


def authenticate(authorization: Sequence[str], keys: ApiKeys) -> Caller:
    """Who calls with these Authorization headers, of which there may be one.

    Raises:
        NotAuthenticated.
    """
    if len(authorization) > 1:
        raise NotAuthenticated("the header Authorization is given twice; give it once")
    scheme, _, secret = "".join(authorization).partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotAuthenticated("send an API key: “Authorization: Bearer testamur_…”")
    try:
        return keys.caller(secret.strip())
    except ApiKeyUnknown as error:
        raise NotAuthenticated(str(error)) from error


async def _caller(request: Request, scopes: SecurityScopes, _: Annotated[object, Security(_SCHEME)]) -> Caller:
    caller = request.state.caller
    if not isinstance(caller, Caller):
        raise NotAuthenticated("send an API key: “Authorization: Bearer testamur_…”")
    for scope in scopes.scopes:
        if scope not in caller.scopes:
            raise ScopeMissing(scope)
    return caller


MayDefine = Annotated[Caller, Security(_caller, scopes=["define"])]
MayIssue = Annotated[Caller, Security(_caller, scopes=["issue"])]
MayChange = Annotated[Caller, Security(_caller, scopes=["change"])]
MayRead = Annotated[Caller, Security(_caller, scopes=["read"])]
MayAdmin = Annotated[Caller, Security(_caller, scopes=["admin"])]
