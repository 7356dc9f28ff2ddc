/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "project/project.h"

/*
 * What the RUN steps of a hermetic build see and fetch: their view (hermetic/view.h), with a seed
 * that the lock has, and a network that ends at a recorder in this process. A build plays what the
 * lock has and records the rest; a rebuild only plays, and asks a server for nothing but a body
 * that the store lacks and whose hash the lock has.
 *
 * Who gives a view of his own (the doctor) gets that view with this network and nothing else: all
 * is asked for anew, whatever the lock has.
 *
 * Borrows plan and options until it is closed.
 */
struct project_steps;

/*
 * The clock of the steps, which is also their SOURCE_DATE_EPOCH and the time of the files that COPY
 * brings them: the source date epoch; where that is 0, which is no date, the time at which the
 * newest base image was made (`newest`, seconds; 0 = unknown), but never less than a time that
 * belongs to the layout: programs refuse keys and certificates of a later time, zip refuses what is
 * before 1980. So it is a function of what is built alone. `now` is this machine's clock: SS_ESYS
 * if it has not come so far.
 */
#define PROJECT_CLOCK_LEAST 1767225600u /* 2026-01-01T00:00:00Z, of layout 1 */
SS_MUST_CHECK SS_NONNULL int project_clock_of(uint32_t epoch, uint64_t newest, int64_t now,
					      uint32_t *ret, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int project_clock_check(uint32_t clock, int64_t now, struct ss_err *err);

SS_MUST_CHECK SS_NONNULL int project_steps_open(const struct project_plan *p,
						const struct project_options *o,
						struct project_steps **ret, struct ss_err *err);
/* For the engine; borrowed. NULL without steps. */
const struct hm_view *project_steps_view(const struct project_steps *s);
const char *project_steps_net(const struct project_steps *s);
/* What the steps have as SOURCE_DATE_EPOCH, until project_steps_made() says otherwise. */
SS_NONNULL uint32_t project_steps_clock(const struct project_steps *s);
/* True if project_steps_made() is wanted: engine_request.bases_made, `ctx` is the steps. */
SS_NONNULL bool project_steps_wait(const struct project_steps *s);
SS_MUST_CHECK SS_NONNULL int project_steps_made(void *ctx, uint64_t newest, uint32_t *ret_clock,
						struct ss_err *err);
/* After a build that failed: why, if it was a fetch. */
SS_NONNULL void project_steps_explain(struct project_steps *s, struct ss_err *err);
/* After a build: what goes into the lock, and what is told. */
SS_MUST_CHECK SS_NONNULL int project_steps_finish(struct project_steps *s,
						  struct project_result *ret, struct ss_err *err);
/* After that: takes the recorder's certificate out of what the image holds (project_clean.c); the
 * tree is sorted. */
SS_MUST_CHECK SS_NONNULL int project_steps_clean(const struct project_steps *s, struct tree *t,
						 struct ss_err *err);
/* The same for one in PEM. SS_EINPUT names a file that holds it in another form. */
SS_MUST_CHECK SS_NONNULL int project_clean(struct ss_span pem, struct tree *t, struct ss_err *err);
/* Lets go of everything; accepts NULL. */
void project_steps_free(struct project_steps *s);
