#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
#
# Proves what scripts/machine makes of recorded exits: tests/machine/, by pytest, with made ones.
set -u

cd "$(dirname "$0")/.." || exit 1
PYTHONDONTWRITEBYTECODE=1 exec "${SETUP_PYTHON:-/usr/bin/python3}" -m pytest --rootdir tests --confcutdir tests --tap \
	-p no:cacheprovider tests/machine "$@"
