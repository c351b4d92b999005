# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is inserted into Bochs 3.0 to tie the PMU to it, and its own mistakes that Linux meets.

Each is a file, a text that must occur in it exactly once (or as often as the fourth member says), and what
takes its place, in which $& is that text. Only as much of Bochs is named as finds the place."""

SOURCE = ("bochs", "3.0+dfsg-1", ["trixie"],
          "78f6c73d4a6472d5130a87ab9dc306d02c7c71ed8e25b3a8ef642e2a7acd282b")

CONFIGURE = """--enable-x86-64 --enable-cpu-level=6 --enable-vmx=2 --enable-svm --enable-avx --enable-evex
    --enable-all-optimizations --enable-long-phy-address --enable-configurable-msrs --enable-pci --with-nogui
    --disable-docbook --disable-xpm --disable-debugger --disable-plugins --disable-gameport
    --disable-large-ramfile --disable-readline --disable-assert-checks --enable-perfmon""".split()

# Our files and where they go.
OURS = [("machine/pmu.h", "machine"), ("machine/pmu.c", "cpu"), ("machine/pmu_config.c", "cpu"), ("machine/pmu_cpuid.c", "cpu"),
        ("machine/bochs/glue.h", "cpu"), ("machine/bochs/glue.cc", "cpu"),
        ("machine/path.h", "machine"), ("machine/bochs/path.h", "cpu"), ("machine/bochs/path.cc", "cpu")]

BRANCHES = ["BX_INSTR_CNEAR_BRANCH_TAKEN(cpu_id, branch_eip, new_eip)",
            "BX_INSTR_CNEAR_BRANCH_NOT_TAKEN(cpu_id, branch_eip)",
            "BX_INSTR_FAR_BRANCH(cpu_id, what, prev_cs, prev_eip, new_cs, new_eip)"]

# The PMU.
PMU = [
    ("cpu/Makefile.in", "CPPFLAGS = @CPPFLAGS@\n", "$&CC = gcc\nCFLAGS = -O2 -I..\n"),
    ("cpu/Makefile.in", "\tproc_ctrl.o \\\n", "$&\tpmu.o pmu_config.o pmu_cpuid.o glue.o path.o \\\n"),
    # Bochs' own interface for who counts branches; it is off, so each callback is empty.
    *(("instrument/stubs/instrument.h", f"#define {callback}\n", "#define " + callback + " glue_branches++\n")
      for callback in BRANCHES),
    ("instrument/stubs/instrument.h", "#define BX_INSTR_UCNEAR_BRANCH(cpu_id, what, branch_eip, new_eip)\n",
     "#define BX_INSTR_UCNEAR_BRANCH(cpu_id, what, branch_eip, new_eip) (glue_branches++, "
     "path_on ? path_branch(what, new_eip) : (void)0)\n"),
    *((f"cpu/ctrl_xfer{bits}.cc", "#if BX_INSTRUMENTATION\n    else {", "#if 1\n    else {", 6) for bits in (16, 32, 64)),
    ("cpu/cpu.h", "class bx_cpuid_t;\n", '#include "glue.h"\n#include "path.h"\n\n$&'),
    ("cpu/cpu.h", "  BX_CPU_THIS_PTR user_pl = // CPL == 3\n", "  if (glue_watches_state) glue_settle();\n$&"),
    ("cpu/init.cc", "  BX_CPU_THIS_PTR efer_suppmask = get_efer_allow_mask();\n",
     "$&  glue_power_on(BX_CPUID_SUPPORT_ISA_EXTENSION(BX_ISA_SVM));\n"),
    ("cpu/proc_ctrl.cc", "cpuid->get_cpuid_leaf(EAX, ECX, &leaf);\n", "$&  glue_cpuid(EAX, ECX, &leaf);\n"),
    # On SVM all exceptions of the instruction come before its intercept.
    ("cpu/proc_ctrl.cc", "    if (SVM_INTERCEPT(SVM_INTERCEPT0_RDPMC))",
     "    if (glue_has_pmu() && ! glue_rdpmc_valid(ECX)) exception(BX_GP_EXCEPTION, 0);\n$&"),
    ("cpu/proc_ctrl.cc", "  /* According to manual, Pentium 4 has 18 counters,\n",
     "  if (glue_has_pmu()) {\n    Bit64u value;\n    if (! glue_rdpmc(ECX, &value)) exception(BX_GP_EXCEPTION, 0);\n"
     "    RAX = GET32L(value);\n    RDX = GET32H(value);\n    BX_NEXT_INSTR(i);\n  }\n\n$&"),
    # The TSC to the instruction, not to the last trace that was accounted for.
    ("cpu/proc_ctrl.cc", "  Bit64u tsc = bx_pc_system.time_ticks() +",
     "$& (get_icount() - get_icount_last_sync()) +"),
    ("cpu/msr.cc", "  int result = BX_CPU_THIS_PTR cpuid->rdmsr(index, &val_64);\n",
     "  int result = glue_rdmsr(index, &val_64);\n"
     "  if (result < 0) result = BX_CPU_THIS_PTR cpuid->rdmsr(index, &val_64);\n"),
    ("cpu/msr.cc", "  int result = BX_CPU_THIS_PTR cpuid->wrmsr(index, val_64);\n",
     "  int result = glue_wrmsr(index, val_64);\n"
     "  if (result < 0) result = BX_CPU_THIS_PTR cpuid->wrmsr(index, val_64);\n"),
    ("cpu/vmx.cc", "  if (vm->vmexit_ctrls1.LOAD_PAT_MSR()) {\n    host_state->pat_msr",
     "  if (vm->vmexit_ctrls1.LOAD_PERF_GLOBAL_CTRL_MSR() &&\n"
     "      ! glue_global_ctrl_valid(VMread64(VMCS_64BIT_HOST_IA32_PERF_GLOBAL_CTRL)))\n"
     "    return VMXERR_VMENTRY_INVALID_VM_HOST_STATE_FIELD;\n$&"),
    ("cpu/vmx.cc", "  if (vm->vmentry_ctrls.LOAD_PAT_MSR()) {\n    guest.pat_msr",
     "  if (vm->vmentry_ctrls.LOAD_PERF_GLOBAL_CTRL_MSR() &&\n"
     "      ! glue_global_ctrl_valid(VMread64(VMCS_64BIT_GUEST_IA32_PERF_GLOBAL_CTRL)))\n"
     "    return VMX_VMEXIT_VMENTRY_FAILURE_GUEST_STATE;\n$&"),
    ("cpu/vmx.cc", "  if (vm->vmentry_ctrls.LOAD_PAT_MSR()) {\n    BX_CPU_THIS_PTR msr.pat",
     "  if (vm->vmentry_ctrls.LOAD_PERF_GLOBAL_CTRL_MSR())\n"
     "    glue_set_global_ctrl(VMread64(VMCS_64BIT_GUEST_IA32_PERF_GLOBAL_CTRL), true);\n$&"),
    ("cpu/vmx.cc", "  if (vm->vmexit_ctrls1.STORE_PAT_MSR())\n",
     "  if (vm->vmexit_ctrls1.SAVE_PERF_GLOBAL_CTRL())\n"
     "    VMwrite64(VMCS_64BIT_GUEST_IA32_PERF_GLOBAL_CTRL, glue_global_ctrl());\n$&"),
    ("cpu/vmx.cc", "  if (vm->vmexit_ctrls1.LOAD_PAT_MSR()) {\n    BX_CPU_THIS_PTR msr.pat",
     "  if (vm->vmexit_ctrls1.LOAD_PERF_GLOBAL_CTRL_MSR())\n"
     "    glue_set_global_ctrl(VMread64(VMCS_64BIT_HOST_IA32_PERF_GLOBAL_CTRL), false);\n$&"),
    # What ran on the one side is counted before the other begins. SVM's exits have no callback.
    ("cpu/svm.cc", "  BX_CPU_THIS_PTR in_svm_guest = false;\n",
     "  glue_settle();\n$&  glue_settle();\n  if (path_on) path_exit(reason);\n"),
    ("cpu/svm.cc", "  BX_CPU_THIS_PTR in_svm_guest = true;\n", "  glue_settle();\n$&  glue_settle();\n"),
]

# The recorder of exits, by the same interface.
PATH = [
    *(("instrument/stubs/instrument.h", f"#define {callback}\n", f"#define {callback} (path_on ? {ours} : (void)0)\n")
      for callback, ours in [
          ("BX_INSTR_BEFORE_EXECUTION(cpu_id, i)", "path_instruction(i)"),
          ("BX_INSTR_LIN_ACCESS(cpu_id, lin, phy, len, memtype, rw)", "path_access(lin, len)"),
          ("BX_INSTR_EXCEPTION(cpu_id, vector, error_code)", "path_exception(vector)"),
          ("BX_INSTR_HWINTERRUPT(cpu_id, vector, cs, eip)", "path_interrupt()"),
          ("BX_INSTR_VMEXIT(cpu_id, reason, qualification)", "path_exit(reason)")]),
]

# The kernel and the initramfs are read into memory in one piece each, so memory has to be in one piece.
MEMORY = [("memory/memory_stub.cc", "  if (0) {\n    // all guest memory", "  if (guest <= host) {\n    // all guest memory")]

# A halted processor waits for the next event at once, not ten ticks at a time.
IDLE = [("cpu/event.cc", "    BX_TICKN(10);", "    BX_TICKN(bx_pc_system.getNumCpuTicksLeftNextEvent());")]

# Nothing happens by the host's clock: each boot is like the one before.
CLOCK = [
    ("iodev/virt_timer.cc", '  register_timer(this, nullTimer, (Bit32u)NullTimerInterval, 1, 1, 1, "Null Timer #2");\n', ""),
    ("iodev/virt_timer.cc", '0, 1, "Virtual Timer #1");', '0, 0, "Virtual Timer #1");'),
    ("cpu/init.cc", "  srand(time(NULL));", "  srand(1);"),      # of RDRAND
    ("gui/gui.cc", "led_timer_handler, 100000, 1, 1, 1,", "led_timer_handler, 100000, 1, 1, 0,"),
]

# What is counted is what retires: not the instruction that faults or exits, and a REP instruction once.
RETIRED = [
    ("cpu/cpu.cc", "    BX_CPU_THIS_PTR icount++;\n    BX_SYNC_TIME_IF_SINGLE_PROCESSOR(0);\n#if BX_GDBSTUB",
     "    BX_SYNC_TIME_IF_SINGLE_PROCESSOR(0);\n#if BX_GDBSTUB"),
    ("cpu/cpu.cc", "enabled\n\n      BX_CPU_THIS_PTR icount++;\n", "enabled\n\n", 3),
    ("cpu/cpu.cc", "enabled\n\n        BX_CPU_THIS_PTR icount++;\n", "enabled\n\n", 6),
    ("cpu/string.cc", "#include \"pc_system.h\"\n", "$&#undef BX_TICKN\n#define BX_TICKN(n)\n"),
    ("cpu/io.cc", "#include \"iodev/iodev.h\"\n", "$&#undef BX_TICKN\n#define BX_TICKN(n)\n"),
]

# Mistakes of 3.0.
MENDED = [
    # A posted-interrupt descriptor is aligned to 64 bytes, not to a page (SDM, "VM-Execution Control Fields").
    ("cpu/vmx.cc", "if (! IsValidPageAlignedPhyAddr(vm->pid_addr)) {",
     "if (! IsValidPhyAddr(vm->pid_addr) || (vm->pid_addr & 0x3f)) {"),
    # A guest's code segment stays one in real-address mode.
    ("cpu/vmx.cc", "  if (guest.activity_state) {\n",
     "  BX_CPU_THIS_PTR sregs[BX_SEG_REG_CS].cache.type = guest.sregs[BX_SEG_REG_CS].cache.type;\n$&"),
    ("cpu/svm.cc", "    signal_event(BX_EVENT_SVM_VIRQ_PENDING);\n\n  handleCpuContextChange();\n",
     "$&  BX_CPU_THIS_PTR sregs[BX_SEG_REG_CS].cache.type = guest.sregs[BX_SEG_REG_CS].cache.type;\n"),
    # VMRUN loads CR2.
    ("cpu/svm.cc", "  BX_CPU_THIS_PTR cr0.set32(guest.cr0.get32());\n", "  BX_CPU_THIS_PTR cr2 = guest.cr2;\n$&"),
    # EFLAGS.VM goes before long mode comes.
    ("cpu/svm.cc", "  BX_CPU_THIS_PTR idtr = host->idtr;\n\n  BX_CPU_THIS_PTR efer = host->efer;\n",
     "  setEFlags(host->eflags & ~EFlagsVMMask);\n$&"),
]

INSERTIONS = PMU + PATH + MEMORY + IDLE + CLOCK + RETIRED + MENDED
