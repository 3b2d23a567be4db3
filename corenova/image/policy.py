"""Rules of the image API, under Glance's names; the enforcer is the one of the compute API (corenova/policy.py).

Which images a caller sees at all is not decided here but by the store, so a stranger's image is *not found* whatever
the rules say. The target of a rule is the owner of the image, of a member's rule the member.
"""

from oslo_policy import policy as oslo

from corenova.policy import ADMIN, MEMBER

PUBLIC = "public"
"""In the place of a rule: no token is asked for."""
_SEE = "role:reader or rule:context_is_admin"
_IMAGE = "/v2/images/{image_id}"
_MEMBERS = _IMAGE + "/members"
_TABLE: tuple[tuple[str, str, str, str], ...] = (
    ("get_images", _SEE, "List images, and read the schemas.", "GET /v2/images"),
    ("get_image", _SEE, "Show an image that can be seen.", f"GET {_IMAGE}"),
    ("download_image", _SEE, "Read the bytes of an image that can be seen.", f"GET {_IMAGE}/file"),
    ("add_image", MEMBER, "Create an image.", "POST /v2/images"),
    ("modify_image", MEMBER, "Change an image and its tags.", f"PATCH {_IMAGE}"),
    ("upload_image", MEMBER, "Upload the bytes of an image.", f"PUT {_IMAGE}/file"),
    ("delete_image", MEMBER, "Delete an image.", f"DELETE {_IMAGE}"),
    ("publicize_image", ADMIN, "Show an image to all projects.", f"PATCH {_IMAGE}"),
    ("communitize_image", MEMBER, "Let all projects use an image that they know.", f"PATCH {_IMAGE}"),
    ("deactivate", MEMBER, "Keep everybody from using an image.", f"POST {_IMAGE}/actions/deactivate"),
    ("reactivate", MEMBER, "Let an image be used again.", f"POST {_IMAGE}/actions/reactivate"),
    ("get_members", _SEE, "List with whom an image is shared.", f"GET {_MEMBERS}"),
    ("get_member", _SEE, "Show a project with which an image is shared.", f"GET {_MEMBERS}/{{member_id}}"),
    ("add_member", MEMBER, "Share an image.", f"POST {_MEMBERS}"),
    ("delete_member", MEMBER, "No longer share an image.", f"DELETE {_MEMBERS}/{{member_id}}"),
    ("modify_member", MEMBER, "Accept or reject a shared image.", f"PUT {_MEMBERS}/{{member_id}}"),
)


def list_rules() -> list[oslo.RuleDefault]:
    """Return every rule of the image API (entry point oslo.policy.policies)."""
    rules = []
    for name, check, description, operation in _TABLE:
        method, path = operation.split(" ", 1)
        operations = [{"method": method, "path": path}]
        rules.append(oslo.DocumentedRuleDefault(name, check, description, operations, scope_types=["project"]))
    return rules
