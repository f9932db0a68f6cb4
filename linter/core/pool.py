"""protobuf's descriptors, for the few runs that need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool


def pool_of(*descriptor_sets: bytes) -> DescriptorPool:
    """The files of descriptor sets, in a pool that nobody else uses.

    Raises:
        TypeError: for files that contradict each other.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool

    pool = descriptor_pool.DescriptorPool()
    for content in descriptor_sets:
        for file in descriptor_pb2.FileDescriptorSet.FromString(content).file:
            pool.Add(file)
    return pool
