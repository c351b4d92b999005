#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, longest
#
# Proves what becomes of results (scripts/rdpmc_results): tests/results/, by pytest.
set -u

# The distribution's interpreter: the one that has the distribution's SciPy and pytest.
python=${SETUP_PYTHON:-/usr/bin/python3}
export PYTHONDONTWRITEBYTECODE=1
exec "$python" -m pytest --rootdir tests --confcutdir tests --tap -p no:cacheprovider \
	-o faulthandler_timeout=300 tests/results "$@"
