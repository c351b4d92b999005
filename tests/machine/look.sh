# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the emulated machine: what a user would do on a new host, each program's status into "status".
# $1 is how long rdpmc-bench may measure, $2 how many random cases rdpmc-diff tries.
status()
{
	"$@" >"$out" 2>&1
	echo "$out $?" >>status
}
out=perf status ./perf-test
out=doctor status rdpmc-bench doctor -v
out=list status rdpmc-bench list
out=nested status rdpmc-bench nested
out=run status rdpmc-bench run --seed 1 --runs 2 --time "$1" --json result.json
out=diff status rdpmc-diff run --engine kvm corpus/seeds
if [ -e kernel.so ]; then
	out=same status rdpmc-diff run --engine kvm --engine ./kernel.so corpus/seeds --random="$2" --seed 1
fi
out=random status rdpmc-diff run --engine kvm --random="$2" --seed 1
