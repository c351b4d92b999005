#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/prove_mutations.sh TREE [BUG...]: each of tests/kernel_edit.py's bugs in a copy of the tree must be refuted by
# a case that reproduces natively. A command and no test: a bug takes minutes.
set -u
cd "$(dirname "$0")/.." || exit 2
[ $# -ge 1 ] && [ -d "$1" ] || { echo "usage: tests/prove_mutations.sh TREE [BUG...]" >&2; exit 2; }
tree=$1
shift
[ $# -gt 0 ] || set -- bound-off-by-one index-mask-dropped type-mask-too-small width-ignored permission-inverted \
	cpl-forgotten pe-forgotten amd-index-masked exit-forgets-rdx intercept-gp-count
copy=$(mktemp -d "$(dirname "$tree")/mutation.XXXXXX") || exit 2
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM
bad=0
for bug; do
	rm -rf "$copy/tree"
	# Links: an edit makes a new file.
	cp -al "$tree" "$copy/tree" && tests/kernel_edit.py "$copy/tree" "$bug" || exit 2
	begun=$(date +%s)
	scripts/prove --build "${BUILD:-build}" --no-classes --name "mutation-$bug" --kernel "$copy/tree" >"$copy/out" 2>"$copy/err"
	status=$?
	verdict=ok
	[ $status -eq 1 ] || { verdict=BAD bad=1; }
	echo "$verdict $bug: status $status, $(($(date +%s) - begun)) s"
	grep -E '^(REFUTED|VOID)|natively' "$copy/out" | cut -c 1-150
	[ $status -le 1 ] || tail -n 3 "$copy/err"
done
exit $bad
