"""A cloud per test; the invariant checker runs when the test is over."""

import pytest

from corenova.testing.cloud import Cloud


@pytest.fixture
def make_cloud(tmp_path):
    """Give a function that makes and starts clouds with their own ini; each is audited and stopped at the end."""
    clouds = []

    def make(ini=None, *, path=None):
        cloud = Cloud(path or tmp_path / f"cloud{len(clouds)}", ini)
        cloud.__enter__()
        clouds.append(cloud)
        return cloud

    yield make
    try:
        for cloud in clouds:
            if cloud.running:
                cloud.wait_settled()
                assert cloud.findings() == []
    finally:
        for cloud in clouds:
            cloud.__exit__()


@pytest.fixture
def cloud(make_cloud):
    """A cloud with the default ini (20 fake hosts) and short intervals."""
    return make_cloud()
