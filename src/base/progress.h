/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * How long work says how far it is, without printing: the command line gives a struct whose
 * functions draw a bar on a terminal or a line a phase elsewhere. Passing NULL is silence.
 * The calls may come from any thread, one at a time a phase.
 */
struct ss_progress {
	/* A phase begins, e.g. "unpacking layers"; total 0 = unknown. */
	void (*phase)(struct ss_progress *p, const char *what, uint64_t total_bytes);
	/* `bytes` more are done. */
	void (*step)(struct ss_progress *p, uint64_t bytes);
	/* A line worth reading even without a terminal (an engine's output, a warning). */
	void (*note)(struct ss_progress *p, const char *line);
};

static inline void ss_progress_phase(struct ss_progress *p, const char *what, uint64_t total)
{
	if (p != 0)
		p->phase(p, what, total);
}

static inline void ss_progress_step(struct ss_progress *p, uint64_t bytes)
{
	if (p != 0)
		p->step(p, bytes);
}

static inline void ss_progress_note(struct ss_progress *p, const char *line)
{
	if (p != 0)
		p->note(p, line);
}
