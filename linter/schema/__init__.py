"""Trees against a protobuf schema: which fields exist, what they mean, which kind a file is.

Descriptor sets are read into private pools, since the user's own ``caffe_pb2`` may live in the same
process.
"""
