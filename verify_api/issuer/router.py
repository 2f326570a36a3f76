"""Every route of the issuer's API on one router."""

from fastapi import APIRouter

from verify_api.issuer.context import Context
from verify_api.issuer.intake import strict_route
from verify_api.issuer.routes.achievements import AchievementRoutes
from verify_api.issuer.routes.api_keys import ApiKeyRoutes
from verify_api.issuer.routes.batch import BatchRoutes
from verify_api.issuer.routes.changes import ChangeRoutes
from verify_api.issuer.routes.credentials import CredentialRoutes
from verify_api.issuer.routes.issuers import IssuerRoutes
from verify_api.issuer.routes.keys import KeyRoutes
from verify_api.issuer.routes.learners import LearnerRoutes
from verify_api.issuer.routes.log_keys import LogKeyRoutes
from verify_api.issuer.routes.pathways import PathwayRoutes
from verify_api.issuer.routes.projections import ProjectionRoutes
from verify_api.issuer.routes.stacks import StackRoutes
from verify_api.issuer.routes.vc import PREFIX as VC_PREFIX
from verify_api.issuer.routes.vc import VcRoutes
from verify_api.services import Services

PREFIX = "/api/v1"


def issuer_router(services: Services) -> APIRouter:
    """The routes under /api/v1. All handlers run on one event loop."""
    context = Context(services)
    route_class = strict_route(services.ledger.api_keys, services.ledger.published)
    groups = (  # in the order in which a path is compared with them: what is asked for most stands first
        ("credentials", (BatchRoutes(context), CredentialRoutes(context), ChangeRoutes(context))),
        ("issuers", (IssuerRoutes(context), KeyRoutes(context))),
        ("achievements", (AchievementRoutes(context),)),
        ("pathways", (PathwayRoutes(context), StackRoutes(context))),
        ("learners", (LearnerRoutes(context),)),
        ("api keys", (ApiKeyRoutes(context),)),
        ("log", (LogKeyRoutes(context),)),
        ("projections", (ProjectionRoutes(context),)),
    )
    whole = APIRouter()
    for tag, members in groups:
        router = APIRouter(prefix=PREFIX, route_class=route_class, tags=[tag])
        for member in members:
            member.add_to(router)
        whole.include_router(router)
    # The one path outside /api/v1, as other software asks for it.
    router = APIRouter(prefix=VC_PREFIX, route_class=route_class, tags=["vc-api"])
    VcRoutes(context).add_to(router)
    whole.include_router(router)
    return whole
