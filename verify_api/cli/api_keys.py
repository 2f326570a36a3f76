"""`testamur api-key …`: who may call the issuer's API."""

from typing import Annotated

import typer

from ledger.application.api_keys import SCOPES
from ledger.canonical import Json
from verify_api.cli.client import Changing, document, path_of
from verify_api.cli.run import IdempotencyOption, Run, command
from verify_api.issuer.answers import ApiKeyCreated, ApiKeyList

app = typer.Typer(help="Keys to the issuer's API.", no_args_is_help=True)


@command(app, "create", waits=False)
def create(
    run: Run,
    scopes: Annotated[
        list[str],
        typer.Option("--scope", help=f"What it may do, separated by commas: {', '.join(SCOPES)}."),
    ],
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    issuer: Annotated[str | None, typer.Option("--issuer", help="Whose it is; absent: the operator's.")] = None,
    idempotency_key: IdempotencyOption = None,
) -> None:
    """Make an API key; it is told once."""
    asked: list[Json] = [scope.strip() for each in scopes for scope in each.split(",") if scope.strip()]
    body: dict[str, Json] = {"scopes": asked, "label": label, "issuer": issuer}
    with run.client() as client:
        made = client.change(
            path_of("api-keys"), body, ApiKeyCreated, changing=Changing(idempotency_key=idempotency_key)
        )
    run.output.say("Keep this key: it is not told again.")
    done = f"the API key {made.id} is made, and can be revoked"
    run.output.result(document(made), [f"id   {made.id}", f"key  {made.key}"], done=done)


@command(app, "list")
def list_all(run: Run) -> None:
    """List API keys, oldest first; the keys themselves are not kept."""
    with run.client() as client:
        found = client.get(path_of("api-keys"), ApiKeyList)
    rows = [
        (
            key.id,
            key.issuer or "operator",
            " ".join(key.scopes),
            key.label,
            key.created_at,
            f"revoked {key.revoked_at}" if key.revoked_at else "in use",
        )
        for key in found.api_keys
    ]
    run.output.table(document(found), ("id", "issuer", "scopes", "label", "made", "state"), rows)


@command(app, "revoke")
def revoke(run: Run, key_id: Annotated[str, typer.Argument(metavar="ID", help="From `api-key list`.")]) -> None:
    """Let an API key open nothing any more, at once."""
    with run.client() as client:
        client.delete(path_of("api-keys", key_id))
    said: dict[str, Json] = {"id": key_id, "revoked": True}
    run.output.result(said, [f"the API key {key_id} opens nothing any more"])
