# SPDX-License-Identifier: GPL-2.0-or-later
# Read by test scripts that want a real kernel's tree, never fetched for them, and engines of their own.
# shellcheck shell=sh

# The newest tree in the cache that find(1) takes by these conditions; nothing where there is none.
cached_tree() # CONDITION...
{
	kernels=$(scripts/kernel-tree --list 2>/dev/null | sed -n 's/^Trees in \(.*\):$/\1/p')
	find "${kernels:-/nonexistent}" -maxdepth 1 -type d "$@" 2>/dev/null | sort -V | tail -n 1
}

# rdpmc-diff in $dir/bin: engines are found beside it, and known differences in $RDPMC_KNOWN.
own_programs()
{
	mkdir "$dir/bin" && ln -s "$(pwd)/fuzz/oracle/known" "$dir/known" && cp "${BUILD:-build}/rdpmc-diff" "$dir/bin/" || exit 1
	RDPMC_KNOWN=$dir/known
	export RDPMC_KNOWN
}
