// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic of a run. */
#include "bench/run.h"

#include <string.h>

void visits_clear(struct visits *visits)
{
	*visits = (struct visits){ .samples = visits->samples };
}

/*
 * Of a counter that grows by something once a block and something a turn: the latter, for all
 * turns.
 */
static double slope(uint64_t longer, uint64_t shorter)
{
	return (double)longer - (double)shorter;
}

void visits_add(struct visits *visits, uint64_t turns, const struct reading block[2],
		const struct reading *sampled, const uint64_t *samples, size_t n_samples)
{
	visits->slope[visits->n++] = slope(block[1].ticks, block[0].ticks) / (double)turns;
	/* An interrupt is an exit too, but not the instruction's. */
	visits->exits += slope(block[1].exits, block[0].exits) -
			 slope(block[1].irq_exits, block[0].irq_exits);
	visits->sample_exits += (double)sampled->exits - (double)sampled->irq_exits;
	visits->insn_emulation += slope(block[1].insn_emulation, block[0].insn_emulation);
	visits->turns += (double)turns;
	for (int i = 0; i < 2; i++) {
		visits->blocks_ns += (double)block[i].host_ns;
		visits->together_ns += (double)block[i].host_ns * block[i].together;
	}
	visits->irq_exits += block[0].irq_exits + block[1].irq_exits + sampled->irq_exits;
	memcpy(visits->samples + visits->n_samples, samples, n_samples * sizeof(uint64_t));
	visits->n_samples += n_samples;
}

/*
 * A sample below an empty one is below what a single read can be timed to: no cost is less than 0.
 * The limit is no cost.
 */
static void take_off(struct summary *samples, double overhead)
{
	double *const costs[] = { &samples->min, &samples->median, &samples->p90,
				  &samples->p99, &samples->p999,   &samples->max };

	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		*costs[i] -= overhead;
		if (*costs[i] < 0) /* and no NAN */
			*costs[i] = 0;
	}
	samples->disturbed_limit -= overhead;
}

void visits_result(const struct visits *visits, const struct run_result *empty,
		   struct run_result *result)
{
	double slopes[RUN_VISITS * MAX_VCPUS];

	memcpy(slopes, visits->slope, visits->n * sizeof(slopes[0]));
	*result = (struct run_result){
		.raw = median(slopes, visits->n),
		.exits = visits->exits / visits->turns,
		.sample_exits = visits->sample_exits,
		.insn_emulation = visits->insn_emulation / visits->turns,
		.together = visits->blocks_ns > 0 ? visits->together_ns / visits->blocks_ns : 1,
		.irq_exits = visits->irq_exits,
		.reads = (uint64_t)(3 * visits->turns),
	};
	result->median = result->raw - (empty ? empty->raw : 0);
	for (size_t i = 0; i < visits->n_samples; i++)
		histogram_add(&result->histogram, visits->samples[i]);
	summarise(visits->samples, visits->n_samples, &result->samples);
	/* A sample is net of a sampled empty loop, fences and all; the empty loop is as it is. */
	result->sample_overhead = empty ? empty->samples.median : 0;
	take_off(&result->samples, result->sample_overhead);
}

double visits_of_vcpu(const struct visits *visits, unsigned int i, unsigned int n)
{
	double slopes[RUN_VISITS];
	unsigned int own = 0;

	for (; i < visits->n && own < RUN_VISITS; i += n)
		slopes[own++] = visits->slope[i];
	return median(slopes, own);
}
