"""What Caffe does with a net and a solver: layers kept, blobs connected, parameters learned.

Nothing here prints, and nothing here decides whether something is bad; what is impossible becomes
a ``Problem``.
"""
