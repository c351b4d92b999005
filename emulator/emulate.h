/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second way to RDPMC: KVM's instruction emulator, which decodes by itself and so must check
 * what the processor has already checked when RDPMC exits.
 */
#ifndef EMULATOR_EMULATE_H
#define EMULATOR_EMULATE_H

#include "emulator/kvm_host.h"

struct x86_emulate_ctxt {
	struct kvm_vcpu *vcpu;
	bool lock_prefix;
};

/*
 * RDPMC at RIP, decoded so far that its length and its LOCK prefix are known, is carried out, or #UD or
 * #GP(0) is queued. Returns 1, as kvm_emulate_rdpmc() does.
 */
int x86_emulate_rdpmc(struct kvm_vcpu *vcpu, bool lock_prefix);

#endif
