"""The services beside compute, as whoever changes a server is handed them: one value instead of two arguments."""

from typing import NamedTuple

from corenova.contracts.image import ImageBackend
from corenova.contracts.network import NetworkBackend


class Backends(NamedTuple):
    """Where images and ports come from, and are given back to."""

    images: ImageBackend
    networks: NetworkBackend
