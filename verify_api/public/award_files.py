"""The files that stand behind a code: its QR code, its proof, its credential file and the badges that carry it.

Each is of one version. Where there is none to give, the answer is the verdict that says why, or a refusal.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from fastapi import Request
from starlette.responses import Response

from ledger.domain.codes import format_link_code
from ledger.vc.baking import bake_png, bake_svg
from ledger.verification.verdict import NOTHING_SHOWN, Verdict
from verify_api.public.answers import Answers, status_of
from verify_api.public.badge import BadgeImages, face_of
from verify_api.public.links import ScannedCode, link_url
from verify_api.public.negotiation import credential_type, wants_json
from verify_api.public.qr import qr_png, qr_svg
from verify_api.public.scanner import CredentialFile, Scanner, Site

_SVG, _PNG = "image/svg+xml", "image/png"
_IMAGES: Mapping[str, tuple[Callable[[str], bytes], str]] = {"qr.svg": (qr_svg, _SVG), "qr.png": (qr_png, _PNG)}
PROOF: Final = "proof"
CREDENTIAL: Final = "credential.json"
BADGES: Mapping[str, str] = {"badge.svg": _SVG, "badge.png": _PNG}
FILES: Final = frozenset((*_IMAGES, PROOF, CREDENTIAL, *BADGES))

# The same of every award, so that the names tell nothing.
_PROOF_NAME, _CREDENTIAL_NAME = "award.testamur-proof.json", "award.credential.json"
_PROOF_WAIT = 2  # seconds: publications follow each other faster


class AwardFiles:
    """Answers with files; each reads one snapshot through the scanner."""

    def __init__(self, scanner: Scanner, site: Site, answers: Answers) -> None:
        self._scanner = scanner
        self._site = site
        self._answers = answers
        self._badges = BadgeImages()

    def answer(self, request: Request, file: str, scanned: ScannedCode | None) -> Response:
        """The file of that name, one of `FILES`.

        Args:
            scanned: None where the path holds no code, or no version, that there could be.
        """
        code = "" if scanned is None else format_link_code(scanned.code)
        version = None if scanned is None else scanned.version
        if file in _IMAGES:
            return self._qr(request, scanned, self._scanner.scan(code, version), *_IMAGES[file])
        if file == PROOF:
            return self._proof(request, self._scanner.proof(code, version))
        found = self._scanner.credential_file(code, version)
        if isinstance(found, Verdict):
            return self._no_credential(request, found, json=file == CREDENTIAL)
        return self._credential(request, found) if file == CREDENTIAL else self._badge(file, found)

    def _qr(
        self,
        request: Request,
        scanned: ScannedCode | None,
        verdict: Verdict,
        draw: Callable[[str], bytes],
        media_type: str,
    ) -> Response:
        if scanned is None or status_of(verdict) is not HTTPStatus.OK:
            return self._verdict(request, verdict)
        link = link_url(self._site.base_url, scanned.code, scanned.version or 1)
        return self._answers.plain(draw(link), media_type)

    def _proof(self, request: Request, found: bytes | Verdict | None) -> Response:
        if found is None:
            wait = _PROOF_WAIT
            return self._answers.refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, "no_proof_yet", retry_after=wait)
        if isinstance(found, bytes):
            return self._attached(found, "application/json", _PROOF_NAME)
        response = self._verdict(request, found)
        if response.status_code == HTTPStatus.OK:  # a verdict, but no proof of it
            response.status_code = HTTPStatus.NOT_FOUND
        return response

    def _credential(self, request: Request, found: CredentialFile) -> Response:
        if found.document is None:
            return self._answers.refusal(request, HTTPStatus.NOT_FOUND, "no_credential")
        media_type = credential_type(request.headers.get("accept"))
        return self._attached(found.document, media_type, _CREDENTIAL_NAME)

    def _badge(self, file: str, found: CredentialFile) -> Response:
        face, media_type = face_of(found.badge), BADGES[file]
        if media_type == _SVG:
            return self._answers.plain(bake_svg(self._badges.svg(face), found.badge), media_type)
        return self._answers.plain(bake_png(self._badges.png(face), found.badge), media_type)

    def _no_credential(self, request: Request, verdict: Verdict, *, json: bool) -> Response:
        if verdict.award is not None and verdict.state not in NOTHING_SHOWN:
            return self._answers.refusal(request, HTTPStatus.NOT_FOUND, "no_credential")
        response = self._verdict(request, verdict, json=json)
        if response.status_code == HTTPStatus.OK:
            response.status_code = HTTPStatus.NOT_FOUND
        return response

    def _attached(self, content: bytes, media_type: str, name: str) -> Response:
        response = self._answers.plain(content, media_type)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def _verdict(self, request: Request, verdict: Verdict, *, json: bool = False) -> Response:
        json = json or wants_json(request.headers.get("accept"))
        return self._answers.verdict(request, verdict, json=json, addresses=None)
