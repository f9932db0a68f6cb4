"""What a Caffe training log tells: runs, their series, and the solver and nets they echo."""
