"""What the user does not want to hear of: comments that ignore findings, and the baseline.

All of it works on a finished report, and knows neither Caffe nor any rule.
"""
