"""Webhooks: created, changed and deleted by those who own them. A webhook never sends more than its maker may list."""

from collections.abc import Collection, Container, Sequence
from datetime import timedelta
from typing import TypedDict, cast
from urllib.parse import urlsplit

from peewee import ColumnBase, ModelSelect

from backend.models.database import database
from backend.models.role import ADMIN
from backend.models.user import SERVICE, User
from backend.models.webhook import Webhook
from backend.services.access import audit
from backend.services.access.actors import Actor
from backend.services.access.permissions import USERS_WRITE, has_permission, require_may_give
from backend.services.accounts.service_accounts import get_owner
from backend.services.accounts.users import lock_users
from backend.services.definitions.catalog import Catalog
from backend.services.definitions.policies import has_grant
from backend.services.errors import Conflict, Invalid, NotFound, PreconditionFailed
from backend.services.records.change_cursors import ChangeCursors
from backend.services.storage.feed_reading import read_state
from backend.services.webhooks.fan_out import catch_up
from backend.services.webhooks.secrets import make_secret, webhook_secrets
from backend.services.webhooks.states import WebhookState, state_of
from backend.services.webhooks.targets import NotAllowed, parse_target
from backend.utils.addresses import Network
from backend.utils.clock import utcnow
from backend.utils.problems import Problem

MAX_WEBHOOKS = 50
BOTH_SECRETS_FOR = timedelta(hours=24)


class WebhookParts(TypedDict, total=False):
    """The parts of a webhook: all of a new one, or those to change."""

    name: str
    url: str
    resources: list[str]
    actions: list[str]
    roles: list[str]
    with_data: bool
    active: bool
    created_by: str


def list_webhooks(actor: Actor) -> list[Webhook]:
    """Return the Webhooks of the actor, of everybody for an admin, the newest first.

    With the permission `users:write`, in a session, also those of service accounts of which the actor has all roles. An
    API key sees those whose roles it has: deliveries name records that other roles may not list.
    """
    return list(_visible(actor).order_by(Webhook.id.desc()))


def get_webhook(actor: Actor, webhook_id: str) -> Webhook:
    """Return one of the Webhooks that list_webhooks returns. Raises NotFound if the id is none of theirs."""
    webhook: Webhook | None = _visible(actor).where(Webhook.id == webhook_id).first()
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


def _visible(actor: Actor) -> "ModelSelect[Webhook]":
    if actor.is_admin:
        return Webhook.select()
    is_own = Webhook.created_by == actor.user_id
    if actor.api_key_id is not None:
        return Webhook.select().where(is_own, _has_roles_of(actor, is_own))
    if has_permission(actor, USERS_WRITE):
        of_services = Webhook.created_by.in_(User.select(User.id).where(User.kind == SERVICE))
        return Webhook.select().where(is_own | _has_roles_of(actor, of_services))
    return Webhook.select().where(is_own)


def _has_roles_of(actor: Actor, which: ColumnBase) -> ColumnBase:
    """Return the condition that a webhook is one of these, and that the actor has all its roles."""
    found = Webhook.select(Webhook.id, Webhook.roles).where(which)
    return Webhook.id.in_([each.id for each in found if actor.roles.issuperset(each.roles)])


def create_webhook(actor: Actor, catalog: Catalog, networks: Sequence[Network], parts: WebhookParts) -> WebhookState:
    """Create a webhook, which sends what is changed from now on; return its WebhookState, with the secret.

    It acts for the actor, or for the service account `created_by`. `networks` may be called although they are not
    public. Raises Invalid for a URL that is not allowed, for resources without a feed and those that the roles may not
    list, and for roles that the service account lacks. Raises what require_may_give and get_owner raise, and Conflict
    if there are MAX_WEBHOOKS already.
    """
    owner = get_owner(actor, parts.get("created_by"), member="created_by")
    parts = _without_repeats(parts)
    _require_valid(actor, catalog, networks, parts)
    require_may_give(actor, parts["roles"])
    if owner.kind == SERVICE:
        _require_held(owner, parts["roles"])
    _require_listable(catalog, parts["resources"], Actor(owner.id, roles=frozenset(parts["roles"])))
    secret = make_secret()
    with database.atomic():
        lock_users()  # or two requests could both create the last one
        if Webhook.select().count() >= MAX_WEBHOOKS:
            raise Conflict(f"There are {MAX_WEBHOOKS} webhooks already, and no more are possible; delete one first.")
        sealed, end = webhook_secrets.seal(secret), read_state(parts["resources"]).end
        webhook = Webhook.create(**parts | {"created_by": owner.id}, **end._asdict(), secret=sealed)
        audit.record(actor, "webhook.create", ("webhook", webhook.id), **_audited(parts))
        return state_of(webhook.id, secret)


def update_webhook(
    actor: Actor,
    catalog: Catalog,
    networks: Sequence[Network],
    webhook_id: str,
    changes: WebhookParts,
    if_match: Container[str] | None = None,
) -> WebhookState:
    """Change a webhook, and return its WebhookState. `active: true` also clears the reason why it was switched off.

    Other resources, actions, roles and another account count from now on: what was changed before becomes deliveries
    first.

    `if_match` holds the accepted versions, as texts; None accepts any. Raises NotFound, PreconditionFailed, what
    create_webhook raises, and Invalid for roles that its account lacks.
    """
    changes = _without_repeats(changes)
    if not changes.keys().isdisjoint(("resources", "actions", "roles", "created_by")):
        catch_up(catalog, get_webhook(actor, webhook_id).id)
    with database.atomic():
        webhook = _lock(actor, webhook_id, if_match)
        _require_valid(actor, catalog, networks, changes)
        _require_may_act(actor, catalog, webhook, changes)
        more = {"off_reason": None} if "active" in changes else {}
        if not webhook.resources and changes.get("resources"):  # what was changed meanwhile was of no interest
            more |= read_state(changes["resources"]).end._asdict()
        Webhook.update(Webhook.changed(**changes, **more)).where(Webhook.id == webhook.id).execute()
        audit.record(actor, "webhook.update", ("webhook", webhook.id), **_audited(changes))
        return state_of(webhook.id)


def delete_webhook(actor: Actor, webhook_id: str, if_match: Container[str] | None = None) -> None:
    """Delete a webhook with its deliveries. Raises NotFound and PreconditionFailed as update_webhook does."""
    with database.atomic():
        webhook = _lock(actor, webhook_id, if_match)
        Webhook.delete().where(Webhook.id == webhook.id).execute()
        audit.record(actor, "webhook.delete", ("webhook", webhook.id), name=webhook.name)


def rotate_secret(actor: Actor, webhook_id: str) -> WebhookState:
    """Give a webhook a new secret; return its WebhookState, with the secret.

    The previous one also signs, for BOTH_SECRETS_FOR.
    """
    secret = make_secret()
    with database.atomic():
        webhook = _lock(actor, webhook_id, None)
        changed = Webhook.changed(
            secret=webhook_secrets.seal(secret),
            previous_secret=webhook.secret,
            previous_until=utcnow() + BOTH_SECRETS_FOR,
        )
        Webhook.update(changed).where(Webhook.id == webhook.id).execute()
        audit.record(actor, "webhook.rotate_secret", ("webhook", webhook.id), name=webhook.name)
        return state_of(webhook.id, secret)


def replay(actor: Actor, catalog: Catalog, webhook_id: str, after: str) -> None:
    """Let a webhook continue after a cursor of the feed of its resources, or of one of them.

    Raises NotFound, Malformed for other cursors, Expired if changes after it have been deleted, and Conflict if the
    webhook has no resources.
    """
    with database.atomic():
        webhook = _lock(actor, webhook_id, None)
        if not webhook.resources:
            raise Conflict("The webhook has no resources.")
        position = ChangeCursors(catalog.catalogs.cursor_serializer, webhook.resources).read(after)
        Webhook.update(position._asdict()).where(Webhook.id == webhook.id).execute()
        audit.record_repeated(actor, "webhook.replay", ("webhook", webhook.id))


def _lock(actor: Actor, webhook_id: str, if_match: Container[str] | None) -> Webhook:
    """Return the Webhook, which no other transaction changes until this one ends."""
    query = database.lock_for_update(_visible(actor).where(Webhook.id == webhook_id))
    webhook: Webhook | None = query.first()
    if webhook is None:
        raise NotFound("There is no such webhook.")
    if if_match is not None and str(webhook.version) not in if_match:
        raise PreconditionFailed("The webhook has changed since you read it; read it again.")
    return webhook


def _without_repeats(parts: WebhookParts) -> WebhookParts:
    unique = {name: sorted(set(value)) if isinstance(value, list) else value for name, value in parts.items()}
    return cast(WebhookParts, unique)


def _require_valid(actor: Actor, catalog: Catalog, networks: Sequence[Network], changes: WebhookParts) -> None:
    """Raise Invalid for a URL that may not be called, and for resources that have no feed or are hidden."""
    problems: dict[str, list[Problem]] = {}
    if "url" in changes:
        try:
            parse_target(changes["url"], networks)
        except NotAllowed as error:
            problems["url"] = [Problem("not_allowed", str(error))]
    if found := _resource_problems(actor, catalog, changes.get("resources", ())):
        problems["resources"] = found
    if problems:
        raise Invalid(problems)


def _resource_problems(actor: Actor, catalog: Catalog, names: Sequence[str]) -> list[Problem]:
    known = [name for name in names if name in catalog and has_grant(catalog[name], "list", actor)]
    unknown = sorted(set(names).difference(known))
    silent = sorted(name for name in known if not catalog[name].has_feed)
    found = []
    if unknown:
        found.append(Problem("not_found", f"You may list no resource {' and no '.join(unknown)}.", names=unknown))
    if silent:
        text = f"No feed, because the definition lacks `feed: true`: {', '.join(silent)}."
        found.append(Problem("not_allowed", text, names=silent))
    return found


def _require_listable(catalog: Catalog, resources: Sequence[str], reader: Actor) -> None:
    """Raise Invalid if the maker of a webhook, with its roles alone, may list no records of one of the resources."""
    if names := sorted(name for name in resources if name in catalog and not has_grant(catalog[name], "list", reader)):
        text = f"The roles of the webhook may not list {', '.join(names)}."
        raise Invalid({"roles": [Problem("not_allowed", text, names=names)]})


def _require_may_act(actor: Actor, catalog: Catalog, webhook: Webhook, changes: WebhookParts) -> None:
    """Raise what create_webhook raises if the webhook may not act for its account, or another one, with its roles."""
    roles, resources = changes.get("roles", webhook.roles), changes.get("resources", webhook.resources)
    maker_id = changes.get("created_by", webhook.created_by)
    if maker_id != webhook.created_by:
        get_owner(actor, maker_id, member="created_by")
    if "roles" in changes or maker_id != webhook.created_by:
        require_may_give(actor, roles)
        _require_held(User.get_or_none(User.id == maker_id), roles)
    if changes.keys() & {"roles", "resources", "created_by"}:
        _require_listable(catalog, resources, Actor(maker_id, roles=frozenset(roles)))


def _require_held(maker: User | None, roles: Collection[str]) -> None:
    """Raise Invalid if the account of a webhook lacks one of the roles, which would mean nothing then."""
    held = maker.roles() if maker else []
    if lacking := [] if ADMIN in held else sorted(set(roles).difference(held)):
        text = f"The maker of the webhook does not have {', '.join(lacking)}."
        raise Invalid({"roles": [Problem("not_allowed", text, names=lacking)]})


def _audited(parts: WebhookParts) -> dict[str, object]:
    """Return the details of parts for the audit trail, whose readers do not see URLs: some contain a secret."""
    details = {name: value for name, value in parts.items() if name != "url"}
    return details | ({"host": urlsplit(parts["url"]).hostname} if "url" in parts else {})
