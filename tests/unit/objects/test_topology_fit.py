"""Where a wish fits: tables for the rules, and laws on random hosts and requests."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corenova.objects.topology import (
    CellUse,
    ClaimedCell,
    HostTopology,
    NumaCell,
    PciPool,
    PciRequest,
    PciSpec,
    TopologyClaim,
    TopologyUse,
    TopologyWish,
    WishedCell,
    with_claim,
    without_claim,
)
from corenova.objects.topology_fit import fit, fit_devices, refusal

GPU = PciSpec(vendor_id="10de")


def cell(number=0, *, shared=0, dedicated=4, threads=1, memory_mb=4096, pages=None):
    """Return a cell whose CPUs have numbers from 100 * ``number`` on."""

    def cores(first, count):
        return tuple(tuple(range(at, at + threads)) for at in range(first, first + count, threads))

    base = number * 100
    return NumaCell(
        id=number,
        memory_mb=memory_mb,
        shared=cores(base + 50, shared),
        dedicated=cores(base, dedicated),
        pages=pages or {},
    )


def guest(*sizes, memory_mb=1024, pinned=True, **fields):
    """Return a wish with a cell of each size."""
    cells, first = [], 0
    for size in sizes:
        vcpus = tuple(range(first, first + size))
        cells.append(WishedCell(vcpus=vcpus, memory_mb=memory_mb, dedicated=vcpus if pinned else ()))
        first += size
    return TopologyWish(cells=tuple(cells), **fields)


def gpus(count, policy="legacy"):
    return (PciRequest(alias="gpu", count=count, specs=(GPU,), numa_policy=policy),)


def pool(count, at=None, vendor="10de", bus="01"):
    addresses = tuple(f"0000:{bus}:00.{n}" for n in range(count))
    return PciPool(vendor_id=vendor, product_id="1", addresses=addresses, cell=at)


def host(*cells, pools=(), used=None):
    return HostTopology(cells=cells, pools=tuple(pools), used=used or TopologyUse())


def after(topology, *wishes, **ratios):
    """Return the topology after all these claims."""
    for wish in wishes:
        topology = msgspec.structs.replace(topology, used=with_claim(topology.used, fit(topology, wish, **ratios)))
    return topology


def test_pinned_vcpus_get_cpus_of_one_cell_in_order():
    claim = fit(host(cell(0, dedicated=2), cell(1)), guest(3))
    assert claim == TopologyClaim(cells=(ClaimedCell(cell=1, memory_mb=1024, pins={0: 100, 1: 101, 2: 102}),))


def test_each_cell_of_the_guest_has_a_host_cell_of_its_own():
    topology = host(cell(0), cell(1))
    claim = fit(topology, guest(2, 2))
    assert sorted(claimed.cell for claimed in claim.cells) == [0, 1]
    assert fit(topology, guest(1, 1, 1)) is None
    assert fit(topology, guest(4, 4, memory_mb=4097)) is None


def test_cells_are_matched_whatever_their_order():
    claim = fit(host(cell(0, dedicated=2), cell(1, dedicated=4)), guest(4, 2))
    assert [claimed.cell for claimed in claim.cells] == [1, 0]


def test_fuller_cells_are_filled_first():
    topology = after(host(cell(0), cell(1)), guest(2))
    assert fit(topology, guest(2)).cells[0].cell == 0


def test_cells_with_devices_are_kept_for_who_asks_for_them():
    topology = host(cell(0), cell(1), pools=[pool(1, at=0)])
    assert fit(topology, guest(1)).cells[0].cell == 1
    assert fit(topology, guest(1, devices=gpus(1))).cells[0].cell == 0


def test_shared_vcpus_are_overcommitted_by_the_ratio_and_never_against_themselves():
    topology = host(cell(0, shared=4, dedicated=0))
    once = guest(4, pinned=False, memory_mb=1)
    assert fit(topology, guest(5, pinned=False), cpu_ratio=4.0) is None
    assert fit(after(topology, once), once) is None
    assert fit(after(topology, once, cpu_ratio=2.0), once, cpu_ratio=2.0) is not None
    assert fit(after(topology, once, once, cpu_ratio=2.0), once, cpu_ratio=2.0) is None


def test_mixed_guests_pin_some_and_float_the_rest():
    wish = TopologyWish(cells=(WishedCell(vcpus=(0, 1, 2), memory_mb=64, dedicated=(2,)),))
    (claimed,) = fit(host(cell(0, shared=2, dedicated=1)), wish).cells
    assert (claimed.vcpus, claimed.pins) == ((0, 1), {2: 0})
    assert fit(host(cell(0, shared=1, dedicated=1)), wish) is None


@pytest.mark.parametrize(
    ("policy", "count", "cpus", "blocked"),
    [
        ("prefer", 2, (0, 1), ()),
        ("prefer", 3, (0, 1, 2), ()),
        ("require", 3, (0, 1, 2), ()),
        ("isolate", 2, (0, 2), (1, 3)),
        ("isolate", 3, None, ()),
        ("prefer", 5, None, ()),
    ],
)
def test_thread_policies(policy, count, cpus, blocked):
    claim = fit(host(cell(0, dedicated=4, threads=2)), guest(count, thread_policy=policy))
    if cpus is None:
        assert claim is None
    else:
        assert (tuple(claim.cells[0].pins.values()), claim.cells[0].blocked) == (cpus, blocked)


def test_require_wants_siblings_and_prefer_takes_single_threads_first():
    single, double = host(cell(0)), host(cell(0, threads=2))
    assert fit(single, guest(2, thread_policy="require")) is None
    torn = after(double, guest(1))
    assert fit(torn, guest(1)).cells[0].pins == {0: 1}
    assert fit(torn, guest(3, thread_policy="require")) is None
    assert fit(torn, guest(2, thread_policy="isolate")) is None


@pytest.mark.parametrize(
    ("size", "page_kb"),
    [("small", 4), ("large", 1048576), ("any", 1048576), (2048, 2048), (4, 4), (8192, None), (None, None)],
)
def test_page_sizes(size, page_kb):
    topology = host(cell(0, memory_mb=8192, pages={2048: 1024, 1048576: 2}))
    claim = fit(topology, guest(1, memory_mb=1024, page_size=size))
    if size == 8192:
        assert claim is None
    else:
        assert claim.cells[0].page_kb == page_kb


def test_huge_pages_are_for_who_asks_and_small_ones_for_the_rest():
    topology = host(cell(0, memory_mb=4096, pages={1048576: 2}))
    assert fit(topology, guest(1, memory_mb=3072)) is None
    assert fit(topology, guest(1, memory_mb=3072, page_size="large")) is None
    assert fit(topology, guest(1, memory_mb=1536, page_size="large")) is None  # no whole number of pages
    full = after(topology, guest(1, memory_mb=2048, page_size="large"))
    assert full.used.cells == {0: CellUse(pages={1048576: 2})}
    assert fit(full, guest(1, memory_mb=2048, page_size="any")).cells[0].page_kb == 4


def test_ram_is_overcommitted_only_without_a_page_size():
    topology = after(host(cell(0, memory_mb=4096)), guest(1, memory_mb=4096))
    assert fit(topology, guest(1, memory_mb=4096)) is None
    assert fit(topology, guest(1, memory_mb=4096), ram_ratio=2.0) is not None
    assert fit(topology, guest(1, memory_mb=1024, page_size="small"), ram_ratio=2.0) is None


@pytest.mark.parametrize(
    ("policy", "at", "fits"),
    [
        ("legacy", 0, True),
        ("legacy", None, True),
        ("legacy", 1, False),
        ("required", 0, True),
        ("required", None, False),
        ("required", 1, False),
        ("preferred", 1, True),
        ("preferred", None, True),
    ],
)
def test_devices_are_near_the_guest_as_its_policy_says(policy, at, fits):
    topology = host(cell(0), cell(1, dedicated=0), pools=[pool(1, at=at)])
    assert (fit(topology, guest(1, devices=gpus(1, policy))) is not None) == fits


def test_preferred_devices_come_from_the_guests_cells_when_they_can():
    topology = host(cell(0), cell(1, dedicated=0), pools=[pool(1, at=1, bus="01"), pool(1, at=0, bus="02")])
    claim = fit(topology, guest(1, devices=gpus(1, "preferred")))
    assert [device.address for device in claim.devices] == ["0000:02:00.0"]


def test_a_guest_without_cells_takes_devices_anywhere():
    topology = host(pools=[pool(2, at=1), pool(1, vendor="8086", bus="02")])
    wish = TopologyWish(devices=gpus(1))
    assert topology.free_devices == 3
    full = after(topology, wish, wish)
    assert full.free_devices == 1
    assert fit(full, wish) is None


def test_aliases_that_overlap_never_share_a_device():
    both = (*gpus(1), PciRequest(alias="any", count=1, specs=(PciSpec(),)))
    claim = fit(host(pools=[pool(2)]), TopologyWish(devices=both))
    assert [device.address for device in claim.devices] == ["0000:01:00.0", "0000:01:00.1"]
    assert fit(host(pools=[pool(1)]), TopologyWish(devices=both)) is None


def test_a_host_that_tells_nothing_fits_no_wish():
    assert fit(None, guest(1)) is None
    assert fit_devices(None, gpus(1)) is None


@pytest.mark.parametrize(
    ("topology", "wish", "words"),
    [
        (None, guest(1), "no NUMA cells"),
        (host(cell(0)), guest(1, 1), "NUMA cells: 2 asked, the host has 1"),
        (host(cell(0), pools=[pool(1)]), guest(1, devices=gpus(2)), "PCI alias gpu: 2 asked, 1 free"),
        (host(cell(0), cell(1)), guest(5), "5 asked, at most 4 free"),
        (host(cell(0)), guest(1, memory_mb=9999), "too few CPUs, memory or pages"),
        (host(), TopologyWish(devices=gpus(1)), "PCI alias gpu: 1 asked, 0 free"),
    ],
)
def test_the_reason_names_what_is_short(topology, wish, words):
    assert fit(topology, wish) is None
    sentence = refusal(topology, wish)
    assert words in sentence
    assert sentence.endswith(".")


# Laws.

SETTINGS = settings(max_examples=150, deadline=None)


@st.composite
def topologies(draw):
    cells = [
        cell(
            number,
            shared=draw(st.sampled_from([0, 2, 4])),
            dedicated=draw(st.sampled_from([0, 2, 4])),
            threads=draw(st.sampled_from([1, 2])),
            memory_mb=draw(st.sampled_from([2048, 4096])),
            pages=draw(st.sampled_from([{}, {2048: 256}, {2048: 128, 1048576: 1}])),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    pools = [
        pool(draw(st.integers(1, 2)), at=draw(st.sampled_from([None, 0, 1])), bus=f"0{number}")
        for number in range(draw(st.integers(0, 2)))
    ]
    return host(*cells, pools=pools)


@st.composite
def wishes(draw):
    sizes = draw(st.lists(st.integers(1, 3), max_size=2))
    devices = gpus(draw(st.integers(1, 2)), draw(st.sampled_from(["legacy", "required", "preferred"])))
    return guest(
        *sizes,
        memory_mb=draw(st.sampled_from([64, 512, 1024])),
        pinned=draw(st.booleans()),
        thread_policy=draw(st.sampled_from(["prefer", "isolate", "require"])),
        page_size=draw(st.sampled_from([None, "small", "large", "any", 2048])),
        devices=devices if draw(st.booleans()) or not sizes else (),
    )


@SETTINGS
@given(topology=topologies(), wanted=st.lists(wishes(), max_size=8), ratio=st.sampled_from([1.0, 1.5]))
def test_claims_never_exceed_never_share_and_give_back_what_they_took(topology, wanted, ratio):
    pictures, claims = [topology], []
    for wish in wanted:
        claim = fit(pictures[-1], wish, cpu_ratio=ratio, ram_ratio=ratio)
        if claim is not None:
            assert [len(c.pins) + len(c.vcpus) for c in claim.cells] == [len(c.vcpus) for c in wish.cells]
            assert len({claimed.cell for claimed in claim.cells}) == len(wish.cells)
            assert len(claim.devices) == sum(request.count for request in wish.devices)
            claims.append(claim)
            used = with_claim(pictures[-1].used, claim)
            pictures.append(msgspec.structs.replace(pictures[-1], used=used))
        else:
            assert refusal(pictures[-1], wish).endswith(".")
    check_sums(pictures[-1], claims, ratio)
    for claim in reversed(claims):
        used = without_claim(pictures.pop().used, claim)
        assert used == pictures[-1].used
    assert pictures == [topology]


def check_sums(topology, claims, ratio):
    """Count again what the claims hold, without the functions under test."""
    parts = [claimed for claim in claims for claimed in claim.cells]
    single = Counter(cpu for claimed in parts for cpu in claimed.cpus)
    single.update(device.address for claim in claims for device in claim.devices)
    assert set(single.values()) <= {1}
    for one in topology.cells:
        here = [claimed for claimed in parts if claimed.cell == one.id]
        assert {cpu for claimed in here for cpu in claimed.cpus} <= {cpu for core in one.dedicated for cpu in core}
        assert sum(len(claimed.vcpus) for claimed in here) <= sum(map(len, one.shared)) * ratio
        for size_kb, total in one.pages.items():
            assert sum(claimed.memory_mb * 1024 for claimed in here if claimed.page_kb == size_kb) <= total * size_kb
        small = sum(claimed.memory_mb for claimed in here if claimed.page_kb in (None, 4))
        assert small <= one.small_mb * ratio
    assert set(topology.used.devices) <= {address for p in topology.pools for address in p.addresses}


@SETTINGS
@given(topology=topologies(), wanted=st.lists(wishes(), max_size=6), order=st.randoms())
def test_claims_may_be_given_back_in_any_order(topology, wanted, order):
    used, claims = topology.used, []
    for wish in wanted:
        claim = fit(msgspec.structs.replace(topology, used=used), wish)
        if claim is not None:
            claims.append(claim)
            used = with_claim(used, claim)
    order.shuffle(claims)
    for claim in claims:
        used = without_claim(used, claim)
    assert used == topology.used


@SETTINGS
@given(topology=topologies(), wish=wishes())
def test_what_is_written_is_read_back(topology, wish):
    claim = fit(topology, wish)
    for value in (topology, wish, claim, with_claim(topology.used, claim) if claim else None):
        if value is not None:
            assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
