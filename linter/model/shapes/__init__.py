"""What each layer type makes of its bottoms' shapes: top shapes, learned blobs, refusals.

One function per layer type or family, after the type's ``LayerSetUp`` and ``Reshape`` in Caffe. A
size that only the data decides is None, and no check that depends on it is made.
"""
