"""Characters only: protobuf text format into a lossless tree with spans. No Caffe in here."""
