#!/bin/sh
# Starts the fine-tuning of this sample from a pretrained model.
# BatchNorm gets its statistics from that file and never updates them.
set -eu
cd "$(dirname "$0")"
caffe train --solver=solver.prototxt --weights=pretrained_small_resnet.caffemodel
