#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# limit 30m
# Each thing of a kernel tree that the engine touches gets another name in a copy, in turn: then there is no engine, and
# one paragraph says why, or there is one and its survey is right, without what it does not find. Never a crash, never a
# difference that is not there. Names: RENAMES="NAME...", or all; a few of them otherwise.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
. tests/kernels.sh

tree=$(cached_tree -name 'debian-*_*')
if [ -z "$tree" ]; then
	skip 'things of other names' 'no tree in the cache; scripts/kernel-tree debian:6.12 makes one'
	finish
fi
mkdir "$dir/kept"
own_programs

# What the probes name, but for the probes' own words, and what glue.c calls, sets and reads.
probed=$(sed -n 's/^\tprobe //p' fuzz/engines/kernel/features | grep -oE '[A-Za-z_][A-Za-z0-9_]*' |
	grep -vxE 'OP|OPS|PMU|HOST|VCPU|COUNT_IS|struct|arch' | sort -u)
called='kvm_pmu_refresh kvm_pmu_init kvm_pmu_ops_update kvm_pmu_rdpmc kvm_emulate_rdpmc kvm_init_pmu_capability x86_emulate_instruction emulate_ops
intel_pmu_ops amd_pmu_ops kvm_pmu_cap kvm_pmu_ops kvm_x86_ops enable_pmu enable_vmware_backdoor gp_counters nr_arch_gp_counters
nr_arch_fixed_counters perf_capabilities cpuid_entries cpuid_nent kvmclock_offset regs_avail cr0_guest_owned_bits
cr4_guest_owned_bits emulate_ctxt is_paused last_vmentry_cpu get_cpl get_cs_db_l_bits cache_reg skip_emulated_instruction
get_interrupt_shadow perf_get_x86_pmu_capability bit_width_gp num_counters_gp events_mask_len AMD64_NUM_COUNTERS_CORE
VCPU_REG_CR0 VCPU_EXREG_CR0 KVM_POSSIBLE_CR0_GUEST_BITS guest_cpu_cap_has to_svm vcpu_vmx vcpu_svm'
case ${RENAMES:-} in
all)	names="$probed $called" ;;
'')	names='nested_ops guest_cpu_cap_change kvm_need_rdpmc_intercept enable_pmu kvm_init_pmu_capability' ;;
*)	names=$RENAMES ;;
esac

# To the name's end: what has it as a part of its own name keeps it.
rename_() # NAME
{
	rm -rf "$dir/copy" && cp -as "$tree" "$dir/copy" || return
	(cd "$dir/copy" && grep -RlwE --include='*.[chS]' "$1" arch/x86/kvm arch/x86/include/asm include/linux virt/kvm 2>/dev/null |
		grep . | while read -r file; do
		sed "s/\\b$1\\b/renamed_$1/g" "$file" >"$file.new" && mv "$file.new" "$file" && echo "$file"
	done) >"$dir/changed"
}

# No engine: exit 2, and the last line says so. An engine that does not run: one line that says so.
right()
{
	scripts/kernel-engine --out "$dir/bin/kernel/renamed.so" --name renamed "$dir/copy" >"$dir/out" 2>"$dir/err"
	status=$?
	if [ $status -ne 0 ]; then
		outcome="no engine: $(tail -n 1 "$dir/err" | sed 's/.* cannot be handled: //; s/.* can handle: //' | cut -c 1-90)"
		[ $status -eq 2 ] && tail -n 1 "$dir/err" | grep -q '^kernel-engine: .*\(cannot be handled\|no tree that this can handle\)' &&
			[ ! -e "$dir/bin/kernel/renamed.so" ]
		return
	fi
	"$dir/bin/rdpmc-diff" survey --engine kernel:renamed --configuration skylake --configuration sapphire-rapids-kvm \
		--configuration smaller-gp --configuration amd-ext-core --configuration amd-v2 --configuration no-pmu \
		>"$dir/out" 2>"$dir/err"
	status=$?
	outcome="survey: $(head -n 1 "$dir/out" | cut -c 1-90)"
	[ $status -ne 77 ] || outcome="an engine that does not run: $(cut -c 1-200 "$dir/err")"
	[ $status -eq 0 ] && grep -q '^Every read' "$dir/out" ||
		{ [ $status -eq 77 ] && [ "$(wc -l <"$dir/err")" -eq 1 ] && grep -q 'cannot be handled' "$dir/err"; }
}

for name in $names; do
	rename_ "$name"
	if [ ! -s "$dir/changed" ]; then
		skip "renamed: $name" "${tree##*/} has none"
		continue
	fi
	right
	good=$?
	check "renamed: $name: $outcome" test $good -eq 0
done
finish
