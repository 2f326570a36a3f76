"""Seeds the demo through the public API; every command has a fixed idempotency key, so seeding again completes it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from ledger.adapters.home import Home, replace_file
from ledger.canonical import Json
from ledger.domain.types import Did
from ledger.domain.values import BadValue, parse_date
from verify_api.cli.client import Changing, Client, path_of
from verify_api.cli.demo_awards import DemoAward, around_the_theft, awards, lapsed
from verify_api.cli.demo_stacks import PATHWAYS, DemoStack, stacks
from verify_api.cli.demo_wording import BODY, DEFINITIONS, MENTAL_HEALTH_CORRECTED, PROFILES, SCHEME, Wording
from verify_api.cli.errors import WrongUsage
from verify_api.issuer.answers import AchievementReceipt, IssuerList, IssuerReceipt, KeyList, KeyReceipt, ReceiptModel
from verify_api.public.schemas import VerdictModel

_RECOGNISED = ("maplewood", "lakeside", "northgate")  # brightline never was


class Seeding:
    """The commands that make the demo, counted from the day on which it was begun."""

    def __init__(self, client: Client, home: Home, today: date) -> None:
        self._client = client
        self._home = home
        self._today = today

    def past(self) -> None:
        """Send what was recorded `PAST` days before that day."""
        self._issuers()
        self._define("achievements", DEFINITIONS)
        self._issue(lapsed(self._today))

    def present(self) -> list[dict[str, Json]]:
        """Send everything else; each award with its link and verdict, as `demo.json` lists them."""
        before, after = around_the_theft(self._today)
        made = {before.key: self._issue(before), after.key: self._issue(after)}
        self._report_theft(made[after.key].position)
        listed = awards(self._today)
        for award in listed:
            made[award.key] = self._issue(award)
        self._client.change(
            path_of("achievements", "mental-health-in-care", "versions"),
            MENTAL_HEALTH_CORRECTED,
            AchievementReceipt,
            query={"issuer": "maplewood"},
            changing=_once("revise-mental-health"),
        )
        for award in listed:
            self._act(award, made[award.key])
        self._end_recognition()
        lines = [self._line(award, made[award.key], award.version) for award in (*listed, before, after)]
        return [*self._stacks(), *lines]

    def _issuers(self) -> None:
        dids: dict[str, str] = {}
        for slug, profile in PROFILES.items():
            body: dict[str, Json] = {"slug": slug, "profile": profile}
            receipt = self._client.change(path_of("issuers"), body, IssuerReceipt, changing=_once(f"register-{slug}"))
            dids[slug] = receipt.did
        settings = self._home.settings(environment=False)
        if Did(dids[BODY]) not in settings.registries:
            self._home.write_settings(replace(settings, registries=(*settings.registries, Did(dids[BODY]))))
        since = self._day(2000)
        for slug in _RECOGNISED:
            recognition: dict[str, Json] = {"by": BODY, "scheme": SCHEME, "since": since}
            path = path_of("issuers", slug, "recognitions")
            self._client.change(path, recognition, IssuerReceipt, changing=_once(f"recognise-{slug}"))

    def _define(self, kind: str, wordings: Mapping[str, Sequence[Wording]]) -> None:
        for issuer, definitions in wordings.items():
            for definition in definitions:
                self._client.change(
                    path_of(kind),
                    definition,
                    AchievementReceipt,
                    query={"issuer": issuer},
                    changing=_once(f"define-{definition['slug']}"),
                )

    def _stacks(self) -> list[dict[str, Json]]:
        self._define("pathways", PATHWAYS)
        return [self._stack(stack) for stack in stacks(self._today)]

    def _stack(self, stack: DemoStack) -> dict[str, Json]:
        made = {part.key: self._issue(part) for part in stack.parts}
        body: dict[str, Json] = {"student_number": stack.student_number, "pathway": stack.pathway, **stack.more}
        query, changing = {"issuer": stack.issuer}, _once(f"stack-{stack.key}")
        receipt = self._client.change(path_of("stacks"), body, ReceiptModel, query=query, changing=changing)
        for part in stack.parts:
            self._act(part, made[part.key])
        return self._line(stack, receipt)

    def _issue(self, award: DemoAward) -> ReceiptModel:
        return self._client.change(
            path_of("credentials"),
            award.row,
            ReceiptModel,
            query={"issuer": award.issuer},
            changing=_once(f"issue-{award.key}"),
        )

    def _act(self, award: DemoAward, made: ReceiptModel) -> None:
        for act, body in award.acts:
            path = path_of("credentials", made.credential_id, act)
            self._client.change(path, body, ReceiptModel, changing=_once(f"{act}-{award.key}"))

    def _report_theft(self, position: int) -> None:
        """A new key first, so that the issuer can go on; then what the old one signed from `position` is disowned."""
        keys = path_of("issuers", "lakeside", "keys")
        new = self._client.change(keys, {"role": "signing"}, KeyReceipt, changing=_once("new-key-lakeside"))
        found = self._client.get(keys, KeyList).keys
        stolen = next(key.kid for key in found if key.role == "signing" and key.kid != new.kid)
        path = path_of("issuers", "lakeside", "keys", stolen, "compromised")
        body: dict[str, Json] = {"from_position": position}
        self._client.change(path, body, KeyReceipt, changing=_once("stolen-key-lakeside"))

    def _end_recognition(self) -> None:
        body: dict[str, Json] = {"by": BODY, "scheme": SCHEME, "until": self._day(90)}
        path = path_of("issuers", "northgate", "recognitions", "end")
        self._client.change(path, body, IssuerReceipt, changing=_once("end-northgate"))

    def _line(self, award: DemoAward | DemoStack, made: ReceiptModel, version: int = 1) -> dict[str, Json]:
        suffix = f"/{version}" if version > 1 else ""
        verdict = self._client.verdict(f"/c/{made.code}{suffix}", VerdictModel)
        return {
            "scenario": award.scenario,
            "title": award.title,
            "code": made.code,
            "url": made.url + suffix,
            "verdict": verdict.verdict,
            "credential_id": made.credential_id,
        }

    def _day(self, days_ago: int) -> str:
        return (self._today - timedelta(days=days_ago)).isoformat()


def begin(home: Home, client: Client, today: date) -> date:
    """The day the demo in this home was begun: today if that is now, so that a later call sends the same commands.

    Raises:
        WrongUsage: the ledger in this home is not the demo's.
    """
    marker = home.folder / "demo-day"
    try:
        return parse_date(marker.read_text("ascii").strip())
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, BadValue) as error:
        raise WrongUsage(f"{marker} cannot be read: {error}") from error
    if client.get(path_of("issuers"), IssuerList).issuers:
        raise WrongUsage(f"the ledger in {home.folder} is not the demo's; name another folder with --home")
    replace_file(marker, f"{today.isoformat()}\n".encode("ascii"), mode=0o600)
    return today


def _once(name: str) -> Changing:
    return Changing(idempotency_key=f"demo-{name}")
