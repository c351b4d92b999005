/* SPDX-License-Identifier: GPL-2.0 */
/* The tree's headers that glue.c and the probes of what a tree has are compiled with. */
#ifndef FUZZ_KERNEL_TREE_H
#define FUZZ_KERNEL_TREE_H

/* They want their order. */
/* clang-format off */
#include <linux/kvm_host.h>
#include <linux/perf_event.h>

#include "x86.h"
#include "cpuid.h"
#include "pmu.h"
#include "kvm_emulate.h"
#include "vmx/vmx.h"
#include "svm/svm.h"
/* clang-format on */

#endif
