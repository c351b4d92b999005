/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Read between the tree's kconfig.h and all else: the tree's configuration, less what cannot be in a
 * user-space program. What it changes of the layout of structures it changes for all files alike.
 * The configurations that KVM selects are set before this by scripts/kernel-engine.
 */

/* Code that patches itself, or is reached by patching. */
#undef CONFIG_HAVE_STATIC_CALL
#undef CONFIG_HAVE_STATIC_CALL_INLINE
#undef CONFIG_JUMP_LABEL
#undef CONFIG_PARAVIRT
#undef CONFIG_PARAVIRT_XXL
#undef CONFIG_PARAVIRT_SPINLOCKS
#undef CONFIG_PREEMPT_DYNAMIC
#undef CONFIG_TRACEPOINTS
#undef CONFIG_FUNCTION_TRACER
#undef CONFIG_DYNAMIC_FTRACE
#undef CONFIG_FUNCTION_GRAPH_TRACER
#undef CONFIG_DYNAMIC_DEBUG
#undef CONFIG_DYNAMIC_DEBUG_CORE
#undef CONFIG_PRINTK_INDEX
#undef CONFIG_TRACE_BRANCH_PROFILING
#undef CONFIG_PROFILE_ANNOTATED_BRANCHES
#undef CONFIG_PROFILE_ALL_BRANCHES
#undef CONFIG_MEM_ALLOC_PROFILING
#undef CONFIG_CALL_DEPTH_TRACKING
#undef CONFIG_X86_KERNEL_IBT
#undef CONFIG_CFI
#undef CONFIG_CFI_CLANG
#undef CONFIG_FINEIBT
#undef CONFIG_RETPOLINE
#undef CONFIG_MITIGATION_RETPOLINE
#undef CONFIG_RETHUNK
#undef CONFIG_MITIGATION_RETHUNK
#undef CONFIG_SLS
#undef CONFIG_MITIGATION_SLS
#undef CONFIG_MODVERSIONS
#undef CONFIG_TRIM_UNUSED_KSYMS

/* The kernel's checks and sanitizers, whose run-time parts are not here; ours are. */
#undef CONFIG_FORTIFY_SOURCE
#undef CONFIG_HARDENED_USERCOPY
#undef CONFIG_KASAN
#undef CONFIG_KASAN_GENERIC
#undef CONFIG_KASAN_INLINE
#undef CONFIG_KASAN_STACK
#undef CONFIG_KASAN_VMALLOC
#undef CONFIG_KCSAN
#undef CONFIG_KMSAN
#undef CONFIG_KCOV
#undef CONFIG_UBSAN
#undef CONFIG_UBSAN_BOUNDS
#undef CONFIG_UBSAN_TRAP
#undef CONFIG_LOCKDEP
#undef CONFIG_PROVE_LOCKING
#undef CONFIG_PROVE_RCU
#undef CONFIG_PROVE_RAW_LOCK_NESTING
#undef CONFIG_DEBUG_LOCK_ALLOC
#undef CONFIG_DEBUG_SPINLOCK
#undef CONFIG_DEBUG_MUTEXES
#undef CONFIG_DEBUG_RWSEMS
#undef CONFIG_DEBUG_ATOMIC_SLEEP
#undef CONFIG_DEBUG_IRQFLAGS
#undef CONFIG_DEBUG_PREEMPT
#undef CONFIG_DEBUG_OBJECTS
#undef CONFIG_DEBUG_VIRTUAL
#undef CONFIG_DEBUG_VM
#undef CONFIG_DEBUG_ENTRY
#undef CONFIG_LOCK_STAT
#undef CONFIG_TRACE_IRQFLAGS
#undef CONFIG_TRACE_PREEMPT_TOGGLE
#undef CONFIG_PREEMPT
#undef CONFIG_PREEMPTION
#undef CONFIG_PREEMPT_COUNT
#undef CONFIG_PREEMPT_RT
#undef CONFIG_PREEMPT_RCU
#undef CONFIG_RANDSTRUCT
#undef CONFIG_GCC_PLUGINS
#undef CONFIG_GCC_PLUGIN_STRUCTLEAK
#undef CONFIG_GCC_PLUGIN_LATENT_ENTROPY

/* Plain calls, where a tree without static calls does not say so itself. */
#define static_call_mod(name) static_call(name)

/* Position-independent code has no constants for the addresses of per-CPU variables; clang can do without. */
#undef CONFIG_CC_HAS_NAMED_AS
#undef CONFIG_USE_X86_SEG_SUPPORT
#define CONFIG_CC_HAS_NAMED_AS     1
#define CONFIG_USE_X86_SEG_SUPPORT 1
