"""How commands show a decision."""

from corenova.cmd.manage import decision_view
from corenova.cmd.manage.output import Output
from corenova.objects.decision import Decision, Refusal, Remedy, StageResult

PLACED = Decision(
    host="h1",
    stages=(StageResult("Capacity", 40, 30), StageResult("GroupFilter", 3, 1, lazily=True)),
    weights={"RAMWeigher": 0.5, "total": 0.5},
    alternates=(("h2", "nova"),),
    candidates=30,
    revision=7,
)
NOWHERE = Decision(
    host=None,
    stages=(StageResult("Capacity", 6, 0),),
    refusals=(Refusal("Capacity", "1 VCPU free, 2 asked", tuple(f"h{n}" for n in range(6))),),
    remedies=(Remedy(kind="zone", sentence="Elsewhere.", zone="east", host_names=("h1",)),),
    summary="No valid host was found.",
)


def shown(capsys, decision):
    decision_view.show(decision, Output(as_json=False))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_where_it_is_and_how_many_hosts_were_looked_at(capsys):
    lines = shown(capsys, PLACED)
    assert lines[:2] == ["Chosen: h1, of 30 candidates, at revision 7", "Alternates: h2 (nova)"]
    assert "Capacity 40 30 ########.. 30/40" in lines
    assert "GroupFilter evaluated on 3 1 ###....... 1/3" in lines
    assert "RAMWeigher 0.5" in lines


def test_why_it_is_nowhere_and_what_would_help(capsys):
    lines = shown(capsys, NOWHERE)
    assert lines[0] == "No valid host was found."
    assert "Elsewhere. zone h1" in lines
    assert "Capacity 1 VCPU free, 2 asked 6 h0, h1, h2, h3, ..." in lines


def test_json_has_names_for_all_fields():
    told = decision_view.described(NOWHERE)
    assert told["remedies"][0]["zone"] == "east"
    assert told["refusals"][0]["hosts"] == ("h0", "h1", "h2", "h3", "h4", "h5")
    assert told["rejections"][5] == {"host": "h5", "stage": "Capacity", "reason": "1 VCPU free, 2 asked"}
