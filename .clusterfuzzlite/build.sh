#!/bin/bash -eu
# SPDX-License-Identifier: BSD-3-Clause
exec bash -eu "$SRC/virtio-anvil/ci/oss-fuzz/build.sh"
