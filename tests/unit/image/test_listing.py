"""Query strings of image lists, apart from any database."""

from corenova.image.listing import understand
from corenova.objects.context import RequestContext

CALLER = RequestContext(request_id="", user_id="u", project_id="p", roles=("member",))


def test_the_page_is_bounded():
    assert understand({}, CALLER, max_limit=1000).limit == 25
    assert understand({"limit": ["5000"]}, CALLER, max_limit=1000).limit == 1000


def test_what_it_does_not_know_is_a_property():
    asked = understand({"hw_x": ["1"], "name": ["a"], "sort_dir": ["asc"]}, CALLER, max_limit=10)
    assert (asked.properties, asked.one_of) == ({"hw_x": "1"}, {"name": ("a",), "os_hidden": (False,)})
    assert asked.sort == (("created_at", False),)


def test_the_caller_decides_what_can_be_seen():
    asked = understand({}, CALLER, max_limit=10)
    assert (asked.project_id, asked.is_admin, asked.visibility) == ("p", False, None)
