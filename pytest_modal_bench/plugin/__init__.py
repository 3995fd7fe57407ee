"""All that knows pytest. `benchmark` alone knows pytest-benchmark, `xdist` alone knows pytest-xdist."""
