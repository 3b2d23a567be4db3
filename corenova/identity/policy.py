"""Who may do what in the identity service. Every route names one of these rules, and only the app asks them.

Changing something and looking at others is for admins; everybody may look at themselves.
"""

from collections.abc import Callable

from corenova.exceptions import Forbidden
from corenova.objects.context import RequestContext

Rule = Callable[[RequestContext, dict[str, str]], bool]

PUBLIC = "public"
ANYONE = "anyone"
ADMIN = "admin"
ADMIN_OR_SELF = "admin_or_self"
ADMIN_OR_IN_PROJECT = "admin_or_in_project"
ADMIN_OR_IN_DOMAIN = "admin_or_in_domain"
ADMIN_OR_SUBJECT = "admin_or_subject"
VALIDATOR_OR_SUBJECT = "validator_or_subject"

RULES: dict[str, Rule] = {
    ANYONE: lambda caller, target: True,
    ADMIN: lambda caller, target: caller.is_admin,
    ADMIN_OR_SELF: lambda caller, target: caller.is_admin or caller.user_id == target["user_id"],
    ADMIN_OR_IN_PROJECT: lambda caller, target: caller.is_admin or caller.project_id == target["project_id"],
    ADMIN_OR_IN_DOMAIN: lambda caller, target: caller.is_admin or caller.domain_id == target["domain_id"],
    # user_id is that of the token in X-Subject-Token.
    ADMIN_OR_SUBJECT: lambda caller, target: caller.is_admin or caller.user_id == target["user_id"],
    VALIDATOR_OR_SUBJECT: lambda caller, target: (
        caller.is_admin or "service" in caller.roles or caller.user_id == target["user_id"]
    ),
}
"""PUBLIC is not here: such a route has no caller."""


def check(rule: str, caller: RequestContext, target: dict[str, str]) -> None:
    """Raise Forbidden unless ``caller`` may do what ``rule`` guards.

    :param target: the ids in the path, and for tokens the ``user_id`` of the subject.
    """
    if not RULES[rule](caller, target):
        raise Forbidden("You are not authorized to perform the requested action.")
