#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Proves that a KVM that gives no guest is reported in one line, with what to do, and exit status 77.
set -u
bench=${BUILD:-build}/rdpmc-bench
# shellcheck source=tests/checks.sh
. tests/checks.sh

run() { # SHIM, arguments of rdpmc-bench; sets $status
	shim=$1
	shift
	LD_PRELOAD="$dir/shim.so" SHIM=$shim SHIM_AFTER=0 SHIM_EVERY=1 "$bench" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
refused() { # one line on standard error that holds the text
	[ $status -eq 77 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] && grep -qF -e "$1" "$dir/err"
}

if ! "$bench" list >"$dir/out" 2>"$dir/err"; then
	skip "no guest" "$(cat "$dir/err")"
	finish
fi
if ! ${CC:-gcc} -shared -fPIC -o "$dir/shim.so" tests/kvm_shim.c -ldl 2>"$dir/err"; then
	skip "no guest" "no compiler for tests/kvm_shim.c"
	finish
fi

run vm-busy run --quick
check "another hypervisor: one line with what to do, exit 77" refused \
	"KVM_CREATE_VM: Device or resource busy; another hypervisor (VirtualBox, VMware) uses VMX or SVM: stop its VMs"
run vm-busy doctor
check "... and the doctor says so of both settings" test "$(grep -c '^BLOCKED *KVM_CREATE_VM: Device or resource busy; another' "$dir/out")" -eq 1 -a \
	"$(grep -c '^intercepted  *BLOCKED: KVM_CREATE_VM: ' "$dir/out")" -eq 1 -a "$(grep -c '^passthrough  *possible: ' "$dir/out")" -eq 0
run vcpu-busy run --quick
check "a busy vCPU: one line, exit 77" refused "KVM_CREATE_VCPU: Device or resource busy"
if [ "$(cat /sys/module/kvm_intel/parameters/enable_mediated_pmu /sys/module/kvm_amd/parameters/enable_mediated_pmu 2>/dev/null)" = Y ]; then
	skip "... which is not the fault of a mediated PMU" "there is one"
else
	check "... which is not the fault of a mediated PMU" test "$(grep -c mediated "$dir/err")" -eq 0
fi
run fail-entry run --quick
check "no VM entry: one line, exit 77" refused "VM entry failed, hardware reason 0x21"
run eintr-create run --runs 2 --time 2 --filter 'control/empty/*'
check "a signal while a guest is created: once more" test $status -eq 0 -a "$(grep -c '^  empty/' "$dir/out")" -ge 1
run none doctor -v
check "the doctor creates a VM" test $status -eq 0 -a "$(grep -c '^good *KVM creates VMs' "$dir/out")" -eq 1

finish
