// SPDX-License-Identifier: LGPL-2.1-or-later
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu.h"
#define LOG_THIS BX_CPU_THIS_PTR
#include "pc_system.h"
#include "apic.h"
#include "cpuid.h"
#include "glue.h"
#include "machine/path.h"
#include "machine/pmu.h"
#include "path.h"

#include <string>

Bit64u glue_branches;
bool glue_watches_state;

static struct pmu pmu;
static bool has_pmu, amd;
static std::string name;
static Bit32u signature;

/* Instructions up to this one are counted; those after it run in this state. */
static Bit64u settled;
static unsigned settled_cpl;
static enum pmu_side settled_side;
static int alarm_handle = BX_NULL_TIMER_HANDLE;

static std::string option(const char *key)
{
  const char *text = getenv("RDPMC_MACHINE");
  std::string all = text ? text : "", start = std::string(key) + "=";
  for (size_t at = 0; at < all.size();) {
    size_t end = all.find(';', at);
    std::string part = all.substr(at, end == std::string::npos ? end : end - at);
    if (part.compare(0, start.size(), start) == 0)
      return part.substr(start.size());
    at = end == std::string::npos ? all.size() : end + 1;
  }
  return "";
}

static enum pmu_side side(void)
{
  if (!BX_CPU_THIS_PTR efer.get_SVME())
    return PMU_NATIVE;
  return BX_CPU_THIS_PTR in_svm_guest ? PMU_GUEST : PMU_HOST;
}

/* Bochs' timers run at the ends of traces, so that an interrupt comes some instructions late, as it does on a
 * processor; and while the processor is halted, where nothing counts: it is set anew then. */
static void set_alarm(void)
{
  Bit64u left = pmu_until_pmi(&pmu, settled_cpl, settled_side);
  if (left == ~BX_CONST64(0))
    bx_pc_system.deactivate_timer(alarm_handle);
  else
    bx_pc_system.activate_timer_ticks(alarm_handle, left ? left : 1, false);
}

/* The mask is set by the delivery (SDM, "Local Vector Table"); AMD's manual says nothing of it. */
static void interrupt(void)
{
  bx_local_apic_c *apic = BX_CPU_THIS_PTR lapic;
  Bit32u lvt = apic->read_aligned(BX_LAPIC_LVT_PERFMON);
  if (lvt & 0x10000)
    return;
  if (!amd)
    apic->write_aligned(BX_LAPIC_LVT_PERFMON, lvt | 0x10000);
  apic->deliver(lvt & 0xff, (lvt >> 8) & 7, APIC_EDGE_TRIGGERED);
}

/* Up to the instruction that runs, or with it. */
static void settle(unsigned with)
{
  Bit64u now = BX_CPU_THIS_PTR get_icount() + with;
  if (now > settled) {
    pmu_branch(&pmu, glue_branches);
    glue_branches = 0;
    pmu_retire(&pmu, now - settled, settled_cpl, settled_side);
    settled = now;
  }
  unsigned cpl = BX_CPU_THIS_PTR sregs[BX_SEG_REG_CS].selector.rpl;
  bool other_state = cpl != settled_cpl || side() != settled_side;
  settled_cpl = cpl;
  settled_side = side();
  if (other_state && glue_watches_state)
    set_alarm();
  if (pmu_take_pmi(&pmu))
    interrupt();
}

void glue_settle(void) { settle(0); }

/* After whatever may change how fast counters run, or how far they have to go. */
static void changed(void)
{
  glue_watches_state = pmu_by_state(&pmu);
  set_alarm();
}

static void alarm_rings(void *)
{
  glue_settle();
  set_alarm();
}

void glue_power_on(bool svm)
{
  static bool done; // INIT leaves a PMU as it is, and nothing else resets this machine
  char why[200];

  if (done)
    return;
  done = true;
  std::string text = option("pmu"), number = option("signature");

  amd = svm;
  name = option("name");
  signature = (Bit32u)strtoul(number.c_str(), NULL, 0);
  has_pmu = !text.empty();
  if (has_pmu && pmu_configure(&pmu, text.c_str(), why, sizeof(why)))
    BX_PANIC(("RDPMC_MACHINE: pmu=%s: %s", text.c_str(), why));
  path_open(option("path").c_str());
  settled = BX_CPU_THIS_PTR get_icount();
  if (alarm_handle == BX_NULL_TIMER_HANDLE)
    alarm_handle = bx_pc_system.register_timer_ticks(NULL, alarm_rings, 1, false, false, "pmu");
  if (has_pmu)
    changed();
}

bool glue_has_pmu(void) { return has_pmu; }

static Bit32u word(size_t at)
{
  Bit32u four = 0;
  for (size_t i = 0; i < 4 && at + i < name.size(); i++)
    four |= (Bit32u)(Bit8u)name[at + i] << (8 * i);
  return four;
}

void glue_cpuid(Bit32u leaf, Bit32u subleaf, cpuid_function_t *answer)
{
  Bit32u reg[4] = {answer->eax, answer->ebx, answer->ecx, answer->edx};

  if (leaf == PATH_LEAF) {
    Bit32u argument[2] = {EBX, EDX};
    path_cpuid(subleaf, argument, reg);
  }
  if (has_pmu) // "none" is one: it takes away what Bochs would say of a PMU and of the TSC's frequency
    pmu_cpuid(&pmu, leaf, subleaf, reg);
  // Bochs 3.0 confuses host and guest where one has CR4.LA57 and the other not: nobody has.
  if (leaf == 7 && subleaf == 0)
    reg[2] &= ~(1U << 16);
  if (signature && (leaf == 1 || (amd && leaf == 0x80000001)))
    reg[0] = signature;
  if (!name.empty() && leaf >= 0x80000002 && leaf <= 0x80000004)
    for (unsigned i = 0; i < 4; i++)
      reg[i] = word(16 * (leaf - 0x80000002) + 4 * i);
  answer->eax = reg[0];
  answer->ebx = reg[1];
  answer->ecx = reg[2];
  answer->edx = reg[3];
}

int glue_rdmsr(Bit32u msr, Bit64u *value)
{
  uint64_t v = 0;
  if (!has_pmu)
    return PMU_NOT_MINE;
  glue_settle();
  enum pmu_answer answer = pmu_rdmsr(&pmu, msr, &v);
  if (answer == PMU_DONE)
    *value = v;
  return answer;
}

int glue_wrmsr(Bit32u msr, Bit64u value)
{
  if (!has_pmu)
    return PMU_NOT_MINE;
  settle(1); // a counter that a WRMSR starts does not count it, one that it stops does
  enum pmu_answer answer = pmu_wrmsr(&pmu, msr, value);
  if (answer == PMU_DONE)
    changed();
  return answer;
}

bool glue_rdpmc_valid(Bit32u ecx) { return pmu_rdpmc_valid(&pmu, ecx); }

bool glue_rdpmc(Bit32u ecx, Bit64u *value)
{
  uint64_t v = 0;
  glue_settle();
  bool good = pmu_rdpmc(&pmu, ecx, BX_CPU_THIS_PTR sregs[BX_SEG_REG_CS].selector.rpl, &v);
  *value = v;
  return good;
}

bool glue_global_ctrl_valid(Bit64u value) { return pmu_global_ctrl_valid(&pmu, value); }

Bit64u glue_global_ctrl(void) { return pmu_global_ctrl(&pmu); }

/* A VM entry has retired on the host's side, an instruction that exits never retires. */
void glue_set_global_ctrl(Bit64u value, bool entry)
{
  settle(entry);
  pmu_set_global_ctrl(&pmu, value);
  changed();
}
