/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel has elsewhere and these paths need: its own complaints, MSRs, a VMCS, perf, clocks. A part of glue.c,
 * which includes it once: a proof translates one file.
 */

struct cpuinfo_x86 boot_cpu_data;
#ifdef HAVE_VMCS_CONFIG
struct vmcs_config vmcs_config __attribute__((weak)); /* vmx.c's, where that is here */
#endif

void glue_complain(const char *what, const char *file, int line)
{
	engine_complain(what, file, line, NULL);
}

void glue_bug(const char *what, const char *file, int line)
{
	engine_complain(what, file, line, NULL);
	engine_give_up();
}

/* Called by the stubs of functions that nobody expects on these paths. */
void glue_unexpected(const char *name, void *address);
void glue_unexpected(const char *name, void *address)
{
	engine_complain(name, NULL, 0, address);
	engine_give_up();
}

unsigned long long glue_rdmsr(unsigned int msr)
{
	if (msr != MSR_IA32_PERF_CAPABILITIES && only->setting_up)
		return 0; /* of the host's state, which no guest here runs on */
	if (msr != MSR_IA32_PERF_CAPABILITIES)
		glue_unexpected("rdmsr", __builtin_return_address(0));
	only->asked_capabilities = true;
	return only->host.perf_capabilities;
}

#ifndef GLUE_PROVE
/* The VMCS: by a field's encoding, of 15 bits. */
static unsigned long vmcs_fields[1 << 15];
static unsigned int vmcs_written[512], n_vmcs_written;

unsigned long glue_vmread(unsigned long field)
{
	return vmcs_fields[field % ARRAY_SIZE(vmcs_fields)];
}

void glue_vmwrite(unsigned long field, unsigned long value)
{
	field %= ARRAY_SIZE(vmcs_fields);
	if (n_vmcs_written == ARRAY_SIZE(vmcs_written))
		glue_bug("more VMWRITEs than a vCPU's setup has", __FILE__, __LINE__);
	vmcs_written[n_vmcs_written++] = field;
	vmcs_fields[field] = value;
}

static void clear_vmcs(void)
{
	while (n_vmcs_written)
		vmcs_fields[vmcs_written[--n_vmcs_written]] = 0;
}

/* hweight32(), hweight64(): called from an asm() that expects no register to change but RAX. */
__asm__(".pushsection .text\n"
	".globl __sw_hweight32, __sw_hweight64\n"
	"__sw_hweight32: popcnt %edi, %eax\n\tret\n"
	"__sw_hweight64: popcnt %rdi, %rax\n\tret\n"
	".popsection");
#endif

#ifndef GLUE_PROVE
/* Older trees have these in x86.c, newer ones in a file that is not here. No VM has a filter of MSRs; and the host's */
bool __weak kvm_msr_allowed(struct kvm_vcpu *vcpu, u32 index, u32 type)
{
	return true;
}

/* MSRs are none that a guest changes. */
int __weak kvm_find_user_return_msr(u32 msr)
{
	return -1;
}

/* No guest here has pages; before 5.13 a VMCB that is new begins with none. */
void kvm_mmu_reset_context(struct kvm_vcpu *vcpu)
{
	if (!only->setting_up)
		glue_unexpected("kvm_mmu_reset_context()", __builtin_return_address(0));
}

/* Before 6.1 the PMU's refresh sets up what a guest's guest may have. */
void __weak nested_vmx_pmu_entry_exit_ctls_update(struct kvm_vcpu *vcpu)
{
}

unsigned long cr4_read_shadow(void)
{
	return 0;
}

int __srcu_read_lock(struct srcu_struct *srcu)
{
	return 0;
}

void __srcu_read_unlock(struct srcu_struct *srcu, int index)
{
}
#endif

#ifdef CONFIG_PRINTK
/* What the kernel has to say is no complaint. */
int _printk(const char *format, ...)
{
	return 0;
}
#endif

void perf_get_x86_pmu_capability(struct x86_pmu_capability *cap)
{
	const struct glue_host *host = &only->host;

	memset(cap, 0, sizeof(*cap));
	cap->version = host->version;
#ifdef HAVE_HOST_BITMAPS
	cap->cntr_mask64 = host->gp_set;
	cap->fixed_cntr_mask64 = host->fixed_set;
#else
	cap->num_counters_gp = host->gp;
	cap->num_counters_fixed = host->fixed;
#endif
	cap->bit_width_gp = host->gp_width;
	cap->bit_width_fixed = host->fixed_width;
	cap->events_mask_len = 7;
#ifdef HAVE_CAP_MEDIATED
	cap->mediated = 1;
#endif
}

#ifndef GLUE_PROVE
u64 perf_event_read_value(struct perf_event *event, u64 *enabled, u64 *running)
{
	*enabled = *running = 1;
	return container_of(event, struct glue_event, perf)->counted;
}
#endif

#ifdef HAVE_HW_EVENT_CONFIG
u64 perf_get_hw_event_config(int hw_event)
{
	return 0xc0 + hw_event; /* there is one: that is all that is asked */
}
#endif

#ifndef GLUE_PROVE
/* Functions before 5.14, inline since: so they are defined by another name. */
unsigned long glue_find_next_bit(const unsigned long *map, unsigned long size,
				 unsigned long bit) __asm__("find_next_bit");
unsigned long glue_find_next_bit(const unsigned long *map, unsigned long size, unsigned long bit)
{
	while (bit < size && !(map[bit / BITS_PER_LONG] >> bit % BITS_PER_LONG & 1))
		bit++;
	return bit;
}

unsigned long glue_find_first_bit(const unsigned long *map,
				  unsigned long size) __asm__("find_first_bit");
unsigned long glue_find_first_bit(const unsigned long *map, unsigned long size)
{
	return glue_find_next_bit(map, size, 0);
}
#endif

/* By words: a proof unrolls the loop. */
void __bitmap_set(unsigned long *map, unsigned int start, int length)
{
	for (unsigned int bit = start, end = start + length; bit < end;) {
		unsigned int word = bit / BITS_PER_LONG, next = (word + 1) * BITS_PER_LONG;
		unsigned int last = (next < end ? next : end) - 1;

		map[word] |= GENMASK(last % BITS_PER_LONG, bit % BITS_PER_LONG);
		bit = next;
	}
}

ktime_t ktime_get_with_offset(enum tk_offsets offs)
{
	return offs == TK_OFFS_BOOT ? only->real : ~only->real;
}

#if !defined(GLUE_PROVE) && defined(CONFIG_PERF_EVENTS) && defined(CONFIG_CPU_SUP_INTEL)
/*
 * The host's perf has no last branch records, as in proofs (prove/kernel_contracts.c). By another name, because trees
 * before 6.1 declare that it returns an error.
 */
int glue_get_lbr(struct x86_pmu_lbr *lbr) __asm__("x86_perf_get_lbr");
int glue_get_lbr(struct x86_pmu_lbr *lbr)
{
	lbr->nr = 0;
	return -1;
}
#endif
